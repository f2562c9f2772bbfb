/* The `campaigns` topic. */
#pragma once
#include "coordinator/core.h"
/* Definition and state of a campaign as they are now, through the outbox. Tries are not published. */
int campaign_publish(struct core *core, const struct campaign *campaign, struct error *err);
