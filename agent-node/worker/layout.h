/* Where buffers lie in a runner's arena: slots on page boundaries, guard bands on both sides of each. */
#pragma once
#include "agent-node/worker/runner_client.h"

#define LAYOUT_PAGE ((size_t)4096)

struct layout {
    size_t capacity, used; /* bytes */
    size_t guard;          /* bytes of each guard band, a multiple of LAYOUT_PAGE */
};
struct layout layout_new(size_t capacity, size_t guard);
/* Bytes of arena that a buffer of `bytes` takes with its guard bands. */
size_t layout_need(size_t bytes, size_t guard);
/* Length of the guard band behind a buffer of `bytes`: `guard` and what fills the page, so that no byte of it can be
 * written unnoticed. (Devices with memory of their own bring back the first `guard` bytes of it.) */
size_t layout_behind(size_t bytes, size_t guard);
/* layout_need() of all buffers of `plan`. */
size_t layout_plan_need(const struct plan *plan, size_t guard);
/* The next slot. -1 when the arena is full. */
int layout_add(struct layout *l, size_t bytes, struct slot *ret);
/* Leave `pages` unused, so that later slots lie elsewhere. */
void layout_skip(struct layout *l, size_t pages);
