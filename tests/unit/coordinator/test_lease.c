/* Lease time: it advances by ticks that were read back, and by nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka last */
#include <cmocka.h>

#include "coordinator/schedule/lease.h"

static void time_stands_still_until_every_partition_has_its_tick_back(void **state) {
    struct lease_clock clock = {0};
    int64_t round = 0;
    bool gap = false;
    (void)state;
    lease_clock_link(&clock, 3, 100);
    assert_true(lease_clock_begin(&clock, 100, &round));
    assert_false(lease_clock_read(&clock, 0, round, 110, &gap));
    assert_false(lease_clock_read(&clock, 2, round, 110, &gap));
    assert_false(lease_clock_read(&clock, 2, round, 110, &gap)); /* a repeated one */
    assert_int_equal(clock.now_ms, 0);
    assert_true(lease_clock_read(&clock, 1, round, 120, &gap));
    assert_int_equal(clock.now_ms, LEASE_TICK_MS);
    assert_false(gap);
}

static void one_round_is_in_flight_at_a_time(void **state) {
    struct lease_clock clock = {0};
    int64_t round = 0;
    bool gap = false;
    (void)state;
    lease_clock_link(&clock, 1, 0);
    assert_true(lease_clock_begin(&clock, 0, &round));
    assert_false(lease_clock_begin(&clock, LEASE_RESEND_MS - 1, &round));
    assert_true(lease_clock_read(&clock, 0, round, LEASE_RESEND_MS - 1, &gap));
    assert_int_equal(clock.now_ms, LEASE_TICK_MS); /* ten seconds without the broker are one tick */
    assert_true(gap);                              /* and fill all leases */
}

static void a_round_that_does_not_come_back_is_replaced_and_counts_once(void **state) {
    struct lease_clock clock = {0};
    int64_t first = 0, second = 0;
    bool gap = false;
    (void)state;
    lease_clock_link(&clock, 1, 0);
    assert_true(lease_clock_begin(&clock, 0, &first));
    assert_int_equal(lease_clock_wait_ms(&clock, 4000), LEASE_RESEND_MS - 4000);
    assert_true(lease_clock_begin(&clock, LEASE_RESEND_MS, &second));
    assert_false(lease_clock_read(&clock, 0, first, LEASE_RESEND_MS + 1, &gap));
    assert_true(lease_clock_read(&clock, 0, second, LEASE_RESEND_MS + 2, &gap));
    assert_int_equal(clock.now_ms, LEASE_TICK_MS);
    assert_true(gap); /* since the last completed one, not since the last sent one */
}

static void rounds_are_a_tick_apart(void **state) {
    struct lease_clock clock = {0};
    int64_t round = 0;
    bool gap = false;
    (void)state;
    lease_clock_link(&clock, 1, 0);
    assert_true(lease_clock_begin(&clock, 0, &round));
    assert_true(lease_clock_read(&clock, 0, round, 5, &gap));
    assert_false(lease_clock_begin(&clock, LEASE_TICK_MS - 1, &round));
    assert_int_equal(lease_clock_wait_ms(&clock, 400), LEASE_TICK_MS - 400);
    assert_true(lease_clock_begin(&clock, LEASE_TICK_MS, &round));
    assert_int_equal(lease_clock_wait_ms(&clock, LEASE_TICK_MS), LEASE_RESEND_MS);
}

static void a_lost_tick_is_sent_anew_under_another_number(void **state) {
    struct lease_clock clock = {0};
    int64_t first = 0, second = 0;
    bool gap = false;
    (void)state;
    lease_clock_link(&clock, 1, 0);
    assert_true(lease_clock_begin(&clock, 0, &first));
    lease_clock_lost(&clock, 50);
    assert_true(lease_clock_begin(&clock, 50, &second));
    assert_int_not_equal(first, second);
    assert_false(lease_clock_read(&clock, 0, first, 60, &gap)); /* it was there after all */
    assert_int_equal(clock.now_ms, 0);
    assert_true(lease_clock_read(&clock, 0, second, 60, &gap));
}

static void without_a_link_no_round_begins(void **state) {
    struct lease_clock clock = {0};
    int64_t round = 0;
    (void)state;
    assert_false(lease_clock_begin(&clock, 0, &round));
    lease_clock_link(&clock, 2, 0);
    lease_clock_unlink(&clock);
    assert_false(lease_clock_begin(&clock, 5000, &round));
    assert_int_equal(lease_clock_wait_ms(&clock, 5000), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_stands_still_until_every_partition_has_its_tick_back),
        cmocka_unit_test(one_round_is_in_flight_at_a_time),
        cmocka_unit_test(a_round_that_does_not_come_back_is_replaced_and_counts_once),
        cmocka_unit_test(rounds_are_a_tick_apart),
        cmocka_unit_test(a_lost_tick_is_sent_anew_under_another_number),
        cmocka_unit_test(without_a_link_no_round_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
