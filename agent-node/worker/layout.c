/* Slots of an arena, one behind the other. */
#include "agent-node/worker/layout.h"

#include <assert.h>

static size_t round_up(size_t bytes) {
    return (bytes + LAYOUT_PAGE - 1) / LAYOUT_PAGE * LAYOUT_PAGE;
}

struct layout layout_new(size_t capacity, size_t guard) {
    assert(guard % LAYOUT_PAGE == 0);
    return (struct layout){.capacity = capacity, .guard = guard};
}

size_t layout_need(size_t bytes, size_t guard) {
    return guard + round_up(bytes + guard);
}

size_t layout_behind(size_t bytes, size_t guard) {
    return round_up(bytes + guard) - bytes;
}

size_t layout_plan_need(const struct plan *plan, size_t guard) {
    size_t sum = 0;
    for (int i = 0; i < plan->n_buffers; i++) sum += layout_need(plan->buffer[i].bytes, guard);
    return sum;
}

int layout_add(struct layout *l, size_t bytes, struct slot *ret) {
    size_t need = layout_need(bytes, l->guard);
    if (bytes > l->capacity || need > l->capacity || l->used > l->capacity - need) return -1;
    *ret = (struct slot){.offset = l->used + l->guard, .bytes = bytes};
    l->used += need;
    return 0;
}

void layout_skip(struct layout *l, size_t pages) {
    size_t bytes = pages * LAYOUT_PAGE;
    if (l->used <= l->capacity && bytes <= l->capacity - l->used) l->used += bytes;
}
