/* A try is a campaign of one kernel: it is written as a campaign file, so that there is one parser, one planner and one
 * record of what was asked. */
#include <string.h>

#include "common/buf.h"
#include "coordinator/plan/submission.h"

#define TRY_TARGETS_MAX 256

/* A YAML double-quoted scalar: JSON's string syntax is a subset of it. */
static void put_quoted(struct buf *out, const char *text) {
    json_t *value = json_string(text);
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    buf_puts(out, dump ? dump : "\"\"");
    free(dump);
    json_decref(value);
}

static int put_list(struct buf *out, const char *key, const json_t *list, const char *const *fallback, size_t count,
                    struct error *err) {
    size_t n = json_array_size(list), written = 0;
    if (list && !json_is_null(list) && !json_is_array(list))
        return error_set(err, ERR_USAGE, "`%s` must be a list", key);
    if (n > TRY_TARGETS_MAX) return error_set(err, ERR_LIMIT, "`%s` has more than %d entries", key, TRY_TARGETS_MAX);
    if (n == 0 && count == 0) return 0;
    buf_printf(out, "%s: [", key);
    for (size_t i = 0; i < (n ? n : count); i++) {
        const char *text = n ? json_string_value(json_array_get(list, i)) : fallback[i];
        if (!text) return error_set(err, ERR_USAGE, "`%s` must be a list of strings", key);
        if (written++) buf_puts(out, ", ");
        put_quoted(out, text);
    }
    buf_puts(out, "]\n");
    return 0;
}

static int put_options(struct buf *out, const json_t *body, struct error *err) {
    const json_t *size = json_object_get(body, "size"), *sets = json_object_get(body, "sets");
    if (size && !json_is_null(size) && !json_is_string(size))
        return error_set(err, ERR_USAGE, "`size` must be a string");
    buf_puts(out, "size: ");
    put_quoted(out, json_is_string(size) ? json_string_value(size) : "auto");
    buf_putc(out, '\n');
    if (sets && !json_is_null(sets) && !json_is_integer(sets))
        return error_set(err, ERR_USAGE, "`sets` must be a whole number");
    const json_t *audit = json_object_get(body, "audit");
    if (audit && !json_is_null(audit) && !json_is_boolean(audit))
        return error_set(err, ERR_USAGE, "`audit` must be true or false");
    if (json_is_true(audit)) buf_puts(out, "audit: true\n");
    if (json_integer_value(sets) != 0) buf_printf(out, "sets: %lld\n", (long long)json_integer_value(sets));
    return 0;
}

static const char *string_in(const json_t *object, const char *key, const char *fallback) {
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : fallback;
}

static int add_problem(struct submission *s, const json_t *problem, struct buf *out, struct error *err) {
    const char *name = json_string_value(problem);
    if (json_is_object(problem)) {
        const char *yaml = string_in(problem, "yaml", NULL);
        if (!yaml) return error_set(err, ERR_USAGE, "problem: `yaml` must be a string");
        if (suite_add(s->uploaded, yaml, strlen(yaml), string_in(problem, "path", "problem.yaml"), err) != 0) return -1;
        name = problem_name(s->uploaded->items[0].problem);
    }
    if (!name && problem && !json_is_null(problem))
        return error_set(err, ERR_USAGE, "`problem` must be a name or an object");
    const char *meant = kernel_problem(s->kernels[0].kernel);
    if (name && strcmp(name, meant) != 0) {
        error_set(err, ERR_INVALID, "%s is for the problem `%s`, not `%.80s`", s->kernels[0].path, meant, name);
        return error_hint(err, "its `problem:` line says which; the problem file's `problem:` must say the same");
    }
    buf_puts(out, "problems: [");
    put_quoted(out, name ? name : kernel_problem(s->kernels[0].kernel));
    buf_puts(out, "]\n");
    return 0;
}

static int fill(struct submission *s, const json_t *body, const char *const *in_service, size_t count,
                struct error *err) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    const json_t *kernel = json_object_get(body, "kernel");
    const char *yaml = string_in(kernel, "yaml", NULL), *source = string_in(kernel, "source", NULL);
    if (!yaml || !source) return error_set(err, ERR_USAGE, "`kernel` must be an object with `yaml` and `source`");
    if (submission_add_kernel(s, yaml, source, string_in(kernel, "path", "kernel.yaml"), err) != 0) return -1;
    buf_puts(&text, "campaign: try\nstrategies: [human]\nkernels: [kernel.yaml]\n");
    if (add_problem(s, json_object_get(body, "problem"), &text, err) != 0) return -1;
    const json_t *targets = json_object_get(body, "targets");
    if (json_array_size(targets) == 0 && count == 0) {
        error_set(err, ERR_NOT_FOUND, "no device is in service");
        return error_hint(err, "start portolan-agent on a machine with a device; `portolan nodes` shows who is there");
    }
    if (put_list(&text, "targets", targets, in_service, count, err) != 0) return -1;
    if (put_list(&text, "baselines", json_object_get(body, "baselines"), NULL, 0, err) != 0) return -1;
    if (put_options(&text, body, err) != 0) return -1;
    s->file = campaign_parse(text.data, text.len, s->filename, err);
    return s->file ? 0 : -1;
}

struct submission *submission_from_try(const json_t *body, const char *const *in_service, size_t count,
                                       struct error *err) {
    if (!json_is_object(body)) {
        error_set(err, ERR_USAGE, "the body must be a JSON object");
        return NULL;
    }
    CLEANUP(cleanup_submission) struct submission *s = submission_new("try");
    return fill(s, body, in_service, count, err) == 0 ? TAKE(s) : NULL;
}
