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
