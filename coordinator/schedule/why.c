/* Why a task is not running: one line, from what the scheduler itself looks at. And what follows when the answer stays
 * "nobody is there". */
#include <string.h>

#include "coordinator/plan/promotion.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/backoff.h"
#include "coordinator/schedule/match.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/schedule/queue.h"
#include "coordinator/schedule/slots.h"

struct tally {
    const struct core *core;
    const struct task *task;
    int known, serving, free_slots, absent, starting, held_back;
};

static bool count(void *context, struct device *device) {
    struct tally *t = context;
    if (strcmp(device->target, t->task->row.target) != 0) return true;
    enum service service = device_service(device);
    t->known += device_known(t->core, device);
    t->serving += device_in_service(device);
    t->free_slots += device_in_service(device) && device->held < device_window(t->core, device);
    t->absent += service == SERVICE_ABSENT;
    t->starting += service == SERVICE_STARTING || service == SERVICE_UNCHECKED;
    t->held_back += service < SERVICE_LEFT || service == SERVICE_QUARANTINED || service == SERVICE_TROUBLE;
    return true;
}

static void why_queued(struct core *core, const struct task *task, char *out, size_t size) {
    struct tally t = {.core = core, .task = task};
    devices_each(core, count, &t);
    int64_t left = task->not_before_ms - core_mono_ms(core);
    const char *target = task->row.target;
    if (!core->linked)
        snprintf(out, size, "the broker is away");
    else if (left > 0 && strncmp(task->row.reason, "machine busy", 12) == 0)
        snprintf(out, size, "verified; waits %.1f s for a quieter machine to be timed on: %s", (double)left / 1000,
                 task->row.reason);
    else if (left > 0)
        snprintf(out, size, "waits %.1f s after a failure: %s", (double)left / 1000, task->row.reason);
    else if (t.serving > 0 && t.free_slots == 0)
        snprintf(out, size, "all %d devices of %s are busy", t.serving, target);
    else if (t.serving > 0)
        snprintf(out, size, "next in line for %s", target);
    else if (t.held_back > 0)
        snprintf(out, size, "the devices of %s are drained or quarantined", target);
    else if (t.starting > 0)
        snprintf(out, size, "the node of %s is starting", target);
    else if (t.absent > 0)
        snprintf(out, size, "the node of %s is absent: no heartbeat", target);
    else
        snprintf(out, size, "no device of %s is there", target);
}

static void why(struct core *core, const struct task *task, char *out, size_t size) {
    const struct attempt *attempt = task->attempts;
    while (attempt && attempt->row.state > ATTEMPT_OPEN) attempt = attempt->next;
    const char *node = attempt ? attempt->row.node : "?", *device = attempt ? attempt->row.device : "?";
    switch (task->row.state) {
        case TASK_WAITING:
        case TASK_NO_DEVICE:
            snprintf(out, size, "no device serves %s", task->row.target);
            break;
        case TASK_QUEUED:
            why_queued(core, task, out, size);
            break;
        case TASK_PUBLISHED:
            snprintf(out, size, "in the mailbox of %s for %s, not begun", node, device);
            break;
        case TASK_RUNNING:
            snprintf(out, size, "runs on %s/%s: %s, %.0f %%", node, device, *task->phase ? task->phase : "begun",
                     task->progress * 100);
            break;
        case TASK_DONE:
            snprintf(out, size, "done");
            break;
        case TASK_GAVE_UP:
            snprintf(out, size, "given up: %s", task->row.reason);
            break;
        case TASK_CANCELLED:
            snprintf(out, size, "cancelled");
            break;
        case TASK_STATE_COUNT:
            break;
    }
}

/* What a promotion measures again, and where it would rather not. */
static size_t say_promotion(const struct task *task, char *out, size_t size) {
    int n = snprintf(out, size, "promotion of task %.12s (measured on %.130s): ", task->row.parent,
                     *task->row.avoid ? task->row.avoid : "?");
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

void task_why(struct core *core, const struct task *task, char *out, size_t size) {
    size_t n = task_is_promotion(task) ? say_promotion(task, out, size) : 0;
    why(core, task, out + n, size - n);
}

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
