/* Clocks and their text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/clock.h"

static void the_monotonic_clock_never_goes_back(void **state) {
    (void)state;
    int64_t last = clock_mono_ns();
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_mono_ms() >= last / 1000000);
}

static void wall_times_are_written_as_utc_with_milliseconds(void **state) {
    (void)state;
    char text[32];
    clock_iso8601(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_iso8601(951827696789, text);
    assert_string_equal(text, "2000-02-29T12:34:56.789Z");
}

static void times_before_1970_keep_positive_milliseconds(void **state) {
    (void)state;
    char text[32];
    clock_iso8601(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void absurd_times_are_held_at_four_digit_years(void **state) {
    (void)state;
    char text[32];
    clock_iso8601(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    clock_iso8601(INT64_MIN, text);
    assert_int_equal(strlen(text), 24);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(wall_times_are_written_as_utc_with_milliseconds),
        cmocka_unit_test(times_before_1970_keep_positive_milliseconds),
        cmocka_unit_test(absurd_times_are_held_at_four_digit_years),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
