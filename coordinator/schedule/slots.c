#include "coordinator/schedule/slots.h"

#include "common/buf.h"
#include "coordinator/schedule/nodes.h"

struct slots {
    struct map *targets; /* name to struct slots_target */
    int levels;
};

void slots_free(struct slots *slots) {
    size_t cursor = 0;
    void *value;
    if (!slots) return;
    while (map_next(slots->targets, &cursor, NULL, &value)) {
        struct slots_target *target = value;
        free(target->devices);
        free(target->first);
        free(target->last);
        free(target);
    }
    map_free(slots->targets);
    free(slots);
}

int slots_levels(const struct core *core) {
    return core->config.window + SLOTS_TRY_EXTRA;
}

/* --- lists of a level ------------------------------------------------------------------------- */
static void append(struct slots_target *target, struct device *device, int level) {
    device->level = level;
    device->level_next = NULL;
    device->level_prev = target->last[level];
    *(device->level_prev ? &device->level_prev->level_next : &target->first[level]) = device;
    target->last[level] = device;
}

static void take_out(struct slots_target *target, struct device *device) {
    *(device->level_prev ? &device->level_prev->level_next : &target->first[device->level]) = device->level_next;
    *(device->level_next ? &device->level_next->level_prev : &target->last[device->level]) = device->level_prev;
    device->level = -1;
}

static void place(const struct slots *slots, struct slots_target *target, struct device *device) {
    if (device->held < slots->levels && device_in_service(device)) append(target, device, device->held);
}

void slots_moved(struct core *core, struct device *device) {
    struct slots *slots = core->slots;
    if (!slots || core->fleet_changed) return;
    struct slots_target *target = map_get(slots->targets, device->target);
    if (!target || device->level == device->held) return;
    if (device->level >= 0) take_out(target, device);
    place(slots, target, device);
}

/* --- building --------------------------------------------------------------------------------- */
static struct slots_target *target_of(struct slots *slots, const char *name) {
    struct slots_target *target = map_get(slots->targets, name);
    if (target) return target;
    target = xcalloc(1, sizeof *target);
    target->first = xcalloc((size_t)slots->levels, sizeof(struct device *));
    target->last = xcalloc((size_t)slots->levels, sizeof(struct device *));
    map_put(slots->targets, name, target);
    return target;
}

static bool enter(void *context, struct device *device) {
    struct slots *slots = context;
    struct slots_target *target = target_of(slots, device->target);
    if ((target->count & (target->count - 1)) == 0)
        target->devices = xrealloc(target->devices, (target->count ? 2 * target->count : 1) * sizeof(struct device *));
    target->devices[target->count++] = device;
    target->serving += device_in_service(device);
    device->level = -1;
    place(slots, target, device);
    return true;
}

struct slots *slots_now(struct core *core) {
    if (core->slots && !core->fleet_changed && core->slots->levels == slots_levels(core)) return core->slots;
    slots_free(core->slots);
    core->slots = xcalloc(1, sizeof *core->slots);
    core->slots->targets = map_new();
    core->slots->levels = slots_levels(core);
    core->fleet_changed = false;
    devices_each(core, enter, core->slots);
    return core->slots;
}

const struct slots_target *slots_of(struct core *core, const char *target) {
    return map_get(slots_now(core)->targets, target);
}
