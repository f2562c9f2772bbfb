#include "cli/when.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "problems/campaign/units.h"

#define TEXT_MAX 40

/* The whole text by one of the forms; what strptime() lets pass, such as 31 February, is not a date either. */
static bool parse_date(const char *text, struct tm *tm) {
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S",
                                        "%Y-%m-%d %H:%M:%S"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        memset(tm, 0, sizeof *tm);
        const char *end = strptime(text, forms[i], tm);
        if (end && !*end) return tm->tm_year >= 70;
    }
    return false;
}

static bool date_ms(const char *text, int64_t *ret_ms) {
    char local[TEXT_MAX + 1];
    struct tm tm, asked;
    size_t len = strlen(text);
    if (len == 0 || len > TEXT_MAX) return false;
    memcpy(local, text, len + 1);
    bool utc = local[len - 1] == 'Z';
    if (utc) local[len - 1] = 0;
    if (!parse_date(local, &tm)) return false;
    asked = tm;
    tm.tm_isdst = -1;
    time_t s = utc ? timegm(&tm) : mktime(&tm);
    if (s < 0 || tm.tm_mday != asked.tm_mday || tm.tm_mon != asked.tm_mon) return false;
    *ret_ms = (int64_t)s * 1000;
    return true;
}

int when_parse(const char *text, const char *option, int64_t now_ms, int64_t *ret_ms, struct error *err) {
    const char *why = NULL;
    int64_t ago_ms = 0;
    if (date_ms(text, ret_ms)) return 0;
    if (units_duration(text, &ago_ms, &why) == 0) {
        *ret_ms = now_ms > ago_ms ? now_ms - ago_ms : 0;
        return 0;
    }
    error_set(err, ERR_USAGE, "%s: `%.40s` is no point in time", option, text);
    return error_hint(err,
                      "a date such as 2026-11-21, 2026-11-21T06:30 or 2026-11-21T06:30:00Z, or how long ago: 12h, 7d");
}
