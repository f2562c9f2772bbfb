/* The outcome of a promotion: a new revision of its parent's result. */
#pragma once
#include "coordinator/core.h"

/* Fill an initialised record: the parent's result with the promotion's figures in place of the first ones, which are
 * kept beside them, and `confirmed` or `retracted`. */
void promotion_result(struct core *core, const struct task *parent, const struct task *promotion,
                      const struct rec_attempt *attempt, struct rec_result *ret);
/* The promotion was cancelled or given up: the parent's result stays as it is, and says so. */
int promotion_without_attempt(struct core *core, const struct task *promotion, const char *outcome,
                              const char *evidence, struct error *err);
