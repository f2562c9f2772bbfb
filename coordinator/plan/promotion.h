/* Promotion: the winner of a cell is measured again, and its result is confirmed or retracted
 * (docs/verification.md, step 10).
 *
 * A cell is a problem on a target at a size. Once all its tasks have ended, its winner is the correct kernel with the
 * highest speedup whose interval lies beyond the policy's margin. The winner's task gets a child: the same kernel and
 * configuration, more sets of runners, data drawn after the kernel was fixed, on another device of the target where the
 * fleet has one in service. Its outcome is a new revision of the winner's result and has no result of its own. A
 * retracted winner makes way for the next one. */
#pragma once
#include "coordinator/core.h"

#define PROMOTION_PURPOSE "promotion"
#define PROMOTION_SETS 16     /* docs/timing.md */
#define PROMOTIONS_PER_CELL 3 /* after these the cell stays without a confirmed winner */

bool task_is_promotion(const struct task *task);
/* The task whose result a promotion measures again; NULL for other tasks. */
struct task *promotion_parent(struct core *core, const struct task *task);
/* Same among the tasks of a view. */
const struct task *promotion_parent_in(const struct campaign *campaign, const struct task *task);
/* `task` has ended: plan what follows from that for its cell, in the same transaction. Nothing where the campaign does
 * not promote or the cell is not complete. */
int promotion_plan(struct core *core, const struct task *task, struct error *err);
/* Its cell has a task more (1), or less (-1): only cells without open ones are looked through for a winner. Tasks that
 * have ended do not count. */
void promotion_count(const struct task *task, int change);
void promotion_forget(struct campaign *campaign);
