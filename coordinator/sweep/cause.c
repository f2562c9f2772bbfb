/* The list of causes in its order. */
#include "coordinator/sweep/cause.h"

#include <string.h>

static const struct {
    const char *name, *text;
} causes[] = {
#define X(code, name, text) [code] = {name, text},
#include "coordinator/sweep/cause.def"
#undef X
};

enum cause cause_of(const struct cause_facts *facts) {
    if (facts->driver_changed) return CAUSE_DRIVER;
    if (facts->clocks_low) return CAUSE_CLOCKS;
    /* a kernel that moved on several devices is no node's doing */
    if (!facts->whole_device && facts->devices_moved > 1 && 2 * facts->devices_moved > facts->devices_measuring)
        return facts->baselines_only ? CAUSE_BASELINE : CAUSE_KERNEL;
    if (facts->nodes_moved <= 1 && facts->peers_in_order > 0) return CAUSE_NODE;
    if (facts->whole_device) return CAUSE_DEVICE;
    return facts->baselines_only ? CAUSE_BASELINE : CAUSE_KERNEL_HERE;
}

const char *cause_name(enum cause cause) {
    return cause < CAUSE_COUNT ? causes[cause].name : "unknown";
}

const char *cause_text(enum cause cause) {
    return cause < CAUSE_COUNT ? causes[cause].text : "";
}

enum cause cause_from_name(const char *name) {
    for (int i = 0; i < CAUSE_COUNT; i++)
        if (strcmp(causes[i].name, name) == 0) return (enum cause)i;
    return CAUSE_COUNT;
}
