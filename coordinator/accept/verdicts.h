/* The verdicts of schemas/verdicts.def by name. */
#pragma once
#include <stdbool.h>
bool verdict_known(const char *name);
bool verdict_is_correct(const char *name); /* false for NULL */
int verdict_exit_status(const char *name); /* 0 for `correct`; 1 for unknown names */
