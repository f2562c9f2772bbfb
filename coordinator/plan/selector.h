/* Selectors of campaign files (problems/campaign) over what a device and its node report: fleet/target decides what a
 * term means; the node's name and labels are looked at here, since a device does not know them. */
#pragma once
#include "coordinator/core.h"
#include "problems/campaign/campaign.h"
/* All terms hold. */
bool campaign_selector_matches(const struct campaign_target *selector, const struct device *device);
