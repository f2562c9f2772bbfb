/* From a submission to tasks: problems x targets x strategies. */
#pragma once
#include "coordinator/core.h"
#include "coordinator/plan/submission.h"

struct plan_summary {
    char campaign[CAMPAIGN_ID_SIZE];
    int64_t tasks, cells;
    int64_t known; /* of the tasks: ended at once with a result that was there (plan/dedupe.h) */
};
/* Check everything, then store and queue. A campaign whose cells all have no device is complete at once. ERR_INVALID,
 * ERR_NOT_FOUND (problem, size), ERR_LIMIT: nothing was stored. Warnings are added to the submission's. */
int plan_submit(struct core *core, struct submission *s, bool is_try, struct plan_summary *ret, struct error *err);
/* A device joined or a node registered: plan what the running campaigns could not yet. */
int plan_again(struct core *core, struct error *err);
/* A coordinator that has just reached its broker has not heard of its nodes yet: nothing is planned or given up for
 * want of them before this. */
bool plan_settled(const struct core *core);
/* Cells whose deadline is over become `no_device`. */
int plan_deadlines(struct core *core, struct error *err);
