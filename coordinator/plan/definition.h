/* What a running campaign's file says, read from the store when it is first asked for. */
#pragma once
#include "coordinator/core.h"
#include "problems/campaign/campaign.h"

/* NULL for what has no campaign file: a replay. Borrowed. */
const struct campaign_file *definition_of(struct core *core, struct campaign *campaign);
/* Its limits, or the defaults. */
struct campaign_limits definition_limits(struct core *core, struct campaign *campaign);
/* Where a key such as "limits.queue" is set: "FILE:LINE:COL", or "the default". */
#define DEFINITION_PLACE_SIZE 160
void definition_place(struct core *core, struct campaign *campaign, const char *key, char out[DEFINITION_PLACE_SIZE]);
void definition_forget(struct campaign *campaign);
