/* Who takes whom, both ways: a campaign selects devices by what they and their nodes report, and a node may choose what
 * it works for (`only`, `refuse` of its record). */
#pragma once
#include "coordinator/core.h"
#include "problems/campaign/campaign.h"

/* One of the campaign's targets means the device. Where there is no campaign file (a replay), any is meant. */
bool choice_selects(struct core *core, struct campaign *campaign, const struct device *device);
/* The device's node takes work of the campaign: it says `only` of no label, or the campaign selects by one of those. */
bool choice_takes_campaign(struct core *core, struct campaign *campaign, const struct device *device);
/* The same for a list of targets. */
bool choice_admits(const struct campaign_target *targets, size_t n, const struct device *device);
/* ... and of what the task is for. */
bool choice_takes_purpose(const struct task *task, const struct device *device);
/* A sweep's task is for one device, and was planned for it: nothing else decides, and no other will do. */
bool choice_is_bound(const struct task *task);
bool choice_bound_to(const struct task *task, const struct device *device);
/* All of it. */
bool choice_fits(struct core *core, const struct task *task, const struct device *device);
/* What a task is for: try, campaign, sweep or promotion. */
const char *task_purpose(const struct task *task);
