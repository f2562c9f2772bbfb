/* What an attempt's raw times say of a device's clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "coordinator/sweep/readings.h"

/* ' stands for " */
static struct readings read_of(const char *samples) {
    char text[1024];
    struct readings r;
    snprintf(text, sizeof text, "%s", samples);
    for (char *c = text; *c; c++)
        if (*c == '\'') *c = '"';
    readings_of(text, &r);
    return r;
}

static void the_clock_is_the_median_of_the_readings_under_load(void **state) {
    (void)state;
    struct readings r = read_of(
        "{'sensors': 'nvml', 'sets': ["
        "{'sensors': [{'clock_mhz': 210}, {'clock_mhz': 1750, 'throttle': ''}]},"
        "{'sensors': [{'clock_mhz': 210}, {'clock_mhz': 1755, 'throttle': ''}]},"
        "{'sensors': [{'clock_mhz': 210}, {'clock_mhz': 1200, 'throttle': 'thermal'}]}]}");
    assert_true(r.clock_mhz == 1750);
    assert_int_equal(r.clocks, CLOCKS_NORMAL); /* one of three sets */
}

static void clocks_that_are_held_down_in_half_of_the_sets_are_low(void **state) {
    (void)state;
    struct readings r = read_of(
        "{'sets': [{'sensors': [{}, {'throttle': 'thermal'}]},"
        "{'sensors': [{}, {'throttle': ''}]}]}");
    assert_int_equal(r.clocks, CLOCKS_LOW);
    assert_true(r.clock_mhz == 0);
}

static void a_device_without_sensors_tells_nothing(void **state) {
    (void)state;
    const char *const samples[] = {"", "{\"sets\": [{\"baseline\": [1]}]}", "{\"sets\": []}", "{}", NULL};
    for (int i = 0; samples[i]; i++) {
        assert_int_equal(read_of(samples[i]).clocks, CLOCKS_UNKNOWN);
        assert_true(read_of(samples[i]).clock_mhz == 0);
    }
}

static void nonsense_tells_nothing(void **state) {
    (void)state;
    const char *const samples[] = {"[",
                                   "[1]",
                                   "7",
                                   "{'sets': 7}",
                                   "{'sets': [7, null, {'sensors': 7}, {'sensors': [1, 2]}]}",
                                   "{'sets': [{'sensors': [{}, {'clock_mhz': -5, 'throttle': 7}]}]}",
                                   "{'sets': [{'sensors': [{}, {'clock_mhz': 1e300}]}]}",
                                   NULL};
    for (int i = 0; samples[i]; i++) {
        assert_int_equal(read_of(samples[i]).clocks, CLOCKS_UNKNOWN);
        assert_true(read_of(samples[i]).clock_mhz == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_is_the_median_of_the_readings_under_load),
        cmocka_unit_test(clocks_that_are_held_down_in_half_of_the_sets_are_low),
        cmocka_unit_test(a_device_without_sensors_tells_nothing),
        cmocka_unit_test(nonsense_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
