/* A binary heap per target. Taking out of the middle searches: it happens at cancel and replanning only. */

#include "coordinator/schedule/queue.h"

#include <string.h>

#include "common/buf.h"

struct queue {
    struct task **heap;
    size_t count, room;
    int64_t served_ms;
};

static bool before(const struct task *a, const struct task *b) {
    const struct row_campaign *x = &a->campaign->row, *y = &b->campaign->row;
    bool a_try = strcmp(x->purpose, "try") == 0, b_try = strcmp(y->purpose, "try") == 0;
    if (a_try != b_try) return a_try;
    if (x->priority != y->priority) return x->priority > y->priority;
    if (x->seq != y->seq) return x->seq < y->seq;
    if (a->row.ordinal != b->row.ordinal) return a->row.ordinal < b->row.ordinal;
    return strcmp(a->row.id, b->row.id) < 0;
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
    free(queue->heap);
    free(queue);
}

static void swap(struct queue *queue, size_t i, size_t j) {
    struct task *t = queue->heap[i];
    queue->heap[i] = queue->heap[j];
    queue->heap[j] = t;
}

static void sift_up(struct queue *queue, size_t i) {
    for (; i > 0 && before(queue->heap[i], queue->heap[(i - 1) / 2]); i = (i - 1) / 2) swap(queue, i, (i - 1) / 2);
}

static void sift_down(struct queue *queue, size_t i) {
    for (;;) {
        size_t first = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < queue->count; child++)
            if (before(queue->heap[child], queue->heap[first])) first = child;
        if (first == i) return;
        swap(queue, i, first);
        i = first;
    }
}

static void push(struct queue *queue, struct task *task) {
    if (queue->count == queue->room) {
        queue->room = queue->room ? 2 * queue->room : 64;
        queue->heap = xrealloc(queue->heap, queue->room * sizeof(struct task *));
    }
    queue->heap[queue->count++] = task;
    task->in_queue = true;
    sift_up(queue, queue->count - 1);
}

static struct task *pop(struct queue *queue) {
    struct task *task = queue->heap[0];
    queue->heap[0] = queue->heap[--queue->count];
    sift_down(queue, 0);
    task->in_queue = false;
    return task;
}

void queue_add(struct core *core, struct task *task) {
    if (task->in_queue) return;
    push(queue_of(core, task->row.target), task);
    core->schedule_wanted = true;
}

void queue_remove(struct core *core, struct task *task) {
    if (!task->in_queue) return;
    struct queue *queue = queue_of(core, task->row.target);
    for (size_t i = 0; i < queue->count; i++) {
        if (queue->heap[i] != task) continue;
        queue->heap[i] = queue->heap[--queue->count];
        if (i < queue->count) {
            sift_down(queue, i);
            sift_up(queue, i);
        }
        break;
    }
    task->in_queue = false;
}

size_t queue_length(const struct queue *queue) {
    return queue->count;
}

int64_t queue_served_ms(const struct queue *queue) {
    return queue->served_ms;
}

void queue_set_served(struct queue *queue, int64_t lease_ms) {
    queue->served_ms = lease_ms;
}

struct task *queue_first(const struct queue *queue) {
    return queue->count ? queue->heap[0] : NULL;
}

struct task *queue_take(struct queue *queue, queue_fits *fits, void *context) {
    struct task *aside[QUEUE_LOOK], *found = NULL;
    size_t n = 0;
    while (queue->count > 0 && n < QUEUE_LOOK && !found) {
        struct task *task = pop(queue);
        if (fits(context, task))
            found = task;
        else
            aside[n++] = task;
    }
    while (n > 0) push(queue, aside[--n]);
    return found;
}
