/* Devices by target and by how many attempts they hold, so that filling windows looks only at those with room. What is
 * derived here is built anew when nodes or devices change (core_fleet_changed()); attempts move their device. */
#pragma once
#include "coordinator/core.h"

struct slots;
/* Those of one target. */
struct slots_target {
    struct device **devices; /* all, in service or not */
    size_t count;
    int serving;           /* in service */
    struct device **first; /* by level: in service, holding so many attempts; the longest there first */
    struct device **last;
};
/* A level beyond a window, for tries: they do not wait behind a full one. */
#define SLOTS_TRY_EXTRA 2

/* As things are now: built anew if something changed. */
struct slots *slots_now(struct core *core);
/* NULL where no device is known. */
const struct slots_target *slots_of(struct core *core, const char *target);
int slots_levels(const struct core *core);
/* `device->held` has changed. */
void slots_moved(struct core *core, struct device *device);
void slots_free(struct slots *slots);
