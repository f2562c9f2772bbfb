#include "fleet/replay/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/hash.h"
#include "problems/kernel/kernel.h"
#include "schemas/codec.h"

#define SHORT_HASH 8 /* hexadecimal digits */

DEFINE_CLEANUP(cleanup_json, json_t *, json_decref)
DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)
DEFINE_CLEANUP(cleanup_kernel, struct kernel *, kernel_free)
DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

/* What is run, then what is compared. */
static const char *const checked[] = {"problem_yaml", "kernel_yaml", "kernel_source", "size",        "config",
                                      "policy",       "seeds",       "target",        "fingerprint", "verdict",
                                      "evidence",     "time_ns_p50", "speedup",       "speedup_low", "speedup_high"};
#define CHECKED (sizeof checked / sizeof *checked)

static void short_hash(const struct rec_result *r, const char *name, char out[SHORT_HASH + 1]) {
    const struct rec_field *f = rec_find(&rec_result_desc, name);
    const char *at = (const char *)r + f->offset, *text = NULL;
    char number[40], hash[65];
    if (f->kind == REC_OPT_DOUBLE) {
        double value;
        memcpy(&value, at, sizeof value);
        bool has = *(const bool *)(const void *)((const char *)r + f->has_offset);
        snprintf(number, sizeof number, "%.17g", has ? value : 0);
        text = has ? number : NULL;
    } else {
        text = *(char *const *)(const void *)at;
    }
    sha256_hex(text ? text : "null", text ? strlen(text) : 4, hash);
    snprintf(out, SHORT_HASH + 1, "%.*s", SHORT_HASH, hash);
}

char *replay_check_make(const struct rec_result *r) {
    struct buf out = BUF_INIT;
    char hash[SHORT_HASH + 1];
    for (size_t i = 0; i < CHECKED; i++) {
        short_hash(r, checked[i], hash);
        buf_printf(&out, "%s\"%s\":\"%s\"", i ? "," : "{", checked[i], hash);
    }
    buf_putc(&out, '}');
    return buf_take(&out);
}

/* --- checking --------------------------------------------------------------------------------- */
static void note(struct buf *wrong, const char *name) {
    CLEANUP_FREE char *quoted = xasprintf("`%s`", name);
    if (wrong->len && strstr(wrong->data, quoted)) return;
    buf_printf(wrong, "%s%s", wrong->len ? ", " : "", quoted);
}

static void compare_hashes(const struct rec_result *r, const json_t *hashes, struct buf *wrong) {
    char hash[SHORT_HASH + 1];
    for (size_t i = 0; i < CHECKED; i++) {
        const char *recorded = json_string_value(json_object_get(hashes, checked[i]));
        short_hash(r, checked[i], hash);
        if (!recorded || strcmp(recorded, hash) != 0) note(wrong, checked[i]);
    }
}

/* The texts have whole hashes besides, which the topics' other records repeat. */
static void compare_texts(const struct rec_result *r, const struct kernel *kernel, struct buf *wrong) {
    char hash[65];
    sha256_hex(r->problem_yaml, strlen(r->problem_yaml), hash);
    if (strcmp(hash, r->problem_hash) != 0) note(wrong, "problem_yaml");
    kernel_hash(kernel, hash);
    if (strcmp(hash, r->kernel_hash) != 0) note(wrong, "kernel_source");
}

static int check_present(const struct rec_result *r, struct error *err) {
    if (!r->verdict || strcmp(r->outcome, "verdict") != 0)
        return error_set(err, ERR_INVALID,
                         "the record has no verdict (its outcome is `%s`): there is nothing to replay", r->outcome);
    if (*r->problem_yaml && *r->kernel_yaml && *r->policy && *r->record_check) return 0;
    error_set(err, ERR_INVALID,
              "the record does not hold what a replay needs (problem_yaml, kernel_yaml, policy, "
              "record_check)");
    return error_hint(err, "records of portolan 0.1 did not keep them: run the kernel again with `portolan try`");
}

int replay_check(const struct rec_result *r, struct error *err) {
    CLEANUP(buf_done) struct buf wrong = BUF_INIT;
    if (check_present(r, err) != 0) return -1;
    CLEANUP(cleanup_json) json_t *hashes = json_loads(r->record_check, 0, NULL);
    compare_hashes(r, hashes, &wrong);
    if (wrong.len == 0) {
        /* Texts are kept under their hashes: what does not parse has none. */
        CLEANUP(cleanup_kernel)
        struct kernel *kernel = kernel_parse(r->kernel_yaml, strlen(r->kernel_yaml), "kernel_yaml", r->kernel_source,
                                             strlen(r->kernel_source), err);
        if (!kernel) return error_wrap(err, "the record's kernel");
        compare_texts(r, kernel, &wrong);
    }
    if (wrong.len == 0) return 0;
    error_set(err, ERR_INVALID, "the record was changed since it was written: %.1000s", wrong.data);
    return error_hint(err, "`portolan results --json` prints records as they are");
}

/* --- reading ---------------------------------------------------------------------------------- */
json_t *replay_record_read(const char *path, struct error *err) {
    size_t len = 0;
    json_error_t problem;
    CLEANUP_FREE char *text =
        file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, REPLAY_RECORD_MAX_BYTES, &len, err);
    if (!text) return NULL;
    json_t *json = json_loadb(text, len, 0, &problem);
    if (!json) error_set(err, ERR_INVALID, "%s:%d:%d: %s", path, problem.line, problem.column, problem.text);
    return json;
}

int replay_record_parse(const json_t *json, struct rec_result *ret, struct error *err) {
    const json_t *inner = json_object_get(json, "record");
    if (!json_is_object(json)) return error_set(err, ERR_INVALID, "a record is a JSON object");
    if (codec_from_json(&rec_result_desc, json_is_object(inner) ? inner : json, ret, err) == 0) return 0;
    return error_wrap(err, "this is no record of the results topic");
}

char *replay_policy_text(const struct rec_result *r) {
    CLEANUP(cleanup_json) json_t *root = json_loads(r->policy, 0, NULL);
    if (!json_is_object(root)) return NULL;
    /* A replay promotes nobody, whatever the campaign did. */
    json_t *policy = json_object_get(root, "policy");
    if (json_is_object(policy)) json_object_set_new(policy, "promote", json_false());
    json_object_del(root, "audit_promoted");
    json_object_set_new(root, "config", json_string(r->config));
    json_object_set_new(root, "seeds", json_string(r->seeds));
    return json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
}

static int fill_policy(const struct rec_result *r, struct rec_task *t, struct error *err) {
    CLEANUP(cleanup_json) json_t *root = json_loads(r->policy, 0, NULL);
    struct rec_policy policy;
    size_t i;
    json_t *name;
    if (codec_from_json(&rec_policy_desc, json_object_get(root, "policy"), &policy, err) != 0)
        return error_wrap(err, "the record's `policy`");
    rec_done(&rec_policy_desc, &t->policy);
    t->policy = policy;
    t->policy.promote = false;
    json_array_foreach(json_object_get(root, "baselines"), i, name) {
        if (json_is_string(name)) rec_list_string_push(&t->baselines, json_string_value(name));
    }
    return 0;
}

/* A configuration or size that the texts do not have is said here, with its field, and not by a node. */
static int check_fit(const struct rec_result *r, struct error *err) {
    CLEANUP(cleanup_problem)
    struct problem *p = problem_parse(r->problem_yaml, strlen(r->problem_yaml), "problem_yaml", err);
    if (!p) return -1;
    CLEANUP(cleanup_bound) struct bound *b = problem_bind(p, r->size, err);
    if (!b) return error_wrap(err, "the record's `size`");
    CLEANUP(cleanup_kernel)
    struct kernel *k = kernel_parse(r->kernel_yaml, strlen(r->kernel_yaml), "kernel_yaml", r->kernel_source,
                                    strlen(r->kernel_source), NULL);
    struct tune_point point;
    if (!k || !*r->config || !kernel_has_tuning(k)) return 0;
    return tune_point_parse(k, r->config, &point, err) == 0 ? 0 : error_wrap(err, "the record's `config`");
}

int replay_task(const struct rec_result *r, struct rec_task *ret, struct error *err) {
    rec_init(&rec_task_desc, ret);
    if (replay_check(r, err) != 0 || check_fit(r, err) != 0 || fill_policy(r, ret, err) != 0) return -1;
    rec_set(&ret->kind, "measure");
    rec_set(&ret->purpose, "try");
    rec_set(&ret->problem, r->problem);
    rec_set(&ret->problem_hash, r->problem_hash);
    rec_set(&ret->problem_yaml, r->problem_yaml);
    rec_set(&ret->kernel, r->kernel);
    rec_set(&ret->kernel_hash, r->kernel_hash);
    rec_set(&ret->kernel_yaml, r->kernel_yaml);
    rec_set(&ret->kernel_source, r->kernel_source);
    rec_set(&ret->size, r->size);
    rec_set(&ret->target, r->target);
    rec_set(&ret->config, r->config);
    rec_set(&ret->seeds, r->seeds);
    return 0;
}
