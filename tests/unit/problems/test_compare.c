/* The comparison with the oracle: what is within tolerance, what is not, and what has a name of its own. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "problems/check/compare.h"

#define N 1000
static double value[N];
static float scale[N], got[N];
static struct expected expected = {.dtype = DTYPE_F32, .n = N, .value = value, .scale = scale};
static struct poison poison;
static struct comparison c;

static int start(void **state) {
    (void)state;
    poison = (struct poison){.base = 12345};
    for (int i = 0; i < N; i++) {
        value[i] = sin(i) * 10;
        scale[i] = (float)fabs(value[i]) + 1e-3f;
        got[i] = (float)value[i];
    }
    return 0;
}

static void compare(int64_t reduction) {
    struct tolerance t = tolerance_make(DTYPE_F32, reduction);
    compare_output(&expected, &t, got, &poison, 2, &c);
}

static void the_nearest_floats_are_right(void **state) {
    (void)state;
    compare(1);
    assert_true(comparison_ok(&c));
    assert_true(c.worst <= 0.25 && c.rms <= 1);
    assert_int_equal(c.n, N);
}

static void the_tolerance_grows_with_the_root_of_the_reduction(void **state) {
    (void)state;
    got[7] = (float)(value[7] + 10 * 0x1p-24 * (double)scale[7]);
    compare(1);
    assert_int_equal(c.wrong, 1);
    assert_int_equal(c.first_wrong, 7);
    compare(16); /* 4 * sqrt(16) = 16 units */
    assert_true(comparison_ok(&c));
}

static void a_nan_is_never_within_the_tolerance(void **state) {
    (void)state;
    got[3] = NAN;
    got[900] = INFINITY;
    compare(1 << 20);
    assert_int_equal(c.not_finite, 2);
    assert_int_equal(c.first_not_finite, 3);
    assert_false(comparison_ok(&c));
}

static void a_nan_where_one_is_expected_is_right_and_a_number_is_not(void **state) {
    (void)state;
    value[5] = NAN;
    got[5] = NAN;
    compare(1);
    assert_true(comparison_ok(&c));
    got[5] = 0;
    compare(1);
    assert_int_equal(c.not_finite, 1);
}

static void beyond_the_range_an_infinity_of_the_right_sign_is_expected(void **state) {
    (void)state;
    value[9] = -1e39;
    got[9] = -INFINITY;
    compare(1);
    assert_true(comparison_ok(&c));
    got[9] = INFINITY;
    compare(1);
    assert_int_equal(c.not_finite, 1);
    got[9] = -FLT_MAX;
    compare(1);
    assert_int_equal(c.not_finite, 1);
    value[9] = -(double)FLT_MAX * (1 + 1e-6); /* at the edge either is honest */
    compare(1);
    assert_true(comparison_ok(&c));
    got[9] = -INFINITY;
    compare(1);
    assert_true(comparison_ok(&c));
}

static void poison_that_is_left_is_unwritten_and_another_nan_is_not(void **state) {
    (void)state;
    for (size_t i = 10; i < 14; i++) {
        uint32_t word = poison_word(&poison, DTYPE_F32, i);
        memcpy(&got[i], &word, 4);
    }
    got[14] = NAN;
    compare(1);
    assert_int_equal(c.unwritten, 4);
    assert_int_equal(c.first_unwritten, 10);
    assert_int_equal(c.not_finite, 1);
}

static void a_flushed_denormal_is_honest(void **state) {
    (void)state;
    value[0] = 1e-39;
    scale[0] = 1e-39f;
    got[0] = 0;
    compare(1);
    assert_true(comparison_ok(&c));
}

static void zeros_are_wrong_however_small_the_answer(void **state) {
    (void)state;
    for (int i = 0; i < N; i++) {
        value[i] *= 1e-20;
        scale[i] = (float)fabs(value[i]);
        got[i] = 0;
    }
    compare(1);
    assert_true(c.wrong > N * 9 / 10);
    assert_false(comparison_reduced(&c));
}

static void bfloat16_is_reduced_and_one_slip_is_not(void **state) {
    (void)state;
    for (int i = 0; i < N; i++) {
        uint32_t bits;
        memcpy(&bits, &got[i], 4);
        bits = (bits + 0x8000u) & 0xFFFF0000u;
        memcpy(&got[i], &bits, 4);
    }
    compare(1);
    assert_true(c.wrong > 0 && comparison_reduced(&c));
    start(NULL);
    got[50] *= 1.001f;
    compare(1);
    assert_int_equal(c.wrong, 1);
    assert_false(comparison_reduced(&c));
}

static void integers_must_be_equal(void **state) {
    (void)state;
    double want[3] = {1, -2, 3};
    float one[3] = {1, 1, 1};
    int32_t have[3] = {1, -2, 4};
    struct expected e = {.dtype = DTYPE_I32, .n = 3, .value = want, .scale = one};
    struct tolerance t = tolerance_make(DTYPE_I32, 100);
    compare_output(&e, &t, have, &poison, 1, &c);
    assert_int_equal(c.wrong, 1);
    assert_int_equal(c.first_wrong, 2);
    memcpy(&have[2], &(uint32_t){poison_word(&poison, DTYPE_I32, 2)}, 4);
    compare_output(&e, &t, have, &poison, 1, &c);
    assert_int_equal(c.unwritten, 1);
}

static void halves_are_read_exactly(void **state) {
    (void)state;
    const uint16_t h[] = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00, 0x7E00};
    assert_true(element_value(DTYPE_F16, h, 0) == 1 && element_value(DTYPE_F16, h, 1) == -2);
    assert_true(element_value(DTYPE_F16, h, 2) == 0x1p-24 && element_value(DTYPE_F16, h, 3) == 65504);
    assert_true(isinf(element_value(DTYPE_F16, h, 4)) && isnan(element_value(DTYPE_F16, h, 5)));
}

static void pieces_of_a_long_output_are_numbered_through(void **state) {
    (void)state;
    int64_t n = 200000;
    double *v = calloc((size_t)n, sizeof *v);
    float *s = calloc((size_t)n, sizeof *s), *g = calloc((size_t)n, sizeof *g);
    struct expected e = {.dtype = DTYPE_F32, .n = n, .value = v, .scale = s};
    struct tolerance t = tolerance_make(DTYPE_F32, 1);
    g[150000] = 2;
    g[199999] = 1;
    compare_output(&e, &t, g, NULL, 4, &c);
    assert_int_equal(c.wrong, 2);
    assert_int_equal(c.first_wrong, 150000);
    assert_int_equal(c.worst_at, 150000);
    free(v);
    free(s);
    free(g);
}

#define T(f) cmocka_unit_test_setup(f, start)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_nearest_floats_are_right),
        T(the_tolerance_grows_with_the_root_of_the_reduction),
        T(a_nan_is_never_within_the_tolerance),
        T(a_nan_where_one_is_expected_is_right_and_a_number_is_not),
        T(beyond_the_range_an_infinity_of_the_right_sign_is_expected),
        T(poison_that_is_left_is_unwritten_and_another_nan_is_not),
        T(a_flushed_denormal_is_honest),
        T(zeros_are_wrong_however_small_the_answer),
        T(bfloat16_is_reduced_and_one_slip_is_not),
        T(integers_must_be_equal),
        T(halves_are_read_exactly),
        T(pieces_of_a_long_output_are_numbered_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
