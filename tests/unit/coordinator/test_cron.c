/* Schedules: what cron expressions say, and when they fire in zones with daylight saving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* cmocka last */
#include <cmocka.h>

#include "coordinator/sweep/due.h"

static int64_t utc(const char *text) {
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return (int64_t)timegm(&tm);
}

static struct cron parsed(const char *text) {
    struct error err = ERROR_INIT;
    struct cron cron;
    if (cron_parse(text, &cron, &err) != 0) fail_msg("%s: %s", text, err.text);
    return cron;
}

static struct zone *zone(const char *name) {
    struct error err = ERROR_INIT;
    struct zone *z = zone_open(name, &err);
    if (!z) fail_msg("%s", err.text);
    return z;
}

/* Fires at these instants (UTC, NULL-terminated), one after the other, beginning after `after`. */
static void fires(const char *text, const char *zone_name, const char *after, const char *const *expected) {
    struct cron cron = parsed(text);
    struct zone *z = zone(zone_name);
    int64_t at_s = utc(after);
    for (; *expected; expected++) {
        at_s = due_next(&cron, z, at_s);
        if (at_s == utc(*expected)) continue;
        char found[ZONE_TEXT_SIZE];
        zone_text(z, at_s, found);
        fail_msg("`%s` in %s: %s (%lld) in place of %s UTC", text, zone_name, found, (long long)at_s, *expected);
    }
    zone_free(z);
}
#define FIRES(text, zone_name, after, ...) fires(text, zone_name, after, (const char *const[]){__VA_ARGS__, NULL})

/* --- what is meant ---------------------------------------------------------------------------- */
static void fields_names_lists_ranges_and_steps_mean_what_crontab_says(void **state) {
    (void)state;
    FIRES("30 1 * * *", "UTC", "2026-11-21 01:30", "2026-11-22 01:30", "2026-11-23 01:30");
    FIRES("*/20 3-4 * * *", "UTC", "2026-11-21 03:20", "2026-11-21 03:40", "2026-11-21 04:00", "2026-11-21 04:20",
          "2026-11-21 04:40", "2026-11-22 03:00");
    FIRES("5,10-20/5 0 * * *", "UTC", "2026-11-21 00:00", "2026-11-21 00:05", "2026-11-21 00:10", "2026-11-21 00:15",
          "2026-11-21 00:20", "2026-11-22 00:05");
    FIRES("0 2 * * MON-fri", "UTC", "2026-11-19 12:00", "2026-11-20 02:00", "2026-11-23 02:00");
    FIRES("0 2 * * FRI-SUN", "UTC", "2026-11-19 12:00", "2026-11-20 02:00", "2026-11-21 02:00", "2026-11-22 02:00",
          "2026-11-27 02:00");
    FIRES("0 2 * * 7", "UTC", "2026-11-19 12:00", "2026-11-22 02:00", "2026-11-29 02:00");
    FIRES("0 2 * * */2", "UTC", "2026-11-21 12:00", "2026-11-22 02:00", "2026-11-24 02:00", "2026-11-26 02:00",
          "2026-11-28 02:00", "2026-11-29 02:00");
    FIRES("0 0 1 jan,JUL *", "UTC", "2026-11-19 12:00", "2027-01-01 00:00", "2027-07-01 00:00");
    FIRES("0 0 31 * *", "UTC", "2026-11-19 12:00", "2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00");
}

static void either_day_will_do_where_both_are_restricted_and_both_must_where_one_is_a_star(void **state) {
    (void)state;
    FIRES("0 0 13 * FRI", "UTC", "2026-11-10 12:00", "2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00",
          "2026-12-04 00:00", "2026-12-11 00:00", "2026-12-13 00:00");
    FIRES("0 0 */2 * FRI", "UTC", "2026-11-10 12:00", "2026-11-13 00:00", "2026-11-27 00:00", "2026-12-11 00:00");
}

static void aliases_are_their_fields(void **state) {
    (void)state;
    FIRES("@hourly", "UTC", "2026-11-21 01:30", "2026-11-21 02:00");
    FIRES("@nightly", "UTC", "2026-11-21 01:30", "2026-11-21 03:00", "2026-11-22 03:00");
    FIRES("@midnight", "UTC", "2026-11-21 01:30", "2026-11-22 00:00");
    FIRES("@daily", "UTC", "2026-11-21 01:30", "2026-11-22 00:00");
    FIRES("@weekly", "UTC", "2026-11-21 01:30", "2026-11-22 00:00", "2026-11-29 00:00");
    FIRES("@monthly", "UTC", "2026-11-21 01:30", "2026-12-01 00:00");
    FIRES("@yearly", "UTC", "2026-11-21 01:30", "2027-01-01 00:00");
    FIRES("@annually", "UTC", "2026-11-21 01:30", "2027-01-01 00:00");
}

static void the_29th_of_february_waits_for_its_years_over_a_century_without_one_too(void **state) {
    (void)state;
    FIRES("0 0 29 2 *", "UTC", "2026-01-01 00:00", "2028-02-29 00:00", "2032-02-29 00:00");
    FIRES("0 0 29 2 *", "Europe/Berlin", "2096-03-01 00:00", "2104-02-28 23:00");
}

/* --- what is refused -------------------------------------------------------------------------- */
static void a_wrong_expression_is_refused_with_the_column(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"0 25 * * *", "column 3: hour 25 is above 23"},
        {"60 * * * *", "column 1: minute 60 is above 59"},
        {"0 0 0 * *", "column 5: day of month 0 is below 1"},
        {"0 0 1 13 *", "column 7: month 13 is above 12"},
        {"0 0 * * 8", "column 9: day of week 8 is above 7"},
        {"0 0 * * XYZ", "column 9: `XYZ` is no day of week"},
        {"0 0 * JANUARY *", "column 7: `JANUARY` is no month"},
        {"MON * * * *", "column 1: `MON` is no minute"},
        {"0 0 * *", "column 8: the day of week is missing"},
        {"", "column 1: the minute is missing"},
        {"0 0 * * * *", "column 11: nothing is expected after the five fields"},
        {"0,,5 0 * * *", "column 3: a minute is missing"},
        {"0, 0 * * *", "column 3: a minute is missing"},
        {"5/10 0 * * *", "column 2: a step needs a range, as in 5-59/5"},
        {"*/0 0 * * *", "column 3: a step of 0 never moves on"},
        {"*/ 0 * * *", "column 3: a number is expected after `/`"},
        {"*/99 0 * * *", "column 3: a step of 99 is above 59"},
        {"30-10 0 * * *", "column 4: the range ends before it begins"},
        {"-1 0 * * *", "column 1: `-` does not belong into a minute"},
        {"1x 0 * * *", "column 2: `x` is not understood here"},
        {"**", "column 2: `*` is not understood here"},
        {"99999999999 0 * * *", "column 1: minute 99999999999 is above 59"},
        {"@nigthly", "column 1: `@nigthly` is no name of a schedule"},
        {"0 0 30 2 *", "column 1: `0 0 30 2 *` never fires"},
        {"0 0 31 4,6,9,11 *", "never fires"},
        {"* * 31 FEB *", "never fires"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = ERROR_INIT;
        struct cron cron;
        if (cron_parse(wrong[i].text, &cron, &err) == 0) fail_msg("`%s` is taken", wrong[i].text);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.text, wrong[i].says)) fail_msg("`%s`: %s", wrong[i].text, err.text);
    }
}

static void a_zone_is_one_of_the_tz_database_and_nothing_else(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "Europe/Berln", "",       "EST5EDT4,M3", "+01:00",        "../etc/passwd", "/etc/localtime",
        "Mars/Olympus", "europe", "Europe",      "Europe/../UTC", "Europe/Berlin "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = ERROR_INIT;
        struct zone *z = zone_open(wrong[i], &err);
        if (z) fail_msg("`%s` is taken", wrong[i]);
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.text, "there is no time zone"));
    }
    static const char *const right[] = {"UTC",       "Europe/Berlin", "Asia/Calcutta", "America/Argentina/Ushuaia",
                                        "Etc/GMT+5", "Pacific/Apia"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) zone_free(zone(right[i]));
}

/* --- daylight saving -------------------------------------------------------------------------- */
static void a_local_time_that_is_skipped_fires_once_after_the_gap(void **state) {
    (void)state;
    /* Berlin, 29 March 2026: 02:00 CET is 03:00 CEST, 01:00 UTC */
    FIRES("30 2 * * *", "Europe/Berlin", "2026-03-27 12:00", "2026-03-28 01:30", "2026-03-29 01:00",
          "2026-03-30 00:30");
    FIRES("*/15 2 * * *", "Europe/Berlin", "2026-03-28 02:00", "2026-03-29 01:00", "2026-03-30 00:00",
          "2026-03-30 00:15");
    FIRES("0 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00", "2026-03-30 00:00");
    /* New York, 8 March 2026: 02:00 EST is 03:00 EDT, 07:00 UTC */
    FIRES("30 2 * * *", "America/New_York", "2026-03-07 12:00", "2026-03-08 07:00", "2026-03-09 06:30");
    /* Lord Howe, 4 October 2026: 02:00 is 02:30, 15:30 UTC of the day before */
    FIRES("15 2 * * *", "Australia/Lord_Howe", "2026-10-02 18:00", "2026-10-03 15:30", "2026-10-04 15:15");
    /* Samoa had no 30 December 2011 at all */
    FIRES("0 12 30 12 *", "Pacific/Apia", "2011-01-01 00:00", "2011-12-30 10:00", "2012-12-29 22:00");
}

static void a_local_time_that_comes_twice_fires_the_first_time_only(void **state) {
    (void)state;
    /* Berlin, 25 October 2026: 03:00 CEST is 02:00 CET, 01:00 UTC */
    FIRES("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", "2026-10-25 00:30", "2026-10-26 01:30");
    FIRES("0 * * * *", "Europe/Berlin", "2026-10-24 23:30", "2026-10-25 00:00", "2026-10-25 02:00", "2026-10-25 03:00");
    FIRES("30 1 * * *", "America/New_York", "2026-10-31 12:00", "2026-11-01 05:30", "2026-11-02 06:30");
    /* Lord Howe, 5 April 2026: 02:00 is 01:30, 15:00 UTC of the day before */
    FIRES("45 1 * * *", "Australia/Lord_Howe", "2026-04-03 18:00", "2026-04-04 14:45", "2026-04-05 15:15");
    /* asked between the two */
    FIRES("30 2 * * *", "Europe/Berlin", "2026-10-25 00:45", "2026-10-26 01:30");
}

static void zones_without_daylight_saving_and_beyond_the_tables_are_right_too(void **state) {
    (void)state;
    FIRES("0 3 * * *", "Asia/Kolkata", "2026-03-28 00:00", "2026-03-28 21:30", "2026-03-29 21:30");
    FIRES("0 3 * * *", "UTC", "2026-03-28 12:00", "2026-03-29 03:00");
    FIRES("0 3 * * *", "Europe/Berlin", "2060-07-01 12:00", "2060-07-02 01:00");
    FIRES("0 3 * * *", "Europe/Berlin", "2060-12-01 12:00", "2060-12-02 02:00");
}

/* Against the C library's own zones, hour by hour over years: which local time an instant has. */
static void all_hours_of_ten_years_are_what_the_c_library_says(void **state) {
    (void)state;
    static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
                                        "UTC"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone *z = zone(names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t at_s = utc("2020-01-01 00:00"); at_s < utc("2030-01-01 00:00"); at_s += 3600) {
            struct tm tm;
            time_t t = (time_t)at_s;
            localtime_r(&t, &tm);
            assert_int_equal(zone_to_local(z, at_s), at_s + tm.tm_gmtoff);
            int64_t back = zone_to_utc(z, at_s + tm.tm_gmtoff);
            assert_true(back == at_s || (back < at_s && zone_to_local(z, back) == at_s + tm.tm_gmtoff));
        }
        zone_free(z);
    }
    unsetenv("TZ");
}

/* --- many at once ----------------------------------------------------------------------------- */
static void the_latest_missed_times_are_found_without_walking_through_all(void **state) {
    (void)state;
    struct cron nightly = parsed("30 1 * * *"), always = parsed("* * * * *"), yearly = parsed("0 0 1 1 *");
    struct zone *z = zone("Europe/Berlin");
    struct due_list list;
    due_between(&nightly, z, utc("2026-11-18 12:00"), utc("2026-11-21 12:00"), 2, &list);
    assert_int_equal(list.total, 3);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.at_s[0], utc("2026-11-20 00:30"));
    assert_int_equal(list.at_s[1], utc("2026-11-21 00:30"));
    due_between(&nightly, z, utc("2026-11-21 00:30"), utc("2026-11-22 00:29"), 2, &list);
    assert_int_equal(list.total, 0);
    due_between(&always, z, 0, utc("2026-11-21 12:00"), 3, &list);
    assert_int_equal(list.total, DUE_COUNT_MAX);
    assert_int_equal(list.at_s[2], utc("2026-11-21 12:00"));
    assert_int_equal(list.at_s[0], utc("2026-11-21 11:58"));
    due_between(&yearly, z, utc("1990-06-01 12:00"), utc("2026-11-21 12:00"), DUE_MAX + 5, &list);
    assert_int_equal(list.total, 36);
    assert_int_equal(list.at_s[35], utc("2025-12-31 23:00"));
    zone_free(z);
}

int main(void) {
#define T(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        T(fields_names_lists_ranges_and_steps_mean_what_crontab_says),
        T(either_day_will_do_where_both_are_restricted_and_both_must_where_one_is_a_star),
        T(aliases_are_their_fields),
        T(the_29th_of_february_waits_for_its_years_over_a_century_without_one_too),
        T(a_wrong_expression_is_refused_with_the_column),
        T(a_zone_is_one_of_the_tz_database_and_nothing_else),
        T(a_local_time_that_is_skipped_fires_once_after_the_gap),
        T(a_local_time_that_comes_twice_fires_the_first_time_only),
        T(zones_without_daylight_saving_and_beyond_the_tables_are_right_too),
        T(all_hours_of_ten_years_are_what_the_c_library_says),
        T(the_latest_missed_times_are_found_without_walking_through_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
