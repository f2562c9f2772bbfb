/* Cron expressions: five fields as in crontab(5), without a clock or a time zone.
 *
 *   minute 0-59   hour 0-23   day of month 1-31   month 1-12 or JAN-DEC   day of week 0-7 or SUN-SAT (0 and 7: Sunday)
 *
 * Each is `*`, a value, a range `a-b`, a step over one of these (a star or a range, then /n), or a list of such with
 * commas. Where both days are restricted (neither begins with a star), a day that matches either is meant. In place of
 * the fields: @hourly, @daily or @midnight, @nightly (03:00), @weekly (Sunday), @monthly, @yearly or @annually. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define CRON_TEXT_MAX 256
#define CRON_YEARS 40 /* what does not fire within so many years never does */

struct cron {
    uint64_t minutes;              /* bit n: minute n */
    uint32_t hours, days, months;  /* days from bit 1, months from bit 1 */
    uint32_t weekdays;             /* bit 0: Sunday */
    bool days_open, weekdays_open; /* the field begins with a star */
};

/* ERR_INVALID "column 3: hour 25 is above 23", columns of `text` from 1; also where no day ever matches, as in
 * `0 0 30 2 *`. *ret is written on success only. */
int cron_parse(const char *text, struct cron *ret, struct error *err);

/* The first minute at or after `from` that matches; both count minutes of a calendar without time zone since
 * 1970-01-01 00:00. False: none within CRON_YEARS. */
bool cron_next_minute(const struct cron *cron, int64_t from, int64_t *ret);
