/* When a schedule fires in a time zone. Pure: seconds since 1970 in and out, no clock.
 *
 * Daylight saving: a local time that is skipped fires once, right after the gap (several that are skipped fire there
 * together); one that comes twice fires once, the first time. */
#pragma once
#include "coordinator/sweep/cron.h"
#include "coordinator/sweep/zone.h"

/* The first time after `after_s`; -1: none within CRON_YEARS. */
int64_t due_next(const struct cron *cron, const struct zone *zone, int64_t after_s);

#define DUE_MAX 100        /* times that are looked up at once */
#define DUE_COUNT_MAX 1000 /* more are not counted */
struct due_list {
    int64_t at_s[DUE_MAX]; /* the latest `count` ones, oldest first */
    size_t count;
    size_t total; /* all of them, up to DUE_COUNT_MAX */
};
/* The times in (after_s, until_s], of which the latest `most` (DUE_MAX) are kept: however long that is, the work is
 * bounded. */
void due_between(const struct cron *cron, const struct zone *zone, int64_t after_s, int64_t until_s, size_t most,
                 struct due_list *ret);
