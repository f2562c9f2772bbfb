/* Cancelling revokes: what a revoked attempt still sends is not accepted. */
#pragma once
#include "coordinator/core.h"
/* End all tasks of a running campaign. ERR_CONFLICT when it has ended. */
int campaign_cancel(struct core *core, struct campaign *campaign, const char *reason, int64_t *ret_cancelled,
                    struct error *err);
