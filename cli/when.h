/* Points in time as people write them on a command line. */
#pragma once
#include <stdint.h>

#include "common/error.h"

/* Unix milliseconds of "2026-11-21", "2026-11-21 06:30", "2026-11-21T06:30:15" (local time; with `Z` at the end UTC),
 * or of how long before `now_ms`: "12h", "7d", "1h30m". ERR_USAGE names `option`. */
int when_parse(const char *text, const char *option, int64_t now_ms, int64_t *ret_ms, struct error *err);
