/* Which devices a campaign's targets mean. */
#pragma once
#include "coordinator/core.h"
#include "coordinator/plan/submission.h"
#include "problems/campaign/campaign.h"

/* A target of a campaign with the devices that serve it now. */
struct target_choice {
    char name[TARGET_SIZE]; /* a target's name; a selector's text while nothing matches it */
    bool placeholder;       /* such a selector */
    const struct device **devices;
    size_t device_count;
};
struct target_choices {
    struct target_choice *items;
    size_t count;
};
/* Expand a campaign's targets over the known devices, without repeats, in the file's order. ERR_INVALID: a selector's
 * key or value is wrong. The result borrows devices: use it before anything else happens. */
int targets_expand(struct core *core, const struct campaign_file *file, struct target_choices *ret, struct error *err);
void target_choices_done(struct target_choices *choices);
DEFINE_CLEANUP(cleanup_target_choices_ptr, struct target_choices *, target_choices_done)
/* Where no device serves the choice, add a warning that names the targets there are. */
void targets_warn_unserved(struct core *core, struct submission *s, const struct target_choice *choice);
/* One of a campaign's targets, by name or selector, means this device. */
bool target_means(const struct campaign_target *target, const struct device *device);
/* Text of a selector, as cells show it. */
void targets_selector_text(const struct campaign_target *target, char out[TARGET_SIZE]);
