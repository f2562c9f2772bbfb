/* Tests of a difference, against tables and against scipy 1.16.3 (scipy.stats.t.sf, scipy.stats.mannwhitneyu with
 * method="exact"), whose values were computed once and stand here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "common/stats.h"

static void near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance * fabs(expected))) fail_msg("%.17g is not %.17g", value, expected);
}

/* --- Student ---------------------------------------------------------------------------------- */
/* The two-sided 5 % and 1 % points of any table of Student's distribution. */
static void the_points_of_the_table_have_their_tails(void **state) {
    (void)state;
    const struct {
        double t;
        int freedom;
        double tail;
    } table[] = {{12.706, 1, 0.05}, {63.657, 1, 0.01}, {4.303, 2, 0.05},  {9.925, 2, 0.01},  {2.571, 5, 0.05},
                 {4.032, 5, 0.01},  {2.228, 10, 0.05}, {3.169, 10, 0.01}, {2.042, 30, 0.05}, {2.750, 30, 0.01}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        near(stats_student_two_sided(table[i].t, table[i].freedom), table[i].tail, 2e-3);
}

static void odd_and_even_degrees_agree_with_scipy(void **state) {
    (void)state;
    near(stats_student_two_sided(12.706, 1), 0.05000080235813317, 1e-11);
    near(stats_student_two_sided(4.303, 2), 0.04999252498521449, 1e-11);
    near(stats_student_two_sided(10, 3), 0.0021283990584141494, 1e-11);
    near(stats_student_two_sided(0.5, 7), 0.6324071356892842, 1e-11);
    near(stats_student_two_sided(3.169, 10), 0.010004633364384848, 1e-11);
    near(stats_student_two_sided(1.96, 1000), 0.05027318495574871, 1e-9);
}

static void the_sign_of_t_does_not_matter_and_what_is_no_test_is_no_finding(void **state) {
    (void)state;
    near(stats_student_two_sided(-2.228, 10), stats_student_two_sided(2.228, 10), 0);
    near(stats_student_two_sided(0, 4), 1, 1e-15);
    near(stats_student_two_sided(NAN, 4), 1, 0);
    near(stats_student_two_sided(3, 0), 1, 0);
    assert_true(stats_student_two_sided(1e300, 4) >= 0);
    assert_true(stats_student_two_sided(INFINITY, 5) < 1e-12);
}

/* --- ranks ------------------------------------------------------------------------------------ */
static void rank_sums_agree_with_scipy(void **state) {
    (void)state;
    near(stats_rank_sum_above((double[]){5}, 1, (double[]){1, 2, 3, 4}, 4), 0.2, 1e-12);
    near(stats_rank_sum_above((double[]){4, 5}, 2, (double[]){1, 2, 3}, 3), 0.1, 1e-12);
    near(stats_rank_sum_above((double[]){2.1, 3.5, 6.2, 7.7}, 4, (double[]){1, 2, 3, 4, 5, 0.5}, 6),
         0.08571428571428572, 1e-12);
    near(stats_rank_sum_above((double[]){9, 10, 11}, 3, (double[]){1, 2, 3, 4, 5, 6, 7, 8}, 8), 0.006060606060606061,
         1e-12);
    double x[20], y[30];
    for (int i = 0; i < 20; i++) x[i] = i + 10.5;
    for (int i = 0; i < 30; i++) y[i] = i;
    near(stats_rank_sum_above(x, 20, y, 30), 0.014594377813754993, 1e-9);
}

/* By listing all ways to pick which of the values are x. */
static void small_ones_agree_with_counting(void **state) {
    (void)state;
    const double values[] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (unsigned picked = 1; picked < 255; picked++) {
        double x[8], y[8];
        size_t m = 0, n = 0, as_high = 0, all = 0;
        int sum = 0;
        for (int i = 0; i < 8; i++)
            if (picked >> i & 1)
                x[m++] = values[i], sum += i;
            else
                y[n++] = values[i];
        for (unsigned other = 1; other < 255; other++) {
            int rank = 0;
            if ((size_t)__builtin_popcount(other) != m) continue;
            for (int i = 0; i < 8; i++) rank += other >> i & 1 ? i : 0;
            all++;
            as_high += rank >= sum;
        }
        near(stats_rank_sum_above(x, m, y, n), (double)as_high / (double)all, 1e-12);
    }
}

static void ties_are_rounded_against_a_finding(void **state) {
    (void)state;
    double all_equal = stats_rank_sum_above((double[]){1, 1}, 2, (double[]){1, 1}, 2);
    double apart = stats_rank_sum_above((double[]){2, 3}, 2, (double[]){0, 1}, 2);
    double one_tie = stats_rank_sum_above((double[]){1, 3}, 2, (double[]){0, 1}, 2);
    assert_true(all_equal >= 0.5);
    assert_true(one_tie > apart);
}

static void too_many_none_and_nan_are_no_finding(void **state) {
    (void)state;
    double many[STATS_RANK_SUM_MAX + 1] = {0};
    near(stats_rank_sum_above(many, STATS_RANK_SUM_MAX + 1, many, 1), 1, 0);
    near(stats_rank_sum_above(many, 0, many, 3), 1, 0);
    near(stats_rank_sum_above((double[]){NAN}, 1, (double[]){1}, 1), 1, 0);
    for (int i = 0; i <= STATS_RANK_SUM_MAX; i++) many[i] = i;
    double p = stats_rank_sum_above(many, STATS_RANK_SUM_MAX, many, STATS_RANK_SUM_MAX);
    assert_true(p > 0.49 && p < 0.52);
}

/* --- a deviation ------------------------------------------------------------------------------ */
static void without_outliers_it_is_the_deviation_about_the_median(void **state) {
    (void)state;
    near(stats_robust_deviation((double[]){1, 2, 3, 4, 5}, 5), sqrt(10.0 / 4), 1e-12);
    near(stats_robust_deviation((double[]){7, 7, 7}, 3) + 1, 1, 0);
}

/* Off the median 1.025 by .025 .075 .125 .025 .075 3.975: their median is .075, the limit 3 * 1.4826 * .075 = .333585.
 */
static void an_outlier_is_drawn_in_to_three_deviations(void **state) {
    (void)state;
    double limit = 0.333585, sum = 2 * 0.025 * 0.025 + 2 * 0.075 * 0.075 + 0.125 * 0.125 + limit * limit;
    near(stats_robust_deviation((double[]){1.0, 1.1, 0.9, 1.05, 0.95, 5.0}, 6), sqrt(sum / 5), 1e-9);
}

static void one_value_has_none_and_nan_stays_nan(void **state) {
    (void)state;
    near(stats_robust_deviation((double[]){3}, 1) + 1, 1, 0);
    assert_true(isnan(stats_robust_deviation((double[]){1, NAN, 2}, 3)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_points_of_the_table_have_their_tails),
        cmocka_unit_test(odd_and_even_degrees_agree_with_scipy),
        cmocka_unit_test(the_sign_of_t_does_not_matter_and_what_is_no_test_is_no_finding),
        cmocka_unit_test(rank_sums_agree_with_scipy),
        cmocka_unit_test(small_ones_agree_with_counting),
        cmocka_unit_test(ties_are_rounded_against_a_finding),
        cmocka_unit_test(too_many_none_and_nan_are_no_finding),
        cmocka_unit_test(without_outliers_it_is_the_deviation_about_the_median),
        cmocka_unit_test(an_outlier_is_drawn_in_to_three_deviations),
        cmocka_unit_test(one_value_has_none_and_nan_stays_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
