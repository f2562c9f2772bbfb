/* Amounts with units, as people write them: "90s", "1h30m", "16 GiB". */
#pragma once
#include <stdint.h>

/* Milliseconds of "500ms", "90s", "5m", "2h", "1d" and of several in descending order ("1h30m"); at most a year. 0, or
 * -1 with a static reason. */
int units_duration(const char *text, int64_t *ret_ms, const char **ret_why);
/* Bytes of "4096", "64 KiB", "16GiB", "2 GB" (B, kB, MB, GB, TB decimal, KiB .. TiB binary). 0, or -1 with a static
 * reason. */
int units_bytes(const char *text, int64_t *ret, const char **ret_why);
