/* Kernel files: the top level of the parser, and what can be asked of a kernel. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/hash.h"
#include "problems/graph/flow.h"
#include "problems/graph/names.h"
#include "problems/kernel/file.h"

DEFINE_CLEANUP(cleanup_kernel, struct kernel *, kernel_free)

int kernel_limit(struct error *err) {
    if (err) err->code = ERR_LIMIT;
    return -1;
}

struct expr *kernel_expr_parse(const struct kernel *k, const struct yaml_node *at, const char *text,
                               struct error *err) {
    struct error inner = ERROR_INIT;
    struct expr *e = expr_parse(text, &inner);
    if (!e) yaml_error(k->doc, at, err, "`%.200s`: %s", text, inner.text);
    return e;
}

/* A required name: of the kernel itself, of its problem. */
static int title_parse(const struct kernel *k, const struct yaml_node *root, const char *key, char ret[NAME_MAX_LEN],
                       struct error *err) {
    const struct yaml_node *n = yaml_get(root, key);
    const char *text = yaml_string(k->doc, n, key, err);
    if (!text) return -1;
    const char *why = name_title_problem(text);
    if (why) return yaml_error(k->doc, n, err, "the name `%.80s` %s", text, why);
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

static int language_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    static const char *const later[] = {"cuda-c", "ptx", "spirv"};
    const char *text = yaml_string(k->doc, n, "language", err);
    if (!text) return -1;
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        if (strcmp(text, later[i]) != 0) continue;
        yaml_error(k->doc, n, err, "language `%s` cannot be run yet; only opencl-c can", text);
        if (err) err->code = ERR_UNSUPPORTED;
        return -1;
    }
    if (strcmp(text, "opencl-c") != 0) {
        yaml_error(k->doc, n, err, "unknown language `%.40s`", text);
        return error_hint(err, "there are opencl-c, cuda-c, ptx and spirv");
    }
    memcpy(k->language, text, strlen(text) + 1);
    return 0;
}

/* The keys with one of a few words as their value. */
static int words_parse(struct kernel *k, const struct yaml_node *root, struct error *err) {
    const struct yaml_node *precision = yaml_get(root, "precision"), *order = yaml_get(root, "nondeterministic");
    const char *text;
    if (precision) {
        if (!(text = yaml_string(k->doc, precision, "precision", err))) return -1;
        k->relaxed = strcmp(text, "relaxed") == 0;
        int declared = *text && !k->relaxed ? precision_from_name(text) : PRECISION_STRICT;
        if (declared < 0 || !*text)
            return yaml_error(k->doc, precision, err, "`precision` is strict, relaxed, tf32, f16 or bf16, not `%.40s`",
                              text);
        k->precision = (enum precision)declared;
    }
    if (order) {
        if (!(text = yaml_string(k->doc, order, "nondeterministic", err))) return -1;
        k->atomics = strcmp(text, "atomics") == 0;
        if (!k->atomics)
            return yaml_error(k->doc, order, err, "`nondeterministic` can be atomics only, not `%.40s`", text);
    }
    return 0;
}

static int source_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    k->source_file = yaml_string(k->doc, n, "source", err);
    if (!k->source_file) return -1;
    if (!*k->source_file || strlen(k->source_file) > 255)
        return yaml_error(k->doc, n, err, "`source` must name a file of at most 255 characters");
    if (*k->source_file == '/' || strstr(k->source_file, ".."))
        return yaml_error(k->doc, n, err, "`source` must stay inside the kernel file's folder; `%.80s` does not",
                          k->source_file);
    if (memchr(k->source, 0, k->source_len))
        return yaml_error(k->doc, n, err, "`%.80s` holds a NUL byte; it is no source text", k->source_file);
    return 0;
}

static int body_parse(struct kernel *k, const struct yaml_node *root, struct error *err) {
    static const char *const keys[] = {"kernel",      "problem",     "language", "source",           "tune",
                                       "constraints", "specialised", "scratch",  "launches",         "requires",
                                       "options",     "precision",   "in_place", "nondeterministic", NULL};
    if (yaml_check_keys(k->doc, root, keys, err) != 0) return -1;
    if (title_parse(k, root, "kernel", k->name, err) != 0) return -1;
    if (title_parse(k, root, "problem", k->problem, err) != 0) return -1;
    if (language_parse(k, yaml_get(root, "language"), err) != 0) return -1;
    if (source_parse(k, yaml_get(root, "source"), err) != 0) return -1;
    if (words_parse(k, root, err) != 0) return -1;
    if (options_list_parse(k, yaml_get(root, "options"), err) != 0) return -1;
    if (requires_parse(k, yaml_get(root, "requires"), err) != 0) return -1;
    if (tune_parse(k, yaml_get(root, "tune"), err) != 0) return -1;
    if (specialised_parse(k, yaml_get(root, "specialised"), err) != 0) return -1;
    if (constraints_parse(k, yaml_get(root, "constraints"), err) != 0) return -1;
    if (scratch_parse(k, yaml_get(root, "scratch"), err) != 0) return -1;
    if (in_place_parse(k, yaml_get(root, "in_place"), err) != 0) return -1;
    if (launches_parse(k, yaml_get(root, "launches"), err) != 0) return -1;
    return launches_check_source(k, err);
}

struct kernel *kernel_parse(const char *yaml, size_t yaml_len, const char *filename, const char *source,
                            size_t source_len, struct error *err) {
    if (yaml_len > KERNEL_MAX_BYTES || source_len > KERNEL_MAX_BYTES - yaml_len) {
        error_set(err, ERR_LIMIT, "%s: %zu bytes of file and source are over the limit of %d", filename,
                  yaml_len + source_len, KERNEL_MAX_BYTES);
        return NULL;
    }
    CLEANUP(cleanup_kernel) struct kernel *k = xcalloc(1, sizeof *k);
    k->doc = flow_yaml_parse(yaml, yaml_len, filename, err);
    if (!k->doc) return NULL;
    k->yaml = xstrndup(yaml, yaml_len);
    k->yaml_len = yaml_len;
    k->source = xmalloc(source_len + 1);
    if (source_len > 0) memcpy(k->source, source, source_len);
    k->source[source_len] = 0;
    k->source_len = source_len;
    if (body_parse(k, yaml_root(k->doc), err) != 0) return NULL;
    return TAKE(k);
}

static void free_exprs(struct kernel_expr *e, int n) {
    for (int i = 0; i < n; i++) expr_free(e[i].e);
}

void kernel_free(struct kernel *k) {
    if (!k) return;
    for (int i = 0; i < k->n_launches; i++) {
        struct launch_def *l = &k->launch[i];
        for (int a = 0; a < l->n_args; a++) expr_free(l->arg[a].e);
        free_exprs(l->global, 3);
        free_exprs(l->local, 3);
        free(l->arg);
    }
    for (int i = 0; i < k->n_scratch; i++) free_exprs(k->scratch[i].dim, TENSOR_MAX_RANK);
    free_exprs(k->constraint, k->n_constraints);
    free(k->launch);
    free(k->scratch);
    free(k->constraint);
    free(k->specialised);
    free(k->in_place);
    free(k->tune);
    free(k->options);
    free(k->yaml);
    free(k->source);
    yaml_free(k->doc);
    free(k);
}

const char *kernel_name(const struct kernel *k) {
    return k->name;
}

const char *kernel_problem(const struct kernel *k) {
    return k->problem;
}

const char *kernel_language(const struct kernel *k) {
    return k->language;
}

const char *kernel_yaml(const struct kernel *k) {
    return k->yaml;
}

const char *kernel_source(const struct kernel *k) {
    return k->source;
}

/* Each with its length in front, so that moving text from one to the other changes the hash. */
void kernel_hash(const struct kernel *k, char out[65]) {
    struct sha256 h;
    uint8_t digest[32];
    sha256_init(&h);
    sha256_field(&h, k->yaml);
    sha256_field(&h, k->source);
    sha256_final(&h, digest);
    hex_encode(digest, sizeof digest, out);
}

bool kernel_has_tuning(const struct kernel *k) {
    return k->n_tune > 0;
}

bool kernel_specialised(const struct kernel *k) {
    return k->n_specialised > 0;
}

bool kernel_allows_atomics(const struct kernel *k) {
    return k->atomics;
}

const char *kernel_precision(const struct kernel *k) {
    return k->relaxed ? "relaxed" : precision_name(k->precision);
}

enum precision kernel_declares(const struct kernel *k) {
    return k->precision;
}

void kernel_requirements(const struct kernel *k, struct kernel_requires *ret) {
    *ret =
        (struct kernel_requires){.extensions = k->extension, .subgroup = k->subgroup, .local_memory = k->local_memory};
}
