/* Statistics of docs/timing.md. All functions leave their inputs unchanged unless said otherwise; NaN on n == 0 and
 * where a value is NaN. */
#pragma once
#include <stddef.h>
double stats_median(const double *x, size_t n);
double stats_quantile(const double *x, size_t n, double q); /* type 7 (linear), 0 <= q <= 1 */
double stats_mean(const double *x, size_t n);
double stats_geomean(const double *x, size_t n); /* exp(mean(log x)); x > 0 */
struct interval {
    double estimate, low, high;
    double confidence; /* achieved, >= asked for, or the best n allows */
};
/* Hodges-Lehmann estimate (median of Walsh averages) with the exact Wilcoxon signed-rank interval at `confidence`
 * (e.g. 0.99), for n <= 64. When n is too small for the confidence, the whole range is given and `confidence` says what
 * it is worth. NaN with confidence 0 for n > 64 and for values that are not finite. Source: Hollander, Wolfe & Chicken,
 * "Nonparametric Statistical Methods", 3.2-3.3. */
struct interval stats_hodges_lehmann(const double *x, size_t n, double confidence);

/* --- tests ------------------------------------------------------------------------------------ */
/* One-sided exact p-value of the rank-sum test (Wilcoxon, Mann and Whitney): how likely `x` (m values) would lie as
 * high among `y` (n values) by chance. A tie counts one half, rounded against a finding. 1 for m or n of 0, above
 * STATS_RANK_SUM_MAX, or where a value is NaN. Source: Mann & Whitney (1947), the recursion of their section 4. */
#define STATS_RANK_SUM_MAX 64
double stats_rank_sum_above(const double *x, size_t m, const double *y, size_t n);
/* P(|T| > |t|) of Student's distribution with `freedom` degrees of freedom, >= 1. Source: Abramowitz &
 * Stegun, 26.7.3-4.
 */
double stats_student_two_sided(double t, int freedom);
/* Standard deviation that outliers do not blow up: values further than 3 median absolute deviations (scaled to the
 * normal distribution's) from the median are drawn in to there. 0 for n < 2; NaN where a value is. */
double stats_robust_deviation(const double *x, size_t n);
