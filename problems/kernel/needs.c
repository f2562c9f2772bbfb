/* `requires:`, `options:` and `scratch:`: what a kernel asks of device, compiler and memory. */
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/graph/names.h"
#include "problems/kernel/file.h"

#define LOCAL_MEMORY_MAX ((int64_t)1 << 30)
#define SUBGROUP_MAX 1024

static int extension_parse(struct kernel *k, const struct yaml_node *n, int i, struct error *err) {
    const char *name = yaml_string(k->doc, n, "extensions", err);
    if (!name) return -1;
    if (!name_is_identifier(name) || strlen(name) > 100)
        return yaml_error(k->doc, n, err, "`%.80s` is no name of an extension, as cl_khr_fp16", name);
    k->extension[i] = name;
    return 0;
}

static int extensions_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    if (!n) return 0;
    if (n->kind != YAML_SEQUENCE)
        return yaml_error(k->doc, n, err, "`extensions` must be a list of names, as [cl_khr_fp16]");
    if (n->count > KERNEL_MAX_EXTENSIONS) {
        yaml_error(k->doc, n, err, "%zu extensions; at most %d are allowed", n->count, KERNEL_MAX_EXTENSIONS);
        return kernel_limit(err);
    }
    for (size_t i = 0; i < n->count; i++)
        if (extension_parse(k, n->items[i], (int)i, err) != 0) return -1;
    return 0;
}

int requires_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    static const char *const keys[] = {"extensions", "subgroup", "local_memory", NULL};
    if (!n || n->kind == YAML_NULL) return 0;
    if (yaml_check_keys(k->doc, n, keys, err) != 0) return -1;
    if (extensions_parse(k, yaml_get(n, "extensions"), err) != 0) return -1;
    const struct yaml_node *subgroup = yaml_get(n, "subgroup"), *memory = yaml_get(n, "local_memory");
    if (subgroup && yaml_int(k->doc, subgroup, "subgroup", 1, SUBGROUP_MAX, &k->subgroup, err) != 0) return -1;
    if (memory && yaml_int(k->doc, memory, "local_memory", 1, LOCAL_MEMORY_MAX, &k->local_memory, err) != 0) return -1;
    return 0;
}

/* Options that change what arithmetic means need `precision: relaxed`, so that the result says so. */
static const struct {
    const char *text;
    bool relaxed;
} OPTIONS[] = {
    {"-cl-mad-enable", false},
    {"-cl-no-signed-zeros", false},
    {"-cl-std=CL1.2", false},
    {"-cl-std=CL2.0", false},
    {"-cl-std=CL3.0", false},
    {"-cl-fast-relaxed-math", true},
    {"-cl-unsafe-math-optimizations", true},
};
#define OPTIONS_COUNT (sizeof OPTIONS / sizeof *OPTIONS)

static int option_parse(struct kernel *k, const struct yaml_node *n, const char *text, struct buf *out,
                        struct error *err) {
    size_t i = 0;
    while (i < OPTIONS_COUNT && strcmp(OPTIONS[i].text, text) != 0) i++;
    if (i == OPTIONS_COUNT) {
        yaml_error(k->doc, n, err, "the build option `%.80s` is not allowed", text);
        return error_hint(err,
                          "allowed are -cl-mad-enable, -cl-no-signed-zeros, -cl-std=CL1.2|CL2.0|CL3.0, and with "
                          "`precision: relaxed` -cl-fast-relaxed-math and -cl-unsafe-math-optimizations");
    }
    if (OPTIONS[i].relaxed && !k->relaxed)
        return yaml_error(k->doc, n, err, "the build option `%s` is allowed with `precision: relaxed` only", text);
    bool is_std = strncmp(text, "-cl-std=", 8) == 0;
    if (out->data && strstr(out->data, is_std ? "-cl-std=" : text))
        return yaml_error(k->doc, n, err, "the build option `%s` comes twice", is_std ? "-cl-std" : text);
    buf_printf(out, "%s%s", out->len > 0 ? " " : "", text);
    return 0;
}

int options_list_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    CLEANUP(buf_done) struct buf out = BUF_INIT;
    if (n && n->kind != YAML_NULL && n->kind != YAML_SEQUENCE)
        return yaml_error(k->doc, n, err, "`options` must be a list of build options, as [-cl-mad-enable]");
    if (n && n->count > KERNEL_MAX_OPTIONS) {
        yaml_error(k->doc, n, err, "%zu build options; at most %d are allowed", n->count, KERNEL_MAX_OPTIONS);
        return kernel_limit(err);
    }
    for (size_t i = 0; n && i < n->count; i++) {
        const char *text = yaml_string(k->doc, n->items[i], "options", err);
        if (!text || option_parse(k, n->items[i], text, &out, err) != 0) return -1;
    }
    k->options = buf_take(&out);
    return 0;
}

int kernel_find_scratch(const struct kernel *k, const char *name) {
    for (int i = 0; i < k->n_scratch; i++)
        if (strcmp(k->scratch[i].name, name) == 0) return i;
    return -1;
}

static int scratch_shape(struct kernel *k, struct scratch_def *s, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE || n->count == 0)
        return yaml_error(k->doc, n ? n : s->at, err, "`shape` of `%s` must be a list, as [N, WG]", s->name);
    if (n->count > TENSOR_MAX_RANK) {
        yaml_error(k->doc, n, err, "`shape` of `%s` has %zu dims; at most %d are allowed", s->name, n->count,
                   TENSOR_MAX_RANK);
        return kernel_limit(err);
    }
    for (size_t i = 0; i < n->count; i++) {
        const char *text = yaml_string(k->doc, n->items[i], "shape", err);
        if (!text) return -1;
        s->dim[s->rank].at = n->items[i];
        s->dim[s->rank].e = kernel_expr_parse(k, n->items[i], text, err);
        if (!s->dim[s->rank++].e) return -1;
    }
    return 0;
}

static int buffer_parse(struct kernel *k, const struct yaml_node *key, const struct yaml_node *n, struct error *err) {
    static const char *const keys[] = {"dtype", "shape", NULL};
    const char *why = name_problem(key->text);
    if (why) return yaml_error(k->doc, key, err, "the name `%.80s` %s", key->text, why);
    if (kernel_find_tune(k, key->text) >= 0)
        return yaml_error(k->doc, key, err, "the name `%s` clashes with a tunable", key->text);
    struct scratch_def *s = &k->scratch[k->n_scratch++];
    memcpy(s->name, key->text, strlen(key->text) + 1);
    s->at = key;
    if (yaml_check_keys(k->doc, n, keys, err) != 0) return -1;
    const char *dtype = yaml_string(k->doc, yaml_get(n, "dtype"), "dtype", err);
    if (!dtype) return -1;
    int d = dtype_from_name(dtype);
    if (d < 0)
        return yaml_error(k->doc, yaml_get(n, "dtype"), err, "unknown dtype `%.40s`; it is f32, f16 or i32", dtype);
    s->dtype = (enum dtype)d;
    return scratch_shape(k, s, yaml_get(n, "shape"), err);
}

int scratch_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind == YAML_NULL) return 0;
    if (n->kind != YAML_MAPPING)
        return yaml_error(k->doc, n, err,
                          "`scratch` must map names to buffers, as {partial: {dtype: f32, shape: [N]}}");
    if (n->count > KERNEL_MAX_SCRATCH) {
        yaml_error(k->doc, n, err, "%zu scratch buffers; at most %d are allowed", n->count, KERNEL_MAX_SCRATCH);
        return kernel_limit(err);
    }
    k->scratch = xcalloc(n->count, sizeof *k->scratch);
    for (size_t i = 0; i < n->count; i++)
        if (buffer_parse(k, n->keys[i], n->items[i], err) != 0) return -1;
    return 0;
}
