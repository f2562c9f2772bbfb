/* Tasks that are queued and may not start yet, by the time when they may. */
#pragma once
#include "coordinator/core.h"

void backoff_add(struct core *core, struct task *task);
void backoff_remove(struct core *core, struct task *task); /* no-op for others */
/* Queue those whose time has come. */
void backoff_release(struct core *core);
/* The first one of a target, NULL for none. Looks at all of them. */
struct task *backoff_find(struct core *core, const char *target);
