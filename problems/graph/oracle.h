/* The float64 oracle: evaluates a bound graph with values and error scales, on several threads. */
#pragma once
#include "problems/graph/problem.h"
struct oracle_result {
    int n_tensors, n_nodes;
    double **value, **scale; /* per tensor index; NULL for tensors not kept (only outputs are, unless keep_all) */
    uint32_t **branch;       /* per node: counts per branch of its op, or NULL */
};
/* `data[i]` are the inputs and weights in their own dtype, one per tensor of role input or weight (others NULL).
 * `threads` <= 0 picks the number of cores. `cancel` may be NULL; checked between pieces. ERR_NOMEM, ERR_CANCELLED.
 * Peak memory: two doubles per element of the live tensors; intermediates are freed after their last use. */
int oracle_eval(const struct bound *b, const void *const *data, int threads, bool keep_all, const volatile bool *cancel,
                struct oracle_result *ret, struct error *err);
void oracle_done(struct oracle_result *r);
