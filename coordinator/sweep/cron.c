#include "coordinator/sweep/cron.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MINUTES_A_DAY 1440
#define DAY_S 86400

static const char *const months[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                     "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const weekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct field {
    const char *what;
    int least, most;
    const char *const *names; /* of least, least + 1, ... */
    int name_count;
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };
static const struct field fields[FIELDS] = {{"minute", 0, 59, NULL, 0},
                                            {"hour", 0, 23, NULL, 0},
                                            {"day of month", 1, 31, NULL, 0},
                                            {"month", 1, 12, months, 12},
                                            {"day of week", 0, 7, weekdays, 7}};

static const struct {
    const char *name, *fields;
} aliases[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
               {"@nightly", "0 3 * * *"}, {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"},
               {"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"}};

/* --- reading ---------------------------------------------------------------------------------- */
struct reader {
    const char *text, *at;
    struct error *err;
};

__attribute__((format(printf, 3, 4))) static int complain(const struct reader *r, const char *at, const char *fmt,
                                                          ...) {
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return error_set(r->err, ERR_INVALID, "column %d: %s", (int)(at - r->text) + 1, text);
}

static bool ends_item(char c) {
    return c == 0 || c == ',' || c == ' ' || c == '\t';
}

static int read_name(struct reader *r, const struct field *f, int *ret) {
    const char *from = r->at;
    size_t len = 0;
    while (isalpha((unsigned char)from[len])) len++;
    for (int i = 0; i < f->name_count; i++) {
        if (len != 3 || strncasecmp(from, f->names[i], 3) != 0) continue;
        *ret = f->least + i;
        r->at += len;
        return 0;
    }
    return complain(r, from, "`%.*s` is no %s%s", (int)(len < 20 ? len : 20), from, f->what,
                    f->name_count ? ", as the first three letters of its English name" : "");
}

static int read_value(struct reader *r, const struct field *f, int *ret) {
    const char *from = r->at;
    int value = 0, digits = 0;
    if (isalpha((unsigned char)*from)) return read_name(r, f, ret);
    for (; isdigit((unsigned char)*r->at); r->at++)
        if (digits++ < 6) value = value * 10 + (*r->at - '0');
    if (digits == 0 && ends_item(*from)) return complain(r, from, "a %s is missing", f->what);
    if (digits == 0) return complain(r, from, "`%c` does not belong into a %s", *from, f->what);
    if (digits > 6 || value > f->most)
        return complain(r, from, "%s %.*s is above %d", f->what, digits < 20 ? digits : 20, from, f->most);
    if (value < f->least) return complain(r, from, "%s %d is below %d", f->what, value, f->least);
    *ret = value;
    return 0;
}

static int read_step(struct reader *r, const struct field *f, int *ret) {
    const char *from = ++r->at;
    int step = 0, digits = 0;
    for (; isdigit((unsigned char)*r->at); r->at++)
        if (digits++ < 6) step = step * 10 + (*r->at - '0');
    if (digits == 0) return complain(r, from, "a number is expected after `/`");
    if (step == 0) return complain(r, from, "a step of 0 never moves on");
    if (digits > 6 || step > f->most)
        return complain(r, from, "a step of %.*s is above %d, the highest %s", digits < 20 ? digits : 20, from, f->most,
                        f->what);
    *ret = step;
    return 0;
}

/* One entry of a list: star, value or range, with a step perhaps. */
static int read_item(struct reader *r, const struct field *f, uint64_t *bits) {
    const char *from = r->at;
    int first = f->least, last = f->most, step = 1;
    bool range = true;
    if (*r->at == '*') {
        r->at++;
        if (f->most == 7) last = 6; /* 7 is Sunday once more */
    } else {
        if (read_value(r, f, &first) != 0) return -1;
        last = first;
        range = *r->at == '-';
        if (range) {
            const char *end = ++r->at;
            if (read_value(r, f, &last) != 0) return -1;
            if (f->most == 7 && last == 0 && first > 0) last = 7; /* FRI-SUN */
            if (last < first) return complain(r, end, "the range ends before it begins: write it as two, with a comma");
        }
    }
    if (*r->at == '/') {
        if (!range)
            return complain(r, r->at, "a step needs a range, as in %.*s-%d/5", (int)(r->at - from), from, f->most);
        if (read_step(r, f, &step) != 0) return -1;
    }
    if (!ends_item(*r->at)) return complain(r, r->at, "`%c` is not understood here", *r->at);
    for (int i = first; i <= last; i += step) *bits |= UINT64_C(1) << i;
    return 0;
}

static int read_field(struct reader *r, const struct field *f, uint64_t *ret_bits, bool *ret_open) {
    while (*r->at == ' ' || *r->at == '\t') r->at++;
    if (!*r->at)
        return complain(r, r->at, "the %s is missing: minute, hour, day of month, month and day of week are expected",
                        f->what);
    *ret_open = *r->at == '*';
    for (;;) {
        if (read_item(r, f, ret_bits) != 0) return -1;
        if (*r->at != ',') return 0;
        r->at++;
    }
}

/* --- does it ever fire? ----------------------------------------------------------------------- */
static bool day_matches(const struct cron *cron, int64_t day) {
    struct tm tm;
    time_t s = (time_t)(day * DAY_S);
    if (!gmtime_r(&s, &tm) || !(cron->months >> (tm.tm_mon + 1) & 1)) return false;
    bool in_month = cron->days >> tm.tm_mday & 1, in_week = cron->weekdays >> tm.tm_wday & 1;
    /* An open field with a step still restricts. */
    return cron->days_open || cron->weekdays_open ? in_month && in_week : in_month || in_week;
}

static int lowest_bit(uint64_t bits, int from) {
    bits = from < 64 ? bits >> from << from : 0;
    return bits ? __builtin_ctzll(bits) : -1;
}

static int first_in_day(const struct cron *cron, int from) {
    int hour = lowest_bit(cron->hours, from / 60), minute = -1;
    if (hour == from / 60) minute = lowest_bit(cron->minutes, from % 60);
    if (hour == from / 60 && minute < 0) hour = lowest_bit(cron->hours, from / 60 + 1);
    if (hour < 0) return -1;
    return hour * 60 + (minute >= 0 ? minute : lowest_bit(cron->minutes, 0));
}

bool cron_next_minute(const struct cron *cron, int64_t from, int64_t *ret) {
    int64_t day = from / MINUTES_A_DAY - (from % MINUTES_A_DAY < 0);
    int begin = (int)(from - day * MINUTES_A_DAY);
    for (int64_t last = day + CRON_YEARS * 366; day <= last; day++, begin = 0) {
        int minute = day_matches(cron, day) ? first_in_day(cron, begin) : -1;
        if (minute < 0) continue;
        *ret = day * MINUTES_A_DAY + minute;
        return true;
    }
    return false;
}

static int read_fields(struct reader *r, struct cron *cron) {
    uint64_t bits[FIELDS] = {0};
    bool open[FIELDS];
    for (int i = 0; i < FIELDS; i++)
        if (read_field(r, &fields[i], &bits[i], &open[i]) != 0) return -1;
    const char *rest = r->at + strspn(r->at, " \t");
    if (*rest) return complain(r, rest, "nothing is expected after the five fields");
    if (bits[WEEKDAY] >> 7 & 1) bits[WEEKDAY] |= 1;
    *cron = (struct cron){.minutes = bits[MINUTE],
                          .hours = (uint32_t)bits[HOUR],
                          .days = (uint32_t)bits[DAY],
                          .months = (uint32_t)bits[MONTH],
                          .weekdays = (uint32_t)bits[WEEKDAY] & 0x7f,
                          .days_open = open[DAY],
                          .weekdays_open = open[WEEKDAY]};
    return 0;
}

static int unknown_alias(const struct reader *r) {
    complain(r, r->text, "`%.30s` is no name of a schedule", r->text);
    return error_hint(
        r->err,
        "@hourly, @daily, @nightly (03:00), @weekly, @monthly and @yearly are; or five fields, as `30 1 * * *`");
}

int cron_parse(const char *text, struct cron *ret, struct error *err) {
    struct reader r = {.text = text, .at = text, .err = err};
    struct cron cron;
    int64_t minute;
    if (strlen(text) > CRON_TEXT_MAX)
        return error_set(err, ERR_INVALID, "column %d: a schedule has at most %d characters", CRON_TEXT_MAX + 1,
                         CRON_TEXT_MAX);
    if (*text == '@') {
        for (size_t i = 0; i < sizeof aliases / sizeof *aliases && r.at == text; i++)
            if (strcmp(text, aliases[i].name) == 0) r.text = r.at = aliases[i].fields;
        if (r.at == text) return unknown_alias(&r);
    }
    if (read_fields(&r, &cron) != 0) return -1;
    /* From a fixed day: whether it fires must not depend on when it is asked. */
    if (!cron_next_minute(&cron, INT64_C(11323) * MINUTES_A_DAY, &minute)) {
        error_set(err, ERR_INVALID, "column 1: `%s` never fires: no such day comes in %d years", text, CRON_YEARS);
        return error_hint(err, "look at the days of the months that it names");
    }
    *ret = cron;
    return 0;
}
