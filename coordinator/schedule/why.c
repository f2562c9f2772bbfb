/* Why a task is not running: one line, from what the scheduler itself looks at. */
#include "coordinator/schedule/why.h"

#include <stdarg.h>
#include <string.h>

#include "coordinator/plan/promotion.h"
#include "coordinator/schedule/choice.h"
#include "coordinator/schedule/match.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/schedule/queue.h"
#include "coordinator/schedule/slots.h"

static const struct {
    const char *code, *meaning;
} reasons[] = {
#define WHY(name, code, meaning) {code, meaning},
#include "coordinator/schedule/why.def"
#undef WHY
};

const char *why_code(enum why why) {
    return reasons[why].code;
}

const char *why_meaning(enum why why) {
    return reasons[why].meaning;
}

struct answer {
    char *text;
    size_t size;
};

__attribute__((format(printf, 3, 4))) static enum why say(struct answer *a, enum why why, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->text, a->size, fmt, ap);
    va_end(ap);
    return why;
}

/* --- the devices of its target ---------------------------------------------------------------- */
struct tally {
    int count[SERVICE_COUNT]; /* of those that may take it, and of those that take no work */
    const struct device *example[SERVICE_COUNT];
    int not_selected, node_chooses; /* in service, and not for it */
    const struct device *chooser;
    int free, full, probation;
};

static void tally_serving(struct core *core, const struct task *task, const struct device *device, struct tally *t) {
    if (!choice_selects(core, task->campaign, device)) {
        t->not_selected++;
        return;
    }
    if (!choice_fits(core, task, device)) {
        t->node_chooses++;
        t->chooser = device;
        return;
    }
    int window = device_window(core, device);
    t->count[SERVICE_IN_SERVICE]++;
    t->example[SERVICE_IN_SERVICE] = device;
    t->free += device->held < window;
    t->full += device->held >= window;
    t->probation += device->held >= window && window < core->config.window;
}

static void tally_devices(struct core *core, const struct task *task, struct tally *t) {
    const struct slots_target *target = slots_of(core, task->row.target);
    memset(t, 0, sizeof *t);
    for (size_t i = 0; target && i < target->count; i++) {
        const struct device *device = target->devices[i];
        enum service service = device_service(device);
        if (choice_is_bound(task) && !choice_bound_to(task, device)) continue;
        if (service == SERVICE_IN_SERVICE) {
            tally_serving(core, task, device, t);
            continue;
        }
        t->count[service]++;
        t->example[service] = device;
    }
}

/* --- queued ----------------------------------------------------------------------------------- */
static enum why say_backing_off(struct answer *a, const struct task *task, int64_t left_ms) {
    double left_s = (double)left_ms / 1000;
    if (strncmp(task->row.reason, "machine busy", 12) == 0)
        return say(a, WHY_BUSY_MACHINE, "verified; waits %.1f s for a quieter machine to be timed on: %s", left_s,
                   task->row.reason);
    return say(a, WHY_BACKING_OFF, "waits %.1f s after a failure: %s", left_s, task->row.reason);
}

static enum why say_behind(struct answer *a, const struct task *task, const struct queue_ahead *ahead) {
    const struct row_campaign *most = &ahead->campaign->row;
    bool own = ahead->campaign == task->campaign;
    const char *plural = ahead->tasks == 1 ? "" : "s";
    if (ahead->of_campaign == ahead->tasks)
        return say(a, WHY_BEHIND, "behind %zu task%s of %s %s (%s) for %s", ahead->tasks, plural,
                   own ? "its own campaign" : "campaign", most->id, most->name, task->row.target);
    return say(a, WHY_BEHIND, "behind %zu task%s for %s, %zu of them of %s %s (%s)", ahead->tasks, plural,
               task->row.target, ahead->of_campaign, own ? "its own campaign" : "campaign", most->id, most->name);
}

/* A device that could take it is in service. */
static enum why say_served(struct core *core, struct answer *a, const struct task *task, const struct tally *t) {
    struct queue_ahead ahead;
    int serving = t->count[SERVICE_IN_SERVICE];
    const char *target = task->row.target;
    queue_look_ahead(task, &ahead);
    if (ahead.tasks > 0 && t->free == 0) return say_behind(a, task, &ahead);
    if (t->free == 0 && t->probation > 0)
        return say(a, WHY_PROBATION, "%d of the %d devices of %s get work one by one until they succeed, and are busy",
                   t->probation, serving, target);
    if (t->free == 0) return say(a, WHY_ALL_BUSY, "all %d devices of %s are busy", serving, target);
    enum match_fit fit = match_best(core, task);
    if (fit == MATCH_WANTED)
        return say(a, WHY_WAITS_DEVICE, "waits for the device of its record, %s", task->row.wanted);
    if (fit == MATCH_ELSEWHERE)
        return say(a, WHY_WAITS_ELSEWHERE, "waits for another device of %s than %s", target, task->row.avoid);
    if (ahead.tasks > 0) return say_behind(a, task, &ahead);
    return say(a, WHY_NEXT, "next in line for %s", target);
}

/* Hopeful ones first. */
static const struct {
    enum service service;
    enum why why;
} unserved[] = {
    {SERVICE_STARTING, WHY_STARTING},
    {SERVICE_UNCHECKED, WHY_STARTING},
    {SERVICE_QUARANTINED, WHY_QUARANTINED},
    {SERVICE_TROUBLE, WHY_TROUBLE},
    {SERVICE_PENDING, WHY_WAITS_FOR_APPROVAL},
    {SERVICE_CORDONED, WHY_DRAINED},
    {SERVICE_DRAINING, WHY_DRAINED},
    {SERVICE_MAINTENANCE, WHY_DRAINED},
    {SERVICE_DRAINED, WHY_DRAINED},
    {SERVICE_ABSENT, WHY_ABSENT},
    {SERVICE_REFUSED, WHY_REFUSED},
};

static enum why say_unserved(const struct core *core, struct answer *a, const struct task *task,
                             const struct tally *t) {
    for (size_t i = 0; i < sizeof unserved / sizeof *unserved; i++) {
        char reason[256] = "";
        enum service service = unserved[i].service;
        const struct device *device = t->example[service];
        if (!device) continue;
        if (node_service(device->node) == service)
            node_service_reason(core, device->node, reason, sizeof reason);
        else
            device_service_reason(core, device, reason, sizeof reason);
        int others = t->count[service] - 1;
        char more[32] = "";
        if (others > 0) snprintf(more, sizeof more, " and %d more", others);
        return say(a, unserved[i].why, "%s/%s of %s%s: %s%s%s", device->node->row.name, device->info->id,
                   task->row.target, more, service_name(service), *reason ? ", " : "", reason);
    }
    if (choice_is_bound(task)) return say(a, WHY_WAITS_DEVICE, "waits for its device %s", task->row.wanted);
    return say(a, WHY_NO_DEVICE, "no device serves %s", task->row.target);
}

static enum why say_refused(struct answer *a, const struct task *task, const struct tally *t) {
    const struct rec_node *info = t->chooser->node->info;
    if (!choice_takes_purpose(task, t->chooser))
        return say(a, WHY_NODE_CHOOSES, "%s takes no work for a %s (--refuse)", t->chooser->node->row.name,
                   task_purpose(task));
    return say(a, WHY_NODE_CHOOSES, "%s takes only campaigns that select by the label %s (--only)",
               t->chooser->node->row.name, info->only.items[0]);
}

static enum why why_queued(struct core *core, struct answer *a, const struct task *task) {
    struct tally t;
    int64_t left_ms = task->not_before_ms - core_mono_ms(core);
    if (!core->linked) return say(a, WHY_BROKER_AWAY, "the broker is away");
    if (left_ms > 0) return say_backing_off(a, task, left_ms);
    tally_devices(core, task, &t);
    if (t.count[SERVICE_IN_SERVICE] > 0) return say_served(core, a, task, &t);
    if (t.chooser) return say_refused(a, task, &t);
    if (t.not_selected > 0)
        return say(a, WHY_NOT_SELECTED, "the campaign's selectors match none of the %d devices of %s in service",
                   t.not_selected, task->row.target);
    return say_unserved(core, a, task, &t);
}

/* --- any state -------------------------------------------------------------------------------- */
static enum why say_any(struct core *core, struct answer *a, const struct task *task) {
    const struct attempt *attempt = task->attempts;
    while (attempt && attempt->row.state > ATTEMPT_OPEN) attempt = attempt->next;
    const char *node = attempt ? attempt->row.node : "?", *device = attempt ? attempt->row.device : "?";
    const struct rec_result *r = task->result;
    switch (task->row.state) {
        case TASK_QUEUED:
            return why_queued(core, a, task);
        case TASK_PUBLISHED:
            return say(a, WHY_IN_MAILBOX, "in the mailbox of %s for %s, not begun", node, device);
        case TASK_RUNNING:
            return say(a, WHY_RUNS, "runs on %s/%s: %s, %.0f %%", node, device, *task->phase ? task->phase : "begun",
                       task->progress * 100);
        case TASK_DONE:
            if (r && r->deduplicated_from)
                return say(a, WHY_KNOWN, "known already, from task %.12s; --force measures again",
                           r->deduplicated_from);
            return say(a, WHY_DONE, "done");
        case TASK_GAVE_UP:
            return say(a, WHY_GAVE_UP, "given up: %s", task->row.reason);
        case TASK_CANCELLED:
            return say(a, WHY_CANCELLED, "cancelled%s%s", *task->row.reason ? ": " : "", task->row.reason);
        case TASK_WAITING:
        case TASK_NO_DEVICE:
        case TASK_STATE_COUNT:
            break;
    }
    return say(a, WHY_NO_DEVICE, "no device serves %s", task->row.target);
}

/* What a promotion measures again, and where it would rather not. */
static size_t say_promotion(const struct task *task, char *out, size_t size) {
    int n = snprintf(out, size, "promotion of task %.12s (measured on %.130s): ", task->row.parent,
                     *task->row.avoid ? task->row.avoid : "?");
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

enum why task_why(struct core *core, const struct task *task, char out[WHY_SIZE]) {
    size_t n = task_is_promotion(task) ? say_promotion(task, out, WHY_SIZE) : 0;
    return say_any(core, &(struct answer){out + n, WHY_SIZE - n}, task);
}
