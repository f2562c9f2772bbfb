/* Targets without any device: their tasks are given up after a time. */
#include <string.h>

#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/backoff.h"
#include "coordinator/schedule/match.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/schedule/queue.h"
#include "coordinator/schedule/slots.h"

struct search {
    const struct core *core;
    const char *target;
    bool known, present;
};

static bool is_known(void *context, struct device *device) {
    struct search *search = context;
    bool known = strcmp(device->target, search->target) == 0 && device_known(search->core, device);
    search->known |= known;
    search->present |=
        known && (device->node->row.presence != NODE_ABSENT || device->node->row.admin == NODE_MAINTENANCE);
    return !search->present;
}

static int give_up_queue(struct core *core, const char *target, struct queue *queue, struct error *err) {
    char reason[256];
    struct task *task;
    struct search search = {.core = core, .target = target};
    const struct slots_target *there = slots_of(core, target);
    for (size_t i = 0; there && i < there->count && !search.present; i++) is_known(&search, there->devices[i]);
    if (search.present) queue_set_served(queue, core->lease.now_ms);
    /* A device that fails its health check is gone from one record to the next, and may be back as soon. */
    if (search.known || core->lease.now_ms - queue_served_ms(queue) < core->config.absent_ms) return 0;
    snprintf(reason, sizeof reason, "no device of %.100s for %lld s", target,
             (long long)(core->config.absent_ms / 1000));
    while ((task = queue_first(queue)) || (task = backoff_find(core, target)))
        if (task_give_up(core, task, reason, err) != 0) return -1;
    return 0;
}

int schedule_give_up_absent(struct core *core, struct error *err) {
    size_t cursor = 0;
    const char *target;
    void *queue;
    if (!core->linked) return 0;
    while (map_next(core->queues, &cursor, &target, &queue))
        if (give_up_queue(core, target, queue, err) != 0) return -1;
    return 0;
}
