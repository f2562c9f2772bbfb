#include "coordinator/schedule/match.h"

#include <string.h>

#include "common/buf.h"
#include "coordinator/plan/identity.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/backoff.h"
#include "coordinator/schedule/choice.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/schedule/queue.h"
#include "coordinator/schedule/slots.h"
#include "coordinator/texts.h"

struct match {
    struct core *core;
    struct device *device; /* that asks */
};

/* --- which task ------------------------------------------------------------------------------- */
static bool may_run_on(struct core *core, const struct task *task, const struct device *device) {
    return device_in_service(device) && strcmp(device->target, task->row.target) == 0 &&
           choice_fits(core, task, device);
}

/* A replay waits for the device of its record while that is in service; a sweep's task for its device, however long. */
static bool waits_for_another(const struct match *m, const struct task *task) {
    char node[LABEL_SIZE];
    if (!*task->row.wanted || choice_bound_to(task, m->device)) return false;
    if (choice_is_bound(task)) return true;
    const char *slash = strchr(task->row.wanted, '/');
    snprintf(node, sizeof node, "%.*s", slash ? (int)(slash - task->row.wanted) : 0, task->row.wanted);
    const struct device *wanted = slash ? core_device(m->core, node, slash + 1) : NULL;
    return wanted && may_run_on(m->core, task, wanted) && !task_avoids(task, node, wanted->info->id);
}

/* How little a device suits a task that failed, or was measured before its promotion: where it failed it goes last, and
 * to another device of such a node only when no other node is there, so that a bad node has it once. */
static int misfit(const struct task *task, const struct device *device) {
    const char *node = device->node->row.name;
    if (task_avoids(task, node, device->info->id)) return 2;
    return !*task->row.parent && task_avoids_node(task, node);
}

/* It goes only where no device that is in service and takes it suits it better. */
static bool suits_another(const struct match *m, const struct task *task) {
    int own = misfit(task, m->device);
    const struct slots_target *target = own ? slots_of(m->core, task->row.target) : NULL;
    for (size_t i = 0; target && i < target->count; i++)
        if (misfit(task, target->devices[i]) < own && may_run_on(m->core, task, target->devices[i])) return true;
    return false;
}

static bool takes_campaign(void *context, struct campaign *campaign) {
    const struct match *m = context;
    return choice_selects(m->core, campaign, m->device) && choice_takes_campaign(m->core, campaign, m->device);
}

static bool takes_task(void *context, const struct task *task) {
    const struct match *m = context;
    return choice_takes_purpose(task, m->device) && !waits_for_another(m, task) && !suits_another(m, task);
}

enum match_fit match_best(struct core *core, const struct task *task) {
    const struct slots_target *target = slots_of(core, task->row.target);
    enum match_fit best = MATCH_NONE;
    for (size_t i = 0; target && i < target->count; i++) {
        struct match m = {.core = core, .device = target->devices[i]};
        if (!may_run_on(core, task, m.device) || m.device->held >= device_window(core, m.device)) continue;
        if (waits_for_another(&m, task))
            best = MATCH_WANTED;
        else if (suits_another(&m, task))
            best = MATCH_ELSEWHERE;
        else
            return MATCH_TAKES;
    }
    return best;
}

/* --- handing out ------------------------------------------------------------------------------ */
static int fill_texts(struct core *core, const struct row_task *row, struct rec_task *task, struct error *err) {
    const struct text *text = texts_get(core->texts, core->store, TEXT_PROBLEM, row->problem_hash, err);
    if (!text) return -1;
    rec_set(&task->problem_yaml, text->yaml);
    if (!(text = texts_get(core->texts, core->store, TEXT_KERNEL, row->kernel_hash, err))) return -1;
    rec_set(&task->kernel_yaml, text->yaml);
    rec_set(&task->kernel_source, text->source);
    if (!(text = texts_get(core->texts, core->store, TEXT_POLICY, row->policy_hash, err))) return -1;
    policy_copy(text->task, task);
    return 0;
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

static int hand_out(struct core *core, struct task *task, struct device *device, double charged_ms, struct error *err) {
    struct row_attempt row = {.task_seq = task->row.seq,
                              .n = ++task->row.attempts,
                              .epoch = store_epoch(core->store),
                              .state = ATTEMPT_PUBLISHING};
    snprintf(row.task, sizeof row.task, "%s", task->row.id);
    snprintf(row.node, sizeof row.node, "%s", device->node->row.name);
    snprintf(row.incarnation, sizeof row.incarnation, "%s", device->node->row.incarnation);
    snprintf(row.device, sizeof row.device, "%s", device->info->id);
    row.published_ms = core_wall_ms(core);
    if (store_attempt_insert(core->store, &row, err) != 0) return -1;
    struct attempt *attempt = core_attempt_add(core, task, &row);
    attempt->charged_ms = charged_ms;
    core_task_published(core, task);
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

/* --- the round -------------------------------------------------------------------------------- */
static int serve(struct core *core, struct queue *queue, struct device *device, struct error *err) {
    struct match match = {.core = core, .device = device};
    int window = device_window(core, device);
    /* On probation it gets no more than that, be it a try. */
    if (device->held >= window && window < core->config.window) return 0;
    struct queue_wish wish = {.last = device->held < window ? QUEUE_SWEEP : QUEUE_TRY,
                              .takes_campaign = takes_campaign,
                              .takes_task = takes_task,
                              .context = &match};
    double charged_ms = 0;
    struct task *task = device_in_service(device) ? queue_take(queue, &wish, &charged_ms) : NULL;
    return task ? hand_out(core, task, device, charged_ms, err) : 0;
}

/* One task to each device of a level, which then stands in the next one. */
static int serve_target(struct core *core, const char *name, struct queue *queue, struct error *err) {
    const struct slots_target *target = slots_of(core, name);
    for (int level = 0; target && level < slots_levels(core); level++) {
        struct device *device = target->first[level];
        while (device && queue_length(queue) > 0) {
            struct device *next = device->level_next;
            if (serve(core, queue, device, err) != 0) return -1;
            /* What a task's end may have done to nodes is for the next round: these lists are of the past. */
            if (core->fleet_changed) return 0;
            device = next;
        }
    }
    return 0;
}

int schedule_tasks(struct core *core, struct error *err) {
    size_t cursor = 0;
    const char *target;
    void *queue;
    core->schedule_wanted = false;
    if (!core->linked) return 0;
    backoff_release(core);
    core->schedule_wanted = false;
    while (map_next(core->queues, &cursor, &target, &queue))
        if (queue_length(queue) > 0 && serve_target(core, target, queue, err) != 0) return -1;
    return 0;
}
