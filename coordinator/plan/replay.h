/* A replay: one task that measures a record again, as a campaign of its own with the purpose `try`. */
#pragma once
#include "coordinator/core.h"

/* Check the record (fleet/replay/record.h; and against the store, where it has the same revision of it), then store and
 * queue the task: on the device of the record while that is in service, else on its target. `campaign` gets the id.
 * ERR_INVALID: the record was changed, or cannot be replayed; ERR_NOT_FOUND: no device of its target is in service. */
int plan_replay(struct core *core, const struct rec_result *record, char campaign[CAMPAIGN_ID_SIZE], struct error *err);
