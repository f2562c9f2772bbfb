#include "tests/sim/timers.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/buf.h"

static bool before(const struct timer *a, const struct timer *b) {
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void swap(struct timers *t, size_t i, size_t j) {
    struct timer one = t->heap[i];
    t->heap[i] = t->heap[j];
    t->heap[j] = one;
}

void timers_add(struct timers *t, struct timer timer) {
    if (t->count == t->room) {
        t->room = t->room ? 2 * t->room : 256;
        t->heap = xrealloc(t->heap, t->room * sizeof *t->heap);
    }
    timer.order = ++t->orders;
    size_t i = t->count++;
    t->heap[i] = timer;
    for (; i > 0 && before(&t->heap[i], &t->heap[(i - 1) / 2]); i = (i - 1) / 2) swap(t, i, (i - 1) / 2);
}

int64_t timers_wait_ms(const struct timers *t, int64_t now_ms) {
    if (t->count == 0) return -1;
    return t->heap[0].due_ms > now_ms ? t->heap[0].due_ms - now_ms : 0;
}

int timers_take(struct timers *t, int64_t now_ms, struct timer *ret) {
    if (t->count == 0 || t->heap[0].due_ms > now_ms) return 0;
    *ret = t->heap[0];
    t->heap[0] = t->heap[--t->count];
    for (size_t i = 0;;) {
        size_t first = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < t->count; child++)
            if (before(&t->heap[child], &t->heap[first])) first = child;
        if (first == i) break;
        swap(t, i, first);
        i = first;
    }
    return 1;
}

void timers_done(struct timers *t) {
    free(t->heap);
    *t = (struct timers){0};
}
