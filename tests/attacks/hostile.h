/* The parts of the hostile runner. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "agent-node/backend/scripted/scripted.h"

/* Number of the request that is being answered. */
extern uint32_t hostile_seq;
/* False when there is no such attack. *breach becomes NULL when the sandbox held, else what it let through. */
bool hostile_system(const char *word, const char **breach);
/* Takes note of a launch. Whether it is not to be computed now. */
bool hostile_puts_off(const struct span *arg);
/* Called when the worker has been told that a run is done. */
void hostile_after_done(void);
bool hostile_protocol(const char *word, const struct span *arg, const char **breach);
