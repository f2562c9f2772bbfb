#include "coordinator/schedule/backoff.h"

#include <string.h>

#include "coordinator/schedule/match.h"
#include "coordinator/schedule/queue.h"

static bool sooner(const void *a, const void *b) {
    const struct task *x = a, *y = b;
    return x->not_before_ms < y->not_before_ms;
}

void backoff_add(struct core *core, struct task *task) {
    if (!core->backing_off.before) core->backing_off = heap_of(offsetof(struct task, backoff_place), sooner);
    heap_push(&core->backing_off, task);
}

void backoff_remove(struct core *core, struct task *task) {
    if (task->backoff_place) heap_remove(&core->backing_off, task);
}

void backoff_release(struct core *core) {
    int64_t now_ms = core_mono_ms(core);
    struct task *task;
    while ((task = heap_first(&core->backing_off)) && task->not_before_ms <= now_ms) {
        heap_remove(&core->backing_off, task);
        task->not_before_ms = 0;
        task->in_queue = false;
        queue_add(core, task);
    }
}

struct task *backoff_find(struct core *core, const char *target) {
    for (size_t i = 0; i < core->backing_off.count; i++) {
        struct task *task = core->backing_off.items[i];
        if (strcmp(task->row.target, target) == 0) return task;
    }
    return NULL;
}

int64_t schedule_wait_ms(struct core *core) {
    const struct task *task = heap_first(&core->backing_off);
    if (!task) return -1;
    int64_t left_ms = task->not_before_ms - core_mono_ms(core);
    if (left_ms > 0) return left_ms;
    core->schedule_wanted = true;
    return 0;
}
