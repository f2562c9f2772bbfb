/* The baselines that are ours: `plain` (one kernel per operator) and `fused` (element-wise chains fused into their
 * producers, register-blocked products, row-parallel reductions). Both come out as plans, like any candidate. */
#pragma once
#include "problems/graph/problem.h"
#include "problems/kernel/plan.h"
/* What generation may depend on: nothing secret, nothing of the candidate. */
struct baseline_device {
    int64_t max_work_group;
    int64_t local_memory;
    int compute_units;
    bool is_cpu;
    int64_t preferred_vector;
};
/* `name` is "plain" or "fused". ERR_NOT_FOUND for others, ERR_UNSUPPORTED. Caller frees *ret. */
int baseline_plan(const char *name, const struct bound *b, const struct baseline_device *d, struct plan **ret,
                  struct error *err);
const char *const *baseline_names(void); /* NULL-terminated */
