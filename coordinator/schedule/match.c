#include "coordinator/schedule/match.h"

#include <string.h>

#include "common/buf.h"
#include "coordinator/plan/identity.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/schedule/queue.h"

#define TRY_EXTRA_SLOTS 2 /* a try does not wait behind a full window */

struct match {
    struct core *core;
    struct device *device; /* that asks */
    int64_t now_ms;
    bool tries_only;
};

/* --- which task
 * ---------------------------------------------------------------------------------------------------------- */
struct other {
    const struct task *task;
    const struct device *device;
    bool found;
};

static bool is_other(void *context, struct device *device) {
    struct other *o = context;
    bool serves = device != o->device && strcmp(device->target, o->device->target) == 0 && device_in_service(device);
    o->found = serves && !task_avoids(o->task, device->node->row.name, device->info->id);
    return !o->found;
}

struct wanted {
    const struct task *task;
    bool there;
};

static bool is_wanted(const struct task *task, const struct device *device) {
    char name[2 * LABEL_SIZE];
    snprintf(name, sizeof name, "%s/%s", device->node->row.name, device->info->id);
    return strcmp(name, task->row.wanted) == 0;
}

static bool look_for_wanted(void *context, struct device *device) {
    struct wanted *w = context;
    w->there = is_wanted(w->task, device) && device_in_service(device) &&
               strcmp(device->target, w->task->row.target) == 0 &&
               !task_avoids(w->task, device->node->row.name, device->info->id);
    return !w->there;
}

/* A replay waits for the device of its record while that is in service. */
static bool waits_for_another(const struct match *m, const struct task *task) {
    struct wanted w = {.task = task};
    if (!*task->row.wanted || is_wanted(task, m->device)) return false;
    devices_each(m->core, look_for_wanted, &w);
    return w.there;
}

/* Where it failed, or was measured before its promotion, it goes only if every other device of the target that is in
 * service is one of these too. */
static bool fits(void *context, const struct task *task) {
    struct match *m = context;
    if (task->not_before_ms > m->now_ms) return false;
    if (m->tries_only && strcmp(task->campaign->row.purpose, "try") != 0) return false;
    if (waits_for_another(m, task)) return false;
    if (!task_avoids(task, m->device->node->row.name, m->device->info->id)) return true;
    struct other other = {.task = task, .device = m->device};
    devices_each(m->core, is_other, &other);
    return !other.found;
}

/* --- handing out
 * --------------------------------------------------------------------------------------------------------- */
static int fill_texts(struct core *core, const struct row_task *row, struct rec_task *task, struct error *err) {
    CLEANUP_FREE char *source = NULL;
    CLEANUP_FREE char *problem = store_problem_get(core->store, row->problem_hash, err);
    CLEANUP_FREE char *kernel = problem ? store_kernel_get(core->store, row->kernel_hash, &source, err) : NULL;
    CLEANUP_FREE char *policy = kernel ? store_policy_get(core->store, row->policy_hash, err) : NULL;
    if (!policy) return -1;
    rec_set(&task->problem_yaml, problem);
    rec_set(&task->kernel_yaml, kernel);
    rec_set(&task->kernel_source, source);
    return policy_apply(policy, task, err);
}

static void fill_task(struct core *core, const struct task *from, const struct device *device, struct rec_task *task) {
    const struct row_task *row = &from->row;
    const struct row_campaign *campaign = &from->campaign->row;
    task->epoch = store_epoch(core->store);
    rec_set(&task->task_id, row->id);
    task->attempt = row->attempts;
    rec_setf(&task->attempt_id, "%s.%d", row->id, row->attempts);
    rec_set(&task->node, device->node->row.name);
    rec_set(&task->incarnation, device->node->row.incarnation);
    rec_set(&task->device, device->info->id);
    rec_set(&task->target, row->target);
    rec_set(&task->campaign, row->campaign);
    rec_set(&task->purpose, *row->purpose ? row->purpose : campaign->purpose);
    rec_set(&task->parent, row->parent);
    rec_set(&task->kind, row->kind);
    task->priority = campaign->priority;
    rec_set(&task->problem, row->problem);
    rec_set(&task->problem_hash, row->problem_hash);
    rec_set(&task->kernel, row->kernel);
    rec_set(&task->kernel_hash, row->kernel_hash);
    rec_set(&task->size, row->size);
    task->published_ms = core_wall_ms(core);
}

/* A node whose machine is busy gives the task back this often; then it settles for what it has. */
static int task_busy_left(const struct row_task *row, const char *policy) {
    int most = strcmp(policy, "note") == 0 ? BUSY_NOTE_MAX : BUSY_MAX;
    return row->busy < most ? most - row->busy : 0;
}

static int send_task(struct core *core, const struct task *task, const struct device *device, struct error *err) {
    struct rec_task rec;
    rec_task_init(&rec);
    fill_task(core, task, device, &rec);
    int status = fill_texts(core, &task->row, &rec, err);
    rec.busy_left = task_busy_left(&task->row, rec.policy.busy);
    if (status == 0)
        status = core_send(core, device->node->row.mailbox, device->node->row.mailbox_partition, task->row.id,
                           &rec_task_desc, &rec, rec.attempt_id, err);
    rec_task_done(&rec);
    return status;
}

static int hand_out(struct core *core, struct task *task, struct device *device, struct error *err) {
    struct row_attempt row = {
        .n = ++task->row.attempts, .epoch = store_epoch(core->store), .state = ATTEMPT_PUBLISHING};
    snprintf(row.task, sizeof row.task, "%s", task->row.id);
    snprintf(row.node, sizeof row.node, "%s", device->node->row.name);
    snprintf(row.incarnation, sizeof row.incarnation, "%s", device->node->row.incarnation);
    snprintf(row.device, sizeof row.device, "%s", device->info->id);
    row.published_ms = core_wall_ms(core);
    if (store_attempt_insert(core->store, &row, err) != 0) return -1;
    struct attempt *attempt = core_attempt_add(core, task, &row);
    task->row.reason[0] = 0;
    if (core_task_set(core, task, TASK_PUBLISHED, err) != 0) return -1;
    struct error problem = ERROR_INIT;
    if (send_task(core, task, device, &problem) == 0) return 0;
    if (problem.code == ERR_IO || problem.code == ERR_NOMEM) {
        if (err) *err = problem;
        return -1;
    }
    /* It will not fit another time either. */
    if (core_attempt_set(core, attempt, ATTEMPT_FAILED, problem.text, err) != 0) return -1;
    return task_give_up(core, task, problem.text, err);
}

/* --- the round
 * ----------------------------------------------------------------------------------------------------------- */
struct round {
    struct core *core;
    int level; /* serve devices that hold this many */
    bool any_room, failed;
    struct error *err;
};

static bool serve(void *context, struct device *device) {
    struct round *round = context;
    struct core *core = round->core;
    int limit = core->config.window + TRY_EXTRA_SLOTS;
    if (!device_in_service(device) || device->held >= limit) return true;
    if (device->held > round->level) round->any_room = true;
    if (device->held != round->level) return true;
    struct queue *queue = queue_of(core, device->target);
    struct match match = {.core = core,
                          .device = device,
                          .now_ms = core_mono_ms(core),
                          .tries_only = device->held >= core->config.window};
    struct task *task = queue_length(queue) ? queue_take(queue, fits, &match) : NULL;
    if (!task) return true;
    round->any_room = true;
    round->failed = hand_out(core, task, device, round->err) != 0;
    return !round->failed;
}

int schedule_tasks(struct core *core, struct error *err) {
    core->schedule_wanted = false;
    if (!core->linked) return 0;
    int limit = core->config.window + TRY_EXTRA_SLOTS;
    for (int level = 0; level < limit; level++) {
        struct round round = {.core = core, .level = level, .err = err};
        devices_each(core, serve, &round);
        if (round.failed) return -1;
        if (!round.any_room) break;
    }
    return 0;
}

static bool waits(const struct task *task) {
    return task->row.state == TASK_QUEUED && task->not_before_ms > 0;
}

int64_t schedule_wait_ms(struct core *core) {
    size_t cursor = 0;
    void *value;
    int64_t now = core_mono_ms(core), least = -1;
    if (!core->backing_off) return -1;
    while (map_next(core->campaigns, &cursor, NULL, &value)) {
        const struct campaign *campaign = value;
        if (campaign->counts[TASK_QUEUED] == 0) continue;
        for (size_t i = 0; i < campaign->task_count; i++) {
            struct task *task = campaign->tasks[i];
            if (!waits(task)) continue;
            int64_t left = task->not_before_ms - now;
            if (left <= 0) {
                task->not_before_ms = 0;
                core->schedule_wanted = true;
                left = 0;
            }
            if (least < 0 || left < least) least = left;
        }
    }
    core->backing_off = least >= 0;
    return least;
}
