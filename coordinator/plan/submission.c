#include "coordinator/plan/submission.h"

#include <string.h>

#include "common/buf.h"
#include "coordinator/map.h"

struct submission *submission_new(const char *filename) {
    struct submission *s = xcalloc(1, sizeof *s);
    s->filename = xstrdup(filename);
    s->uploaded = suite_new();
    s->warnings = json_array();
    return s;
}

void submission_free(struct submission *s) {
    if (!s) return;
    free(s->filename);
    campaign_free(s->file);
    suite_free(s->uploaded);
    for (size_t i = 0; i < s->kernel_count; i++) {
        kernel_free(s->kernels[i].kernel);
        free(s->kernels[i].path);
    }
    free(s->kernels);
    map_free(s->by_hash);
    json_decref(s->warnings);
    free(s);
}

void submission_warn(struct submission *s, const char *fmt, ...) {
    if (json_array_size(s->warnings) >= SUBMISSION_WARNINGS_MAX) return;
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    json_array_append_new(s->warnings, json_string(text.data));
    buf_done(&text);
}

/* A required string without NUL bytes in it: jansson allows them, C texts do not. NULL with err. */
static const char *text_of(const json_t *object, const char *key, const char *where, size_t *ret_len,
                           struct error *err) {
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (!text) {
        error_set(err, ERR_USAGE, "%s: `%s` must be a string", where, key);
        return NULL;
    }
    *ret_len = json_string_length(value);
    if (strlen(text) == *ret_len) return text;
    error_set(err, ERR_INVALID, "%s: `%s` holds a NUL byte", where, key);
    return NULL;
}

int submission_add_kernel(struct submission *s, const char *yaml, const char *source, const char *path,
                          struct error *err) {
    if (s->kernel_count == SUBMISSION_KERNELS_MAX)
        return error_set(err, ERR_LIMIT, "more than %d kernels", SUBMISSION_KERNELS_MAX);
    struct submission_kernel item = {0};
    item.kernel = kernel_parse(yaml, strlen(yaml), path, source, strlen(source), err);
    if (!item.kernel) return -1;
    kernel_hash(item.kernel, item.hash);
    if (!s->by_hash) s->by_hash = map_new();
    const char *same = map_get(s->by_hash, item.hash);
    if (same) {
        submission_warn(s, "%s is the same as %s: tried once", path, same);
        kernel_free(item.kernel);
        return 0;
    }
    item.path = xstrdup(path);
    map_put(s->by_hash, item.hash, item.path);
    s->kernels = xrealloc(s->kernels, (s->kernel_count + 1) * sizeof *s->kernels);
    s->kernels[s->kernel_count++] = item;
    return 0;
}

static int add_problem_json(struct submission *s, const json_t *item, const char *where, struct error *err) {
    size_t yaml_len = 0, path_len = 0;
    const char *yaml = text_of(item, "yaml", where, &yaml_len, err);
    const char *path = yaml ? text_of(item, "path", where, &path_len, err) : NULL;
    return path ? suite_add(s->uploaded, yaml, yaml_len, path, err) : -1;
}

static int add_kernel_json(struct submission *s, const json_t *item, const char *where, struct error *err) {
    size_t len = 0;
    const char *yaml = text_of(item, "yaml", where, &len, err);
    const char *source = yaml ? text_of(item, "source", where, &len, err) : NULL;
    const char *path = source ? text_of(item, "path", where, &len, err) : NULL;
    return path ? submission_add_kernel(s, yaml, source, path, err) : -1;
}

typedef int add_fn(struct submission *s, const json_t *item, const char *where, struct error *err);
static int add_all(struct submission *s, const json_t *body, const char *key, add_fn *add, struct error *err) {
    const json_t *list = json_object_get(body, key);
    size_t i;
    json_t *item;
    if (!list || json_is_null(list)) return 0;
    if (!json_is_array(list)) return error_set(err, ERR_USAGE, "`%s` must be a list", key);
    json_array_foreach(list, i, item) {
        char where[64];
        snprintf(where, sizeof where, "%s[%zu]", key, i);
        if (!json_is_object(item)) return error_set(err, ERR_USAGE, "%s must be an object", where);
        if (add(s, item, where, err) != 0) return -1;
    }
    return 0;
}

static int fill_campaign(struct submission *s, const json_t *body, struct error *err) {
    size_t len = 0;
    const char *text = text_of(body, "campaign", "body", &len, err);
    if (!text) return -1;
    if (len > SUBMISSION_CAMPAIGN_MAX_BYTES)
        return error_set(err, ERR_LIMIT, "%s: %zu bytes, a campaign may have %d", s->filename, len,
                         SUBMISSION_CAMPAIGN_MAX_BYTES);
    const json_t *force = json_object_get(body, "force");
    if (force && !json_is_null(force) && !json_is_boolean(force))
        return error_set(err, ERR_USAGE, "`force` must be true or false");
    s->force = json_is_true(force);
    s->file = campaign_parse(text, len, s->filename, err);
    if (!s->file) return -1;
    if (add_all(s, body, "problems", add_problem_json, err) != 0) return -1;
    return add_all(s, body, "kernels", add_kernel_json, err);
}

struct submission *submission_from_json(const json_t *body, struct error *err) {
    if (!json_is_object(body)) {
        error_set(err, ERR_USAGE, "the body must be a JSON object");
        return NULL;
    }
    const char *filename = json_string_value(json_object_get(body, "filename"));
    CLEANUP(cleanup_submission)
    struct submission *s = submission_new(filename && *filename ? filename : "campaign.yaml");
    return fill_campaign(s, body, err) == 0 ? TAKE(s) : NULL;
}
