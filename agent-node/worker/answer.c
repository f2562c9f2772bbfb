#include "agent-node/worker/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/random.h"
#include "problems/check/answers.h"
#include "problems/graph/slice.h"

DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

/* The next output of the set, whose answers are the caller's to fill in. */
static struct expected *begin_output(struct data_set *d, const struct bound *b, int i) {
    struct expected *e = &d->output[i].expected;
    d->output[i].tensor = b->output[i];
    d->n_outputs++;
    d->bytes += (size_t)b->tensor[b->output[i]].elements * (sizeof *e->value + sizeof *e->scale);
    return e;
}

static int make_room(const struct tensor *t, struct expected *e, struct error *err) {
    *e = (struct expected){.dtype = t->dtype, .n = t->elements};
    e->value = malloc((size_t)e->n * sizeof *e->value);
    e->scale = malloc((size_t)e->n * sizeof *e->scale);
    return e->value && e->scale ? 0 : error_set(err, ERR_NOMEM, "out of memory for the oracle's answers");
}

static const void **inputs_of(const struct data_set *d, const struct bound *b) {
    const void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    for (int i = 0; i < d->n_inputs; i++) data[d->input[i].tensor] = d->input[i].data;
    return data;
}

static int answer_whole(struct data_set *d, const struct bound *b, int threads, const volatile bool *cancel,
                        struct error *err) {
    CLEANUP_FREE const void **data = inputs_of(d, b);
    CLEANUP(oracle_done) struct oracle_result r = {0};
    if (oracle_eval(b, data, threads, false, cancel, &r, err) != 0) return -1;
    for (int i = 0; i < b->n_outputs; i++)
        if (expected_take(b, b->output[i], &r, begin_output(d, b, i), err) != 0) return -1;
    return 0;
}

/* --- sampled ------------------------------------------------------------------------------------------------------ */
static double oracle_seconds(const struct bound *b, int threads) {
    struct cost cost;
    bound_cost(b, &cost);
    return cost.oracle_flops / (ORACLE_FLOPS_PER_CORE_S * (threads > 0 ? threads : 1));
}

/* Enough of each output, and as many as a quarter of the limit is good for. */
static int64_t slices_wanted(const struct bound *b, int dim, double seconds, double limit_s) {
    int64_t all = b->dim[dim].value, wanted = 2;
    for (int i = 0; i < b->n_outputs; i++) {
        int64_t one = b->tensor[b->output[i]].elements / all, need = (SAMPLED_ELEMENTS + one - 1) / one;
        if (need > wanted) wanted = need;
    }
    double affordable = (double)all * limit_s / 4 / seconds;
    if (affordable > (double)wanted) wanted = affordable < (double)all ? (int64_t)affordable : all;
    return wanted < all ? wanted : all;
}

/* `n` different ones of [0, all), any of them as likely: the start of a shuffle. */
static int64_t *choose(int64_t all, int64_t n) {
    int64_t *index = xcalloc((size_t)all, sizeof *index);
    for (int64_t i = 0; i < all; i++) index[i] = i;
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i + (int64_t)random_below((uint64_t)(all - i)), keep = index[i];
        index[i] = index[k];
        index[k] = keep;
    }
    return index;
}

static double largest_scale(const double *scale, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        if (scale[i] > most) most = scale[i];
    return most;
}

/* Everything the reference's, then the slices the oracle's. */
static void merge(struct expected *e, const void *reference, const double *value, const double *scale,
                  const int64_t *index, int64_t n, int64_t slice) {
    float others = -scale_rounded_up(SAMPLED_SCALE * largest_scale(scale, n * slice));
    for (int64_t k = 0; k < e->n; k++) {
        e->value[k] = element_value(e->dtype, reference, k);
        e->scale[k] = others;
    }
    for (int64_t i = 0; i < n; i++) {
        memcpy(e->value + index[i] * slice, value + i * slice, (size_t)slice * sizeof *value);
        for (int64_t k = 0; k < slice; k++) e->scale[index[i] * slice + k] = scale_rounded_up(scale[i * slice + k]);
    }
}

static int answer_slices(struct data_set *d, const struct bound *b, const struct bound *part, int dim,
                         const int64_t *index, void *const *reference, int threads, const volatile bool *cancel,
                         struct error *err) {
    CLEANUP_FREE const void **data = inputs_of(d, b);
    CLEANUP(oracle_done) struct oracle_result r = {0};
    if (slice_eval(b, part, dim, index, data, threads, cancel, &r, err) != 0) return -1;
    for (int i = 0; i < b->n_outputs; i++) {
        int t = b->output[i];
        int64_t n = part->dim[dim].value;
        struct expected *e = begin_output(d, b, i);
        if (make_room(&b->tensor[t], e, err) != 0) return -1;
        merge(e, reference[i], r.value[t], r.scale[t], index, n, part->tensor[t].elements / n);
    }
    d->sampled = true;
    return 0;
}

/* 1: this problem, or this size, is for the oracle alone. */
static int answer_sampled(struct data_set *d, const struct bound *b, const struct reference *reference, double seconds,
                          int threads, const volatile bool *cancel, struct error *err) {
    int dim = slice_dim(b);
    if (dim < 0) return 1;
    int64_t n = slices_wanted(b, dim, seconds, reference->oracle_limit_s);
    CLEANUP(cleanup_bound) struct bound *part = slice_bind(b, dim, n, NULL);
    if (!part) return 1;
    CLEANUP_FREE int64_t *index = choose(b->dim[dim].value, n);
    CLEANUP_FREE void **outputs = xcalloc((size_t)b->n_outputs, sizeof *outputs);
    struct error failed = ERROR_INIT;
    int status = reference->run(reference->context, b, d, outputs, &failed);
    if (status == 0)
        status = answer_slices(d, b, part, dim, index, outputs, threads, cancel, err);
    else if (failed.code == ERR_UNSUPPORTED)
        status = 1;
    else if (err)
        *err = failed;
    for (int i = 0; i < b->n_outputs; i++) free(outputs[i]);
    if (status == 0)
        log_info("size %s: the oracle alone would take %.0f s, so it answers %lld of %lld slices along %s", b->size,
                 seconds, (long long)n, (long long)b->dim[dim].value, b->dim[dim].name);
    return status;
}

int data_set_answer(struct data_set *d, const struct bound *b, const struct reference *reference, int threads,
                    const volatile bool *cancel, struct error *err) {
    double seconds = oracle_seconds(b, threads);
    int status = 1;
    if (reference->run && seconds > reference->oracle_limit_s)
        status = answer_sampled(d, b, reference, seconds, threads, cancel, err);
    return status == 1 ? answer_whole(d, b, threads, cancel, err) : status;
}
