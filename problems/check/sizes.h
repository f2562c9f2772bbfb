/* At which of its sizes a problem is looked at. */
#pragma once
#include <stdbool.h>

#include "problems/graph/problem.h"

#define PROBLEM_SIZES_ROOM 33 /* a problem has at most 32 */

/* `check` and names that begin with `held`: verification adds them to the timed size and uses all data there. */
bool size_is_held_out(const char *name);
/* The sizes that are held out and, `with_small`, the one called `small`, NULL-terminated; where there is none of them,
 * the cheapest one for the oracle. */
void sizes_for_checking(const struct problem *p, bool with_small, const char *ret[PROBLEM_SIZES_ROOM]);
