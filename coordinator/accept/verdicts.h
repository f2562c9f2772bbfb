/* The verdicts of schemas/verdicts.def by name. */
#pragma once
#include <stdbool.h>

#define FASTER_MARGIN 0.005 /* "faster" is a speedup whose whole interval lies beyond 1 + this: docs/timing.md */

bool verdict_known(const char *name);
bool verdict_is_correct(const char *name); /* false for NULL */
int verdict_exit_status(const char *name); /* 0 for `correct`; 1 for unknown names */
