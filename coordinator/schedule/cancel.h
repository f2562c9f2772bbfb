/* Cancelling revokes: what a revoked attempt still sends is not accepted. */
#pragma once
#include "coordinator/core.h"
/* End all tasks of a running campaign. ERR_CONFLICT when it has ended. */
int campaign_cancel(struct core *core, struct campaign *campaign, const char *reason, int64_t *ret_cancelled,
                    struct error *err);
/* End one task. ERR_CONFLICT when it has ended. */
int task_cancel(struct core *core, struct task *task, const char *reason, struct error *err);
/* Tell the nodes to stop what they have of it; the task stays as it is. */
int task_revoke_attempts(struct core *core, struct task *task, const char *reason, struct error *err);
