#include "coordinator/schedule/queue.h"

#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "coordinator/schedule/backoff.h"
#include "coordinator/schedule/flow.h"

#define COST_FIRST_MS 1000.0 /* of an attempt, before any has ended on the target */
#define COST_LEARN 0.25      /* weight of the latest attempt in what is usual */

struct queue {
    struct level **levels; /* in the order in which they are served */
    size_t level_count;
    size_t length;
    double cost_ms; /* usual length of an attempt on the target */
    int64_t served_ms;
};

enum queue_class queue_class_of(const char *purpose) {
    if (strcmp(purpose, "try") == 0) return QUEUE_TRY;
    return strcmp(purpose, "sweep") == 0 ? QUEUE_SWEEP : QUEUE_CAMPAIGN;
}

struct queue *queue_of(struct core *core, const char *target) {
    struct queue *queue = map_get(core->queues, target);
    if (queue) return queue;
    queue = xcalloc(1, sizeof *queue);
    queue->served_ms = core->lease.now_ms;
    map_put(core->queues, target, queue);
    return queue;
}

void queue_free(struct queue *queue) {
    if (!queue) return;
    for (size_t i = 0; i < queue->level_count; i++) {
        heap_done(&queue->levels[i]->flows);
        free(queue->levels[i]);
    }
    free(queue->levels);
    free(queue);
}

/* --- levels and flows ------------------------------------------------------------------------- */
static bool level_before(const struct level *level, enum queue_class class, int32_t priority) {
    return level->class != class ? level->class < class : level->priority > priority;
}

static struct level *level_of(struct queue *queue, enum queue_class class, int32_t priority) {
    size_t i = 0;
    while (i < queue->level_count && level_before(queue->levels[i], class, priority)) i++;
    if (i < queue->level_count && queue->levels[i]->class == class && queue->levels[i]->priority == priority)
        return queue->levels[i];
    struct level *level = xcalloc(1, sizeof *level);
    *level = (struct level){
        .class = class, .priority = priority, .flows = heap_of(offsetof(struct flow, place), flow_before)};
    queue->levels = xrealloc(queue->levels, (queue->level_count + 1) * sizeof(struct level *));
    memmove(&queue->levels[i + 1], &queue->levels[i], (queue->level_count - i) * sizeof(struct level *));
    queue->levels[i] = level;
    queue->level_count++;
    return level;
}

static struct flow *flow_of(struct core *core, const struct task *task) {
    struct campaign *campaign = task->campaign;
    struct queue *queue = queue_of(core, task->row.target);
    struct flow *flow = campaign->flows;
    while (flow && flow->queue != queue) flow = flow->next;
    if (flow) return flow;
    flow = xcalloc(1, sizeof *flow);
    flow->queue = queue;
    flow->campaign = campaign;
    flow->level = level_of(queue, queue_class_of(campaign->row.purpose), campaign->row.priority);
    flow->next = campaign->flows;
    campaign->flows = flow;
    return flow;
}

void queue_forget(struct campaign *campaign) {
    while (campaign->flows) {
        struct flow *flow = campaign->flows;
        campaign->flows = flow->next;
        flow_free(flow);
    }
}

/* --- adding and removing ---------------------------------------------------------------------- */
void queue_add(struct core *core, struct task *task) {
    if (task->in_queue) return;
    task->in_queue = true;
    if (task->not_before_ms > core_mono_ms(core)) {
        backoff_add(core, task);
        return;
    }
    struct flow *flow = task->flow ? task->flow : flow_of(core, task);
    task->flow = flow;
    if (flow->length == 0 && flow->tag < flow->level->now) flow->tag = flow->level->now;
    flow_add(flow, task);
    if (flow->length == 1) heap_push(&flow->level->flows, flow);
    flow->queue->length++;
    core->schedule_wanted = true;
}

static void take_out(struct task *task) {
    struct flow *flow = task->flow;
    flow_remove(flow, task);
    if (flow->length == 0) heap_remove(&flow->level->flows, flow);
    flow->queue->length--;
    task->in_queue = false;
}

void queue_remove(struct core *core, struct task *task) {
    if (!task->in_queue) return;
    if (task->lane) take_out(task);
    backoff_remove(core, task);
    task->in_queue = false;
}

size_t queue_length(const struct queue *queue) {
    return queue->length;
}

int64_t queue_served_ms(const struct queue *queue) {
    return queue->served_ms;
}

void queue_set_served(struct queue *queue, int64_t lease_ms) {
    queue->served_ms = lease_ms;
}

/* --- taking ----------------------------------------------------------------------------------- */
static double weight_of(const struct flow *flow) {
    double weight = flow->campaign->row.weight;
    return weight > 0 ? weight : 1;
}

static double usual_ms(const struct queue *queue) {
    return queue->cost_ms > 0 ? queue->cost_ms : COST_FIRST_MS;
}

/* The first task of a level that fits. Flows of which nothing does stand aside meanwhile. */
static struct task *find_in_level(struct level *level, const struct queue_wish *wish) {
    struct flow *flow, *aside = NULL;
    struct task *found = NULL;
    while ((flow = heap_first(&level->flows)) && !(found = flow_find(flow, wish))) {
        heap_remove(&level->flows, flow);
        flow->aside = aside;
        aside = flow;
    }
    for (; aside; aside = aside->aside) heap_push(&level->flows, aside);
    return found;
}

struct task *queue_take(struct queue *queue, const struct queue_wish *wish, double *ret_charged_ms) {
    struct task *task = NULL;
    for (size_t i = 0; i < queue->level_count && !task && queue->levels[i]->class <= wish->last; i++)
        task = find_in_level(queue->levels[i], wish);
    if (!task) return NULL;
    struct flow *flow = task->flow;
    *ret_charged_ms = flow_expects_ms(flow, usual_ms(queue));
    if (flow->tag > flow->level->now) flow->level->now = flow->tag;
    flow->tag += *ret_charged_ms / weight_of(flow);
    take_out(task);
    heap_moved(&flow->level->flows, flow);
    return task;
}

static void learn(double *cost_ms, double took_ms) {
    *cost_ms = *cost_ms > 0 ? *cost_ms + COST_LEARN * (took_ms - *cost_ms) : took_ms;
}

void queue_settle(struct task *task, double charged_ms, double took_ms) {
    struct flow *flow = task->flow;
    if (!flow || !isfinite(took_ms) || took_ms < 0) return;
    flow->tag += (took_ms - charged_ms) / weight_of(flow);
    heap_moved(&flow->level->flows, flow);
    if (took_ms <= 0) return;
    learn(&flow->cost_ms, took_ms);
    learn(&flow->queue->cost_ms, took_ms);
}

struct task *queue_first(const struct queue *queue) {
    static const struct queue_wish any = {.last = QUEUE_SWEEP};
    for (size_t i = 0; i < queue->level_count; i++) {
        struct flow *flow = heap_first(&queue->levels[i]->flows);
        if (flow) return flow_find(flow, &any);
    }
    return NULL;
}

/* --- looking ahead ---------------------------------------------------------------------------- */
static void count_ahead(struct queue_ahead *ahead, const struct campaign *campaign, size_t tasks) {
    ahead->tasks += tasks;
    if (tasks <= ahead->of_campaign) return;
    ahead->of_campaign = tasks;
    ahead->campaign = campaign;
}

/* By the tags as they are and attempts of the usual length. */
static void count_flow(struct queue_ahead *ahead, const struct flow *flow, const struct flow *own, double own_tag) {
    double step = flow_expects_ms(flow, usual_ms(flow->queue)) / weight_of(flow);
    double n = flow->tag < own_tag ? ceil((own_tag - flow->tag) / step) : 0;
    bool older = flow->campaign->row.seq < own->campaign->row.seq;
    if (older && flow->tag + n * step <= own_tag) n++;
    count_ahead(ahead, flow->campaign, n < (double)flow->length ? (size_t)n : flow->length);
}

void queue_look_ahead(const struct task *task, struct queue_ahead *ret) {
    const struct flow *own = task->flow;
    *ret = (struct queue_ahead){0};
    if (!task->lane) return;
    const struct queue *queue = own->queue;
    size_t before = flow_tasks_before(own, task);
    double step = flow_expects_ms(own, usual_ms(queue)) / weight_of(own);
    double own_tag = own->tag + (double)before * step;
    count_ahead(ret, own->campaign, before);
    for (size_t i = 0; i < queue->level_count; i++) {
        const struct level *level = queue->levels[i];
        bool higher = level != own->level;
        for (size_t k = 0; k < level->flows.count; k++) {
            const struct flow *flow = level->flows.items[k];
            if (higher)
                count_ahead(ret, flow->campaign, flow->length);
            else if (flow != own)
                count_flow(ret, flow, own, own_tag);
        }
        if (!higher) return;
    }
}
