/* Order statistics, and the Hodges-Lehmann estimate with the exact Wilcoxon signed-rank interval. */
#include "common/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define HODGES_LEHMANN_MAX 64 /* 2,080 Walsh averages */

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorted copy that the caller frees, or NULL when a value is NaN: no order, and so no quantile, exists then. */
static double *sorted_copy(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i])) return NULL;
    double *copy = xmalloc(n * sizeof *copy);
    memcpy(copy, x, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, compare_doubles);
    return copy;
}

/* Type 7 of Hyndman & Fan, "Sample Quantiles in Statistical Packages" (1996). */
static double quantile_sorted(const double *x, size_t n, double q) {
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    if (below + 1 >= n) return x[n - 1];
    double part = at - (double)below;
    return part == 0 ? x[below] : x[below] + part * (x[below + 1] - x[below]);
}

double stats_quantile(const double *x, size_t n, double q) {
    if (n == 0 || !(q >= 0 && q <= 1)) return NAN;
    CLEANUP_FREE double *sorted = sorted_copy(x, n);
    return sorted ? quantile_sorted(sorted, n, q) : NAN;
}

double stats_median(const double *x, size_t n) {
    return stats_quantile(x, n, 0.5);
}

double stats_mean(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : NAN;
}

double stats_geomean(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += log(x[i]);
    return n ? exp(sum / (double)n) : NAN;
}

/* Distribution of the signed-rank statistic under the null hypothesis: p[w] = P(T+ = w), w = 0..n(n+1)/2. Rank k is
 * added with probability one half, one rank after the other; exact but for rounding in the last bits. */
static void signed_rank_distribution(size_t n, double *p) {
    p[0] = 1;
    size_t top = 0;
    for (size_t k = 1; k <= n; k++) {
        for (size_t w = top + 1; w <= top + k; w++) p[w] = 0;
        top += k;
        for (size_t w = top + 1; w-- > 0;) p[w] = 0.5 * (p[w] + (w >= k ? p[w - k] : 0));
    }
}

/* The interval runs from the rank-th smallest to the rank-th largest Walsh average and is worth
 * 1 - 2 P(T+ < rank). Finds the largest rank that is worth `confidence`, else 1; *achieved is what it is worth. */
static size_t interval_rank(size_t n, double confidence, double *achieved) {
    size_t averages = n * (n + 1) / 2;
    CLEANUP_FREE double *p = xmalloc((averages + 1) * sizeof *p);
    signed_rank_distribution(n, p);
    double below = p[0]; /* P(T+ < rank) */
    size_t rank = 1;
    while (rank < (averages + 1) / 2 && 1 - 2 * (below + p[rank]) >= confidence) below += p[rank++];
    *achieved = 1 - 2 * below;
    return rank;
}

/* Averages of all pairs, each value with itself too, sorted. The caller frees. */
static double *walsh_averages(const double *x, size_t n) {
    double *average = xmalloc(n * (n + 1) / 2 * sizeof *average);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++) average[count++] = 0.5 * x[i] + 0.5 * x[j]; /* the sum could overflow */
    qsort(average, count, sizeof *average, compare_doubles);
    return average;
}

struct interval stats_hodges_lehmann(const double *x, size_t n, double confidence) {
    struct interval result = {NAN, NAN, NAN, 0};
    if (n == 0 || n > HODGES_LEHMANN_MAX) return result;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return result;
    size_t count = n * (n + 1) / 2, rank = interval_rank(n, confidence, &result.confidence);
    CLEANUP_FREE double *average = walsh_averages(x, n);
    result.estimate = quantile_sorted(average, count, 0.5);
    result.low = average[rank - 1];
    result.high = average[count - rank];
    return result;
}
