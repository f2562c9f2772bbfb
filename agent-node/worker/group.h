/* The buffers of one launch of a plan in a runner's arena, and what the worker writes into them before and looks at
 * behind. */
#pragma once
#include "agent-node/worker/layout.h"
#include "agent-node/worker/poison.h"
#include "agent-node/worker/pool.h"

struct group {
    struct slot *slot; /* per buffer of the plan; owned */
    struct poison poison, guards;
};
/* Lay a group out. -1 when the arena is full. */
int group_place(struct layout *l, const struct plan *plan, struct group *ret);
void group_done(struct group *g);

/* Everything before a run whose inputs come from `d`: guard bands, inputs, fresh poison in outputs and scratch. */
void group_write(struct group *g, const struct plan *plan, uint8_t *arena, size_t guard, const struct data_set *d);
void group_write_guards(struct group *g, const struct plan *plan, uint8_t *arena, size_t guard);
void group_write_inputs(struct group *g, const struct plan *plan, uint8_t *arena, const struct data_set *d);
/* Scratch, and outputs that have a buffer of their own. Draws a new pattern. */
void group_write_poison(struct group *g, const struct plan *plan, uint8_t *arena);
/* One buffer of those, with the pattern that was drawn before. */
void group_write_poison_in(const struct group *g, const struct plan *plan, int buffer, uint8_t *arena);
/* The pattern of one buffer: each has its own, so that what was copied from scratch is not taken for unwritten. */
struct poison group_poison(const struct group *g, int buffer);
/* guard_check() of one buffer. */
int group_check_guards(const struct group *g, int buffer, const uint8_t *arena, size_t guard, int64_t *ret_at);
