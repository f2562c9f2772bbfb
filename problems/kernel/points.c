/* Points of the tuning space: enumeration, constraints, their text form. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/kernel/file.h"

DEFINE_CLEANUP(cleanup_json, json_t *, json_decref)

const char *kernel_tune_name(const struct kernel *k, int i) {
    return k->tune[i].name;
}

int kernel_tune_count(const struct kernel *k) {
    return k->n_tune;
}

/* Whether the bound size is the one the kernel is made for. */
static bool specialised_holds(const struct kernel *k, const struct bound *b, char why[256]) {
    for (int i = 0; i < k->n_specialised; i++) {
        int64_t value = 0;
        const struct dim_def *d = &k->specialised[i];
        if (bound_lookup_dim((void *)(uintptr_t)b, d->name, &value) && value == d->value) continue;
        snprintf(why, 256, "the kernel is specialised to %s = %lld; size %s has %lld", d->name, (long long)d->value,
                 b->size, (long long)value);
        return false;
    }
    return true;
}

/* Of a kernel that is known to fit. An expression that cannot be evaluated (a division by zero) does not hold. */
static bool holds(const struct kernel *k, const struct bound *b, const struct tune_point *t, char why[256]) {
    struct kernel_point point = {.k = k, .b = b, .t = t};
    if (!specialised_holds(k, b, why)) return false;
    for (int i = 0; i < k->n_constraints; i++) {
        struct error inner = ERROR_INIT;
        int64_t value = 0;
        if (expr_eval(k->constraint[i].e, kernel_point_lookup, &point, &value, &inner) == 0 && value) continue;
        snprintf(why, 256, "%.100s%s%.140s", expr_text(k->constraint[i].e),
                 inner.code == ERR_NONE ? " does not hold" : ": ", inner.text);
        return false;
    }
    return true;
}

bool kernel_constraints_hold(const struct kernel *k, const struct bound *b, const struct tune_point *t, char why[256]) {
    struct error err = ERROR_INIT;
    if (kernel_check_fit(k, b, &err) == 0) return holds(k, b, t, why);
    snprintf(why, 256, "%.255s", err.text);
    return false;
}

/* Advances like an odometer, the last tunable fastest; false after the last point. */
static bool advance(const struct kernel *k, int index[KERNEL_MAX_TUNE], struct tune_point *t) {
    for (int i = k->n_tune - 1; i >= 0; i--) {
        bool wraps = ++index[i] == k->tune[i].n;
        if (wraps) index[i] = 0;
        t->value[i] = k->tune[i].value[index[i]];
        if (!wraps) return true;
    }
    return false;
}

static void first_point(const struct kernel *k, struct tune_point *ret) {
    *ret = (struct tune_point){.n = k->n_tune};
    for (int i = 0; i < k->n_tune; i++) ret->value[i] = k->tune[i].value[0];
}

int kernel_default_point(const struct kernel *k, const struct bound *b, struct tune_point *ret, struct error *err) {
    int index[KERNEL_MAX_TUNE] = {0};
    char why[256] = "", first_why[256] = "";
    struct tune_point t;
    if (kernel_check_fit(k, b, err) != 0) return -1;
    first_point(k, &t);
    do {
        if (holds(k, b, &t, why)) return *ret = t, 0;
        if (!*first_why) memcpy(first_why, why, sizeof first_why);
    } while (advance(k, index, &t));
    return error_set(err, ERR_INVALID, "kernel %s has no configuration for size %s: %s", k->name, b->size, first_why);
}

int kernel_enumerate(const struct kernel *k, const struct bound *b, size_t limit, struct tune_point **ret,
                     size_t *ret_n, struct error *err) {
    int index[KERNEL_MAX_TUNE] = {0};
    char why[256];
    size_t n = 0, room = 0;
    struct tune_point t;
    CLEANUP_FREE struct tune_point *points = NULL;
    if (kernel_check_fit(k, b, err) != 0) return -1;
    first_point(k, &t);
    do {
        if (n == limit) break;
        if (!holds(k, b, &t, why)) continue;
        if (n == room) points = xrealloc(points, (room = room ? room * 2 : 16) * sizeof *points);
        points[n++] = t;
    } while (advance(k, index, &t));
    *ret = TAKE(points);
    *ret_n = n;
    return 0;
}

void tune_point_format(const struct kernel *k, const struct tune_point *t, char *out, size_t size) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_putc(&text, '{');
    for (int i = 0; i < t->n && i < k->n_tune; i++)
        buf_printf(&text, "%s\"%s\":%lld", i ? "," : "", k->tune[i].name, (long long)t->value[i]);
    buf_putc(&text, '}');
    snprintf(out, size, "%s", text.data);
}

static int value_of(const struct kernel *k, int i, const json_t *json, int64_t *ret, struct error *err) {
    const json_t *value = json_object_get(json, k->tune[i].name);
    if (!json_is_integer(value))
        return error_set(err, ERR_INVALID, "tuning point: `%s` %s", k->tune[i].name,
                         value ? "is no whole number" : "is missing");
    *ret = json_integer_value(value);
    for (int v = 0; v < k->tune[i].n; v++)
        if (k->tune[i].value[v] == *ret) return 0;
    return error_set(err, ERR_INVALID, "tuning point: kernel %s does not list %lld for `%s`", k->name, (long long)*ret,
                     k->tune[i].name);
}

int tune_point_parse(const struct kernel *k, const char *json, struct tune_point *ret, struct error *err) {
    json_error_t problem;
    struct tune_point t = {.n = k->n_tune};
    CLEANUP(cleanup_json) json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(root))
        return error_set(err, ERR_INVALID, "tuning point: %s", root ? "it is no JSON object" : problem.text);
    for (int i = 0; i < k->n_tune; i++)
        if (value_of(k, i, root, &t.value[i], err) != 0) return -1;
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        if (kernel_find_tune(k, key) < 0)
            return error_set(err, ERR_INVALID, "tuning point: kernel %s has no tunable `%.64s`", k->name, key);
    }
    *ret = t;
    return 0;
}
