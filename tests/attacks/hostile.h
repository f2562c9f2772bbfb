/* The parts of the hostile runner. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "agent-node/backend/scripted/scripted.h"

/* Number of the request that is being answered. */
extern uint32_t hostile_seq;
/* False when there is no such attack. *breach becomes NULL when the sandbox held, else what it let through. */
bool hostile_system(const char *word, const char **breach);
bool hostile_protocol(const char *word, const struct span *arg, const char **breach);
