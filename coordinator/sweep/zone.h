/* Time zones: GLib's reading of the system's tz database, wrapped once. Times are seconds; "utc" since 1970 as
 * everywhere, "local" the same count as if the zone's calendar were UTC. */
#pragma once
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"

#define ZONE_NAME_MAX 63
#define ZONE_TEXT_SIZE 48

struct zone;
/* `name` as in the tz database: UTC, Europe/Berlin. ERR_INVALID: there is none of this name. */
struct zone *zone_open(const char *name, struct error *err);
void zone_free(struct zone *zone); /* accepts NULL */
DEFINE_CLEANUP(cleanup_zone, struct zone *, zone_free)
int64_t zone_to_local(const struct zone *zone, int64_t utc_s);
/* The instant of a local time. One that comes twice (clocks set back): the first; one that is skipped (clocks set
 * forward): the first instant after the gap. */
int64_t zone_to_utc(const struct zone *zone, int64_t local_s);
/* "2026-03-29 03:00 CEST"; `out` is ZONE_TEXT_SIZE. */
void zone_text(const struct zone *zone, int64_t utc_s, char *out);
