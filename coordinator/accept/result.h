/* The outcome of a task: its public record, and the rows of its measurements. */
#pragma once
#include "coordinator/core.h"

/* A baseline below this share of the speed of light is weak: docs/tolerance.md. */
#define WEAK_BASELINE_SHARE 0.25

/* Fill an initialised record from a task and its accepted attempt; revision and times of acceptance are set. */
void result_fill(struct core *core, const struct task *task, const struct rec_attempt *attempt, struct rec_result *ret);
/* The candidate that the result is about, and the baseline it is compared with; NULL where there is none. */
const struct rec_measured *result_candidate(const struct rec_attempt *attempt, const char *size);
const struct rec_measured *result_baseline(const struct rec_attempt *attempt, const struct rec_measured *candidate,
                                           const char *size);
#define RESULT_EVIDENCE_MAX 4096
/* Write the result's row and its outbox record, with the texts that a replay needs; `result` becomes the task's (-1: it
 * is still the caller's). `policy_hash` is of the policy that it was measured under. The caller sets the task's state.
 */
int result_publish(struct core *core, struct task *task, const char *policy_hash, struct rec_result *result,
                   struct error *err);
/* Empty the fields that are for replay only. */
void result_forget_texts(struct rec_result *r);
/* Outcome `cancelled` or `gave_up`; of a promotion that is said in its parent's result. */
int result_without_attempt(struct core *core, struct task *task, const char *outcome, const char *evidence,
                           struct error *err);
/* Outbox records of all measurements of an accepted attempt: they follow from result and attempt alone, so they can be
 * written again. */
int measurements_publish(struct core *core, const struct rec_result *result, const struct rec_attempt *attempt,
                         struct error *err);
/* A row of `measurements` and its key; non-zero ends it. */
typedef int measurement_fn(void *context, const char *key, const struct rec_measurement *row, struct error *err);
/* The rows of a stored result: those of its attempt and of its promotion's, as far as the store has their records
 * (`retention.attempts`). A result that was told again has none but its own promotion's. `revision` is the result's
 * latest in all of them. */
int measurements_stored(struct core *core, const struct rec_result *result, measurement_fn *visit, void *context,
                        struct error *err);
/* Outbox records of the same. */
int measurements_publish_stored(struct core *core, const struct rec_result *result, struct error *err);
/* Everything public once more, as it was: the broker that had it is gone. */
int results_publish_again(struct core *core, struct error *err);
