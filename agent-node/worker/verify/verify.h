/* Verification: the steps of docs/verification.md, one file each, in their order.
 *
 *    0  admission of the problem          admission.c (problems/check/ has the whole of it)
 *    1  limits                            limits.c
 *    2  source rules                      rules.c, rules_scope.c, tokens.c (called by ../build.c, between preprocessor
 *                                         and compiler)
 *    3  sizes and distributions           sizes.c, problems/check/distributions.c
 *    4  comparison with the oracle        problems/check/compare.c, inspect.c
 *    5  poison, guard bands, inputs       inspect.c (../poison.c, ../group.c)
 *    6  repetition                        run.c
 *    7  outputs of timed runs             ../timing/lane_check.c
 *    8  speed of light                    physics.c
 *    9  audit                             audit.c
 *   10  promotion                         promotion.c
 */
#pragma once
#include "agent-node/worker/verify/inspect.h"
#include "problems/check/distributions.h"

/* Steps 3 to 6 for a built subject at all its sizes, in one fresh runner. Every failing size is looked at, the most
 * severe finding stays. Counts as phases "oracle" and "verify". The domain is held shared by the caller. -1 with *f
 * set. */
int verify_subject(struct trial *t, const struct subject *s, struct accuracy *acc, struct finding *f);

/* Step 0: -1 with refused when the problem accepts trivial answers and does not say `exempt:`, with infrastructure when
 * the size's tensors do not fit the device. Counts as phase "admission" where the problem is new to this worker. */
int admission_check(struct trial *t, struct finding *f);

/* Step 8: what the memory can do, measured once per worker; on drivers that run on the host that is the machine's
 * bandwidth, whatever the driver makes of it. The domain is held exclusively. */
void physics_learn(struct worker *w);
/* The least time that a problem of cost `c` takes on this device, from measured bandwidth and peak; 0 when nothing is
 * known. */
double physics_floor_ns(const struct worker *w, const struct cost *c);
/* -1 with implausible when `time_ns` per launch beats the floor by more than measuring it can be off. `rotating_bytes`:
 * memory that the timed sets rotate over. */
int physics_check(const struct trial *t, double time_ns, size_t rotating_bytes, struct finding *f);

/* Step 9: whether the audit was asked for and can run here; -1 with infrastructure when it was and cannot. */
int audit_run(struct trial *t, const struct subject *s, struct finding *f);

/* Step 10: whether the task is a promotion: its data are drawn now, since the kernel is fixed by now, and told to the
 * record (seeds.h). Sets of runners and the device are the coordinator's choice (coordinator/plan/promotion.c). */
bool promotion_wants_fresh(const struct rec_task *task);
