/* Secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/random.h"

static void two_draws_differ(void **state) {
    (void)state;
    char a[65], b[65];
    random_hex(a, 32);
    random_hex(b, 32);
    assert_int_equal(strlen(a), 64);
    assert_int_equal(strspn(a, "0123456789abcdef"), 64);
    assert_string_not_equal(a, b);
}

static void bounded_draws_stay_below_and_reach_every_value(void **state) {
    (void)state;
    unsigned seen = 0;
    for (int i = 0; i < 2000; i++) {
        uint64_t value = random_below(6);
        assert_true(value < 6);
        seen |= 1u << value;
    }
    assert_int_equal(seen, 63);
    assert_int_equal(random_below(1), 0);
}

static void a_bound_above_half_the_range_is_met(void **state) {
    (void)state;
    const uint64_t bound = (UINT64_C(1) << 63) + 1;
    for (int i = 0; i < 1000; i++) assert_true(random_below(bound) < bound);
}

static void long_texts_are_filled_whole(void **state) {
    (void)state;
    char text[2 * 1000 + 1];
    random_hex(text, 1000);
    assert_int_equal(strspn(text, "0123456789abcdef"), 2000);
    random_hex(text, 0);
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_draws_differ),
        cmocka_unit_test(bounded_draws_stay_below_and_reach_every_value),
        cmocka_unit_test(a_bound_above_half_the_range_is_met),
        cmocka_unit_test(long_texts_are_filled_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
