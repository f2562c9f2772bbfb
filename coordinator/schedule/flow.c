#include "coordinator/schedule/flow.h"

#include <string.h>

#include "common/buf.h"

bool flow_before(const void *a, const void *b) {
    const struct flow *x = a, *y = b;
    if (x->tag != y->tag) return x->tag < y->tag;
    return x->campaign->row.seq < y->campaign->row.seq;
}

static bool task_before(const void *a, const void *b) {
    const struct task *x = a, *y = b;
    if (x->row.ordinal != y->row.ordinal) return x->row.ordinal < y->row.ordinal;
    return strcmp(x->row.id, y->row.id) < 0;
}

static void lane_free(struct lane *lane) {
    heap_done(&lane->tasks);
    free(lane->avoid);
    free(lane->wanted);
    free(lane->purpose);
    free(lane);
}

void flow_free(struct flow *flow) {
    if (!flow) return;
    for (size_t i = 0; i < flow->lane_count; i++) lane_free(flow->lanes[i]);
    free(flow->lanes);
    free(flow);
}

static bool is_alike(const struct lane *lane, const struct row_task *row) {
    return strcmp(lane->avoid, row->avoid) == 0 && strcmp(lane->wanted, row->wanted) == 0 &&
           strcmp(lane->purpose, row->purpose) == 0;
}

static struct lane *lane_of(struct flow *flow, const struct row_task *row) {
    for (size_t i = 0; i < flow->lane_count; i++)
        if (is_alike(flow->lanes[i], row)) return flow->lanes[i];
    struct lane *lane = xcalloc(1, sizeof *lane);
    *lane = (struct lane){.flow = flow,
                          .avoid = xstrdup(row->avoid),
                          .wanted = xstrdup(row->wanted),
                          .purpose = xstrdup(row->purpose),
                          .tasks = heap_of(offsetof(struct task, lane_place), task_before)};
    flow->lanes = xrealloc(flow->lanes, (flow->lane_count + 1) * sizeof(struct lane *));
    flow->lanes[flow->lane_count++] = lane;
    return lane;
}

/* Lanes of tasks that failed somewhere come and go; the first one, of those that did not, stays. */
static void drop_lane(struct flow *flow, struct lane *lane) {
    size_t i = 0;
    if (lane->tasks.count > 0 || flow->lane_count == 1) return;
    while (flow->lanes[i] != lane) i++;
    flow->lanes[i] = flow->lanes[--flow->lane_count];
    lane_free(lane);
}

void flow_add(struct flow *flow, struct task *task) {
    task->lane = lane_of(flow, &task->row);
    heap_push(&task->lane->tasks, task);
    flow->length++;
}

void flow_remove(struct flow *flow, struct task *task) {
    struct lane *lane = task->lane;
    heap_remove(&lane->tasks, task);
    task->lane = NULL;
    flow->length--;
    drop_lane(flow, lane);
}

struct task *flow_find(const struct flow *flow, const struct queue_wish *wish) {
    struct task *found = NULL;
    if (wish->takes_campaign && !wish->takes_campaign(wish->context, flow->campaign)) return NULL;
    for (size_t i = 0; i < flow->lane_count; i++) {
        struct task *task = heap_first(&flow->lanes[i]->tasks);
        if (!task || (found && !task_before(task, found))) continue;
        if (!wish->takes_task || wish->takes_task(wish->context, task)) found = task;
    }
    return found;
}

size_t flow_tasks_before(const struct flow *flow, const struct task *task) {
    size_t n = 0;
    for (size_t i = 0; i < flow->lane_count; i++) {
        const struct heap *tasks = &flow->lanes[i]->tasks;
        for (size_t k = 0; k < tasks->count; k++) n += task_before(tasks->items[k], task);
    }
    return n;
}

double flow_expects_ms(const struct flow *flow, double usual_ms) {
    return flow->cost_ms > 0 ? flow->cost_ms : usual_ms;
}
