/* One data set of a problem with the oracle's answers, on the host and without any secret: what admission and the
 * tables of the tolerance judge by. A worker keeps its own (agent-node/worker/pool.h) and judges by the same code. */
#pragma once
#include "problems/check/compare.h"
#include "problems/graph/oracle.h"

/* A scale as float, never smaller than it is. */
float scale_rounded_up(double scale);
/* What the oracle says of tensor `t`: takes r's value over and rounds its scale up to float. ERR_NOMEM. */
int expected_take(const struct bound *b, int t, struct oracle_result *r, struct expected *ret, struct error *err);
void expected_done(struct expected *e);

struct answers {
    const struct bound *bound; /* borrowed */
    enum distribution dist;
    void **data;                 /* per tensor: inputs and weights in their own dtype */
    struct expected *expected;   /* per output, in the problem's order */
    struct tolerance *tolerance; /* per output */
    struct oracle_result oracle; /* branch counts; with `keep_all` the intermediates */
};
/* ERR_NOMEM, ERR_CANCELLED. */
struct answers *answers_new(const struct bound *b, const struct data_seed *seed, uint32_t set, enum distribution d,
                            bool keep_all, const volatile bool *cancel, struct error *err);
void answers_free(struct answers *a); /* accepts NULL */

/* How an output stands to its limits; over several outputs the worst of each. */
struct match {
    double element;   /* largest error in units of the tolerance; infinite where a number is missing */
    double class_rms; /* root mean square in units of the class limit; 0 where the class is not judged */
    bool passes;
};
/* `got[i]`: output i in its own dtype. */
void answers_match(const struct answers *a, const void *const *got, struct match *ret);

/* What the exact graph makes of other data, as outputs in their own dtype: got[i] is the caller's to free. */
int outputs_of(const struct bound *b, const void *const *data, const volatile bool *cancel, void **ret_got,
               struct error *err);
/* Element i of `out`, which is of `dtype`, becomes the nearest number to `value`. */
void output_set(enum dtype dtype, void *out, int64_t i, double value);
