/* Selectors of campaign files over what a device and its node report. */
#pragma once
#include "coordinator/core.h"
#include "problems/campaign/campaign.h"
/* All terms hold. Texts without regard to case; docs/file-formats.md says what each key looks at. */
bool selector_matches(const struct campaign_target *selector, const struct device *device);
