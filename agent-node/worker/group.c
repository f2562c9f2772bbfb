/* The buffers of one launch. */
#include "agent-node/worker/group.h"

#include <stdlib.h>

#include "common/buf.h"

int group_place(struct layout *l, const struct plan *plan, struct group *ret) {
    *ret = (struct group){.slot = xcalloc(plan->n_buffers > 0 ? (size_t)plan->n_buffers : 1, sizeof *ret->slot)};
    for (int i = 0; i < plan->n_buffers; i++)
        if (layout_add(l, plan->buffer[i].bytes, &ret->slot[i]) != 0) {
            group_done(ret);
            return -1;
        }
    ret->poison = poison_new();
    ret->guards = poison_new();
    return 0;
}

void group_done(struct group *g) {
    free(g->slot);
    *g = (struct group){0};
}

void group_write_guards(struct group *g, const struct plan *plan, uint8_t *arena, size_t guard) {
    for (int i = 0; i < plan->n_buffers; i++)
        guard_fill(&g->guards, arena + g->slot[i].offset, g->slot[i].bytes, guard,
                   layout_behind(g->slot[i].bytes, guard));
}

void group_write_inputs(struct group *g, const struct plan *plan, uint8_t *arena, const struct data_set *d) {
    for (int i = 0; i < plan->n_buffers; i++) {
        int source = plan_buffer_source(&plan->buffer[i]);
        if (source < 0) continue;
        stream_copy(arena + g->slot[i].offset, data_set_input(d, source), plan->buffer[i].bytes);
    }
    stream_fence();
}

struct poison group_poison(const struct group *g, int buffer) {
    return (struct poison){.base = g->poison.base ^ (uint32_t)(buffer + 1) * 0x85EBCA6Bu};
}

int group_check_guards(const struct group *g, int buffer, const uint8_t *arena, size_t guard, int64_t *ret_at) {
    const struct slot *s = &g->slot[buffer];
    return guard_check(&g->guards, arena + s->offset, s->bytes, guard, layout_behind(s->bytes, guard), ret_at);
}

/* Scratch may hold anything; where it is floating point, what reads it uninitialised shows. */
void group_write_poison_in(const struct group *g, const struct plan *plan, int buffer, uint8_t *arena) {
    struct poison mine = group_poison(g, buffer);
    poison_fill(&mine, plan->buffer[buffer].dtype, arena + g->slot[buffer].offset, plan->buffer[buffer].bytes);
    stream_fence();
}

void group_write_poison(struct group *g, const struct plan *plan, uint8_t *arena) {
    g->poison = poison_new();
    for (int i = 0; i < plan->n_buffers; i++)
        if (plan_buffer_source(&plan->buffer[i]) < 0) group_write_poison_in(g, plan, i, arena);
}

void group_write(struct group *g, const struct plan *plan, uint8_t *arena, size_t guard, const struct data_set *d) {
    group_write_guards(g, plan, arena, guard);
    group_write_inputs(g, plan, arena, d);
    group_write_poison(g, plan, arena);
}
