#include "coordinator/sweep/zone.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"

/* No zone is further from UTC than 14 hours, and none has moved its clocks by more than a day at once. */
#define REACH_S (2 * 86400)

struct zone {
    GTimeZone *glib;
};

/* GLib also takes offsets, POSIX rules and paths: a file that names one of those means something else than it says. */
static bool is_plain(const char *name) {
    size_t len = strlen(name);
    bool word = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/+-") == len;
    return len > 0 && len <= ZONE_NAME_MAX && word && name[0] >= 'A' && name[0] <= 'Z';
}

struct zone *zone_open(const char *name, struct error *err) {
    GTimeZone *glib = is_plain(name) ? g_time_zone_new_identifier(name) : NULL;
    if (glib && strcmp(g_time_zone_get_identifier(glib), name) != 0) {
        g_time_zone_unref(glib);
        glib = NULL;
    }
    if (!glib) {
        error_set(err, ERR_INVALID, "there is no time zone `%.80s`", name);
        error_hint(err,
                   "names are those of the tz database, as UTC or Europe/Berlin (package tzdata; `timedatectl "
                   "list-timezones`)");
        return NULL;
    }
    struct zone *zone = xcalloc(1, sizeof *zone);
    zone->glib = glib;
    return zone;
}

void zone_free(struct zone *zone) {
    if (!zone) return;
    g_time_zone_unref(zone->glib);
    free(zone);
}

static int64_t offset_s(const struct zone *zone, int64_t utc_s) {
    int interval = g_time_zone_find_interval(zone->glib, G_TIME_TYPE_UNIVERSAL, utc_s);
    return interval < 0 ? 0 : g_time_zone_get_offset(zone->glib, interval);
}

int64_t zone_to_local(const struct zone *zone, int64_t utc_s) {
    return utc_s + offset_s(zone, utc_s);
}

/* The first second with another offset than `low` has, given that `high` has another one. */
static int64_t transition(const struct zone *zone, int64_t low, int64_t high) {
    int64_t before = offset_s(zone, low);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (offset_s(zone, middle) == before)
            low = middle;
        else
            high = middle;
    }
    return high;
}

int64_t zone_to_utc(const struct zone *zone, int64_t local_s) {
    int64_t low = local_s - REACH_S, high = local_s + REACH_S;
    /* An offset grows when clocks are set forward, so the one before a change gives the later instant in a gap, and the
     * earlier in an overlap. */
    int64_t before = local_s - offset_s(zone, low), after = local_s - offset_s(zone, high);
    if (zone_to_local(zone, before) == local_s) return before;
    if (zone_to_local(zone, after) == local_s) return after;
    return transition(zone, low, high);
}

void zone_text(const struct zone *zone, int64_t utc_s, char *out) {
    struct tm tm;
    char date[32] = "?";
    time_t local = (time_t)zone_to_local(zone, utc_s);
    int interval = g_time_zone_find_interval(zone->glib, G_TIME_TYPE_UNIVERSAL, utc_s);
    if (gmtime_r(&local, &tm)) strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
    snprintf(out, ZONE_TEXT_SIZE, "%s %.14s", date,
             interval < 0 ? "UTC" : g_time_zone_get_abbreviation(zone->glib, interval));
}
