/* Data sets with answers. */
#include "problems/check/answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/check/emulate.h"
#include "problems/check/precision.h"

DEFINE_CLEANUP(cleanup_answers, struct answers *, answers_free)

float scale_rounded_up(double scale) {
    float up = (float)scale;
    return (double)up < scale ? nextafterf(up, INFINITY) : up;
}

int expected_take(const struct bound *b, int t, struct oracle_result *r, struct expected *ret, struct error *err) {
    *ret = (struct expected){.dtype = b->tensor[t].dtype, .n = b->tensor[t].elements, .value = r->value[t]};
    r->value[t] = NULL;
    ret->scale = malloc((size_t)ret->n * sizeof *ret->scale);
    if (!ret->scale) return error_set(err, ERR_NOMEM, "out of memory for the oracle's answers");
    for (int64_t i = 0; i < ret->n; i++) ret->scale[i] = scale_rounded_up(r->scale[t][i]);
    return 0;
}

void expected_done(struct expected *e) {
    free(e->value);
    free(e->scale);
    *e = (struct expected){0};
}

static int fill(struct answers *a, const struct data_seed *seed, uint32_t set, struct error *err) {
    for (int t = 0; t < a->bound->n_tensors; t++) {
        const struct tensor *x = &a->bound->tensor[t];
        if (x->role != TENSOR_INPUT && x->role != TENSOR_WEIGHT) continue;
        if (!(a->data[t] = malloc(x->bytes > 0 ? x->bytes : 1)))
            return error_set(err, ERR_NOMEM, "out of memory for test data of %s", x->name);
    }
    return data_fill_all(a->bound, seed, set, a->dist, a->data, err);
}

/* What cannot be emulated keeps the constant limit. */
static int learn_class(struct answers *a, const volatile bool *cancel, struct error *err) {
    if (!precision_learns(a->bound)) return 0;
    CLEANUP_FREE void **honest = xcalloc((size_t)a->bound->n_outputs, sizeof *honest);
    struct arithmetic half = precision_half();
    struct error failed = ERROR_INIT;
    if (emulate(a->bound, (const void *const *)a->data, &half, 0, cancel, honest, &failed) != 0) {
        if (failed.code == ERR_UNSUPPORTED) return 0;
        if (err) *err = failed;
        return -1;
    }
    for (int i = 0; i < a->bound->n_outputs; i++) {
        tolerance_learn_class(&a->tolerance[i], &a->expected[i], honest[i], 0);
        free(honest[i]);
    }
    return 0;
}

struct answers *answers_new(const struct bound *b, const struct data_seed *seed, uint32_t set, enum distribution d,
                            bool keep_all, const volatile bool *cancel, struct error *err) {
    CLEANUP(cleanup_answers) struct answers *a = xcalloc(1, sizeof *a);
    struct cost cost;
    bound_cost(b, &cost);
    a->bound = b;
    a->dist = d;
    a->data = xcalloc((size_t)b->n_tensors, sizeof *a->data);
    a->expected = xcalloc((size_t)b->n_outputs, sizeof *a->expected);
    a->tolerance = xcalloc((size_t)b->n_outputs, sizeof *a->tolerance);
    if (fill(a, seed, set, err) != 0) return NULL;
    if (oracle_eval(b, (const void *const *)a->data, 0, keep_all, cancel, &a->oracle, err) != 0) return NULL;
    for (int i = 0; i < b->n_outputs; i++) {
        if (expected_take(b, b->output[i], &a->oracle, &a->expected[i], err) != 0) return NULL;
        a->tolerance[i] = tolerance_make(a->expected[i].dtype, cost.reduction);
    }
    return learn_class(a, cancel, err) == 0 ? TAKE(a) : NULL;
}

void answers_free(struct answers *a) {
    if (!a) return;
    for (int t = 0; t < a->bound->n_tensors; t++) free(a->data[t]);
    for (int i = 0; i < a->bound->n_outputs; i++) expected_done(&a->expected[i]);
    free(a->data);
    free(a->expected);
    free(a->tolerance);
    oracle_done(&a->oracle);
    free(a);
}

void answers_match(const struct answers *a, const void *const *got, struct match *ret) {
    *ret = (struct match){.passes = true};
    for (int i = 0; i < a->bound->n_outputs; i++) {
        struct comparison c;
        const struct tolerance *t = &a->tolerance[i];
        compare_output(&a->expected[i], t, got[i], NULL, 0, &c);
        double rms = comparison_judges_class(t, a->dist) ? c.rms / t->class_rms : 0;
        ret->passes = ret->passes && comparison_passes(&c, t, a->dist);
        ret->element = fmax(ret->element, c.not_finite > 0 ? INFINITY : c.worst);
        ret->class_rms = fmax(ret->class_rms, rms);
    }
}

void output_set(enum dtype dtype, void *out, int64_t i, double value) {
    if (dtype == DTYPE_F32)
        ((float *)out)[i] = (float)value;
    else if (dtype == DTYPE_F16)
        ((uint16_t *)out)[i] = number_to_half((float)value);
    else
        ((int32_t *)out)[i] = (int32_t)fmax(INT32_MIN, fmin(INT32_MAX, rint(value)));
}

int outputs_of(const struct bound *b, const void *const *data, const volatile bool *cancel, void **ret_got,
               struct error *err) {
    struct oracle_result r = {0};
    if (oracle_eval(b, data, 0, false, cancel, &r, err) != 0) return -1;
    for (int i = 0; i < b->n_outputs; i++) {
        const struct tensor *t = &b->tensor[b->output[i]];
        ret_got[i] = xmalloc(t->bytes > 0 ? t->bytes : 1);
        for (int64_t k = 0; k < t->elements; k++) output_set(t->dtype, ret_got[i], k, r.value[b->output[i]][k]);
    }
    oracle_done(&r);
    return 0;
}
