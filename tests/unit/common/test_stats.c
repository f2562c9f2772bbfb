/* Quantiles, means, and the exact interval against published tables of the signed-rank test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/stats.h"

static void near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-12 * (1 + fabs(expected)))) fail_msg("%.17g is not %.17g", value, expected);
}

static void medians_of_odd_and_even_counts(void **state) {
    (void)state;
    near(stats_median((double[]){3, 1, 2}, 3), 2);
    near(stats_median((double[]){4, 1, 2, 3}, 4), 2.5);
    near(stats_median((double[]){7}, 1), 7);
}

static void quantiles_interpolate_as_type_7(void **state) {
    (void)state;
    const double x[] = {10, 20, 30, 40, 50};
    near(stats_quantile(x, 5, 0), 10);
    near(stats_quantile(x, 5, 1), 50);
    near(stats_quantile(x, 5, 0.25), 20);
    near(stats_quantile(x, 5, 0.1), 14);
    near(stats_quantile(x, 5, 0.99), 49.6);
}

static void nothing_gives_nan(void **state) {
    (void)state;
    assert_true(isnan(stats_median(NULL, 0)));
    assert_true(isnan(stats_mean(NULL, 0)));
    assert_true(isnan(stats_geomean(NULL, 0)));
    assert_true(isnan(stats_quantile((double[]){1}, 1, 1.5)));
    assert_true(isnan(stats_quantile((double[]){1}, 1, NAN)));
    assert_true(isnan(stats_hodges_lehmann(NULL, 0, 0.99).estimate));
}

static void nan_among_the_values_gives_nan(void **state) {
    (void)state;
    const double x[] = {1, NAN, 3};
    assert_true(isnan(stats_median(x, 3)));
    struct interval i = stats_hodges_lehmann(x, 3, 0.9);
    assert_true(isnan(i.estimate) && isnan(i.low) && isnan(i.high));
    assert_true(i.confidence == 0);
    assert_true(isnan(stats_hodges_lehmann((double[]){1, INFINITY}, 2, 0.9).low));
}

static void means_are_arithmetic_and_geometric(void **state) {
    (void)state;
    near(stats_mean((double[]){1, 2, 6}, 3), 3);
    near(stats_geomean((double[]){1, 10, 100}, 3), 10);
    near(stats_geomean((double[]){0.5, 2}, 2), 1);
}

static void inputs_stay_as_they_are(void **state) {
    (void)state;
    double x[] = {3, 1, 2};
    stats_median(x, 3);
    stats_hodges_lehmann(x, 3, 0.5);
    assert_true(x[0] == 3 && x[1] == 1 && x[2] == 2);
}

/* Powers of two have distinct pair sums, so an interval's end tells its rank among the Walsh averages. */
#define N_MAX 25
static double walsh[N_MAX * (N_MAX + 1) / 2];

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t powers(size_t n, double *x) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) x[i] = ldexp(1, (int)i);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) walsh[count++] = (x[i] + x[j]) / 2;
    qsort(walsh, count, sizeof *walsh, compare);
    return count;
}

static void check_rank(size_t n, double confidence, size_t rank) {
    double x[N_MAX];
    size_t count = powers(n, x);
    struct interval i = stats_hodges_lehmann(x, n, confidence);
    if (i.low != walsh[rank - 1] || i.high != walsh[count - rank]) fail_msg("n = %zu: not rank %zu", n, rank);
    assert_true(i.confidence >= confidence && i.confidence < 1);
}

/* Critical values of the two-sided test as printed in textbooks; the interval's rank is one more. */
static void ranks_agree_with_the_published_critical_values(void **state) {
    (void)state;
    static const int at_1_percent[] = {0, 1, 3, 5, 7, 9, 12, 15, 19, 23, 27, 32, 37, 42, 48, 54, 61, 68};
    for (size_t n = 8; n <= 25; n++) check_rank(n, 0.99, (size_t)at_1_percent[n - 8] + 1);
    static const int at_5_percent[] = {0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52, 58, 65, 73, 81, 89};
    for (size_t n = 6; n <= 25; n++) check_rank(n, 0.95, (size_t)at_5_percent[n - 6] + 1);
}

static void ten_values_give_the_fourth_averages_from_either_end(void **state) {
    (void)state;
    check_rank(10, 0.99, 4);
    double x[10];
    powers(10, x);
    /* Of 1,024 sign patterns 5 have a rank sum of 3 or less: {}, {1}, {2}, {3}, {1,2}. */
    near(stats_hodges_lehmann(x, 10, 0.99).confidence, 1 - 10.0 / 1024);
}

/* P(T+ < rank) by counting all sign patterns. */
static double tail_by_counting(size_t n, size_t rank) {
    size_t below = 0;
    for (size_t signs = 0; signs < (size_t)1 << n; signs++) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) sum += signs >> i & 1 ? i + 1 : 0;
        below += sum < rank;
    }
    return (double)below / (double)((size_t)1 << n);
}

static void the_confidence_is_the_exact_count_of_sign_patterns(void **state) {
    (void)state;
    for (size_t n = 1; n <= 12; n++) {
        for (int c = 50; c < 100; c += 7) {
            double x[N_MAX];
            size_t count = powers(n, x), rank = 1;
            struct interval i = stats_hodges_lehmann(x, n, c / 100.0);
            while (rank < count && walsh[rank - 1] != i.low) rank++;
            near(i.confidence, 1 - 2 * tail_by_counting(n, rank));
        }
    }
}

static void five_values_cannot_reach_99_percent_and_say_so(void **state) {
    (void)state;
    const double x[] = {1.02, 0.99, 1.05, 1.01, 1.00};
    struct interval i = stats_hodges_lehmann(x, 5, 0.99);
    near(i.low, 0.99);
    near(i.high, 1.05);
    near(i.confidence, 1 - 2.0 / 32);
}

static void one_value_is_its_own_interval_and_worth_nothing(void **state) {
    (void)state;
    struct interval i = stats_hodges_lehmann((double[]){4}, 1, 0.99);
    near(i.estimate, 4);
    near(i.low, 4);
    near(i.high, 4);
    near(i.confidence, 0);
}

static void the_estimate_is_the_median_of_the_walsh_averages(void **state) {
    (void)state;
    /* averages of {1, 2, 9}: 1, 1.5, 2, 5, 5.5, 9 */
    near(stats_hodges_lehmann((double[]){9, 1, 2}, 3, 0.5).estimate, 3.5);
    near(stats_hodges_lehmann((double[]){-1, 1}, 2, 0.5).estimate, 0);
}

/* The depression scores of Hollander, Wolfe & Chicken, example 3.1, as differences y - x: estimate -0.46, and the
 * interval (-0.786, -0.010) worth 0.961. */
static void the_textbook_example_is_reproduced(void **state) {
    (void)state;
    const double x[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
    const double y[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
    double d[9];
    for (int i = 0; i < 9; i++) d[i] = y[i] - x[i];
    struct interval i = stats_hodges_lehmann(d, 9, 0.96);
    assert_true(fabs(i.estimate - -0.46) < 5e-4);
    assert_true(fabs(i.low - -0.786) < 5e-4);
    assert_true(fabs(i.high - -0.010) < 5e-4);
    assert_true(fabs(i.confidence - 0.961) < 5e-4);
}

static void sixty_four_values_are_served_and_more_are_not(void **state) {
    (void)state;
    double x[65];
    for (int i = 0; i < 65; i++) x[i] = i;
    struct interval i = stats_hodges_lehmann(x, 64, 0.99);
    near(i.estimate, 31.5);
    assert_true(i.low < 31.5 && i.high > 31.5 && i.confidence >= 0.99 && i.confidence < 0.9905);
    assert_true(isnan(stats_hodges_lehmann(x, 65, 0.99).estimate));
}

static void huge_values_do_not_overflow(void **state) {
    (void)state;
    near(stats_hodges_lehmann((double[]){1e308, 1e308, 1e308}, 3, 0.5).estimate / 1e308, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians_of_odd_and_even_counts),
        cmocka_unit_test(quantiles_interpolate_as_type_7),
        cmocka_unit_test(nothing_gives_nan),
        cmocka_unit_test(nan_among_the_values_gives_nan),
        cmocka_unit_test(means_are_arithmetic_and_geometric),
        cmocka_unit_test(inputs_stay_as_they_are),
        cmocka_unit_test(ranks_agree_with_the_published_critical_values),
        cmocka_unit_test(ten_values_give_the_fourth_averages_from_either_end),
        cmocka_unit_test(the_confidence_is_the_exact_count_of_sign_patterns),
        cmocka_unit_test(five_values_cannot_reach_99_percent_and_say_so),
        cmocka_unit_test(one_value_is_its_own_interval_and_worth_nothing),
        cmocka_unit_test(the_estimate_is_the_median_of_the_walsh_averages),
        cmocka_unit_test(the_textbook_example_is_reproduced),
        cmocka_unit_test(sixty_four_values_are_served_and_more_are_not),
        cmocka_unit_test(huge_values_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
