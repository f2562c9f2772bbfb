/* Tests of a difference: rank-sum, Student's tail, and a deviation that outliers do not blow up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/stats.h"

/* In how many of the orders of m x's and n y's at most `limit` pairs have the x above. Adding an x at a time is
 * multiplying the generating function by (1 - q^(n+i)) / (1 - q^i); its low coefficients need only low ones, and so
 * stay exact. */
static double rank_sum_orders(size_t m, size_t n, size_t limit) {
    CLEANUP_FREE double *counts = xcalloc(limit + 1, sizeof *counts);
    counts[0] = 1;
    for (size_t i = 1; i <= m; i++) {
        for (size_t u = limit + 1; u-- > n + i;) counts[u] -= counts[u - n - i];
        for (size_t u = i; u <= limit; u++) counts[u] += counts[u - i];
    }
    double sum = 0;
    for (size_t u = 0; u <= limit; u++) sum += counts[u];
    return sum;
}

double stats_rank_sum_above(const double *x, size_t m, const double *y, size_t n) {
    if (m == 0 || n == 0 || m > STATS_RANK_SUM_MAX || n > STATS_RANK_SUM_MAX) return 1;
    double above = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            if (isnan(x[i]) || isnan(y[j])) return 1;
            above += x[i] > y[j] ? 1 : x[i] == y[j] ? 0.5 : 0;
        }
    /* the distribution is symmetric: as many pairs above as here or more is as likely as so many below or fewer */
    double all = exp(lgamma((double)(m + n) + 1) - lgamma((double)m + 1) - lgamma((double)n + 1));
    return fmin(1, rank_sum_orders(m, n, m * n - (size_t)floor(above)) / all);
}

double stats_student_two_sided(double t, int freedom) {
    if (isnan(t) || freedom < 1) return 1;
    double angle = atan2(fabs(t), sqrt(freedom)), c2 = cos(angle) * cos(angle), term, sum = 0;
    if (freedom % 2 == 1) {
        term = cos(angle);
        for (int k = 3; k <= freedom; k += 2) {
            sum += term;
            term *= c2 * (k - 1) / k;
        }
        return fmax(0, 1 - 2 / M_PI * (angle + sin(angle) * sum));
    }
    term = 1;
    for (int k = 2; k <= freedom; k += 2) {
        sum += term;
        term *= c2 * (k - 1) / k;
    }
    return fmax(0, 1 - sin(angle) * sum);
}

double stats_robust_deviation(const double *x, size_t n) {
    if (n < 2) return 0;
    double middle = stats_median(x, n), sum = 0;
    if (isnan(middle)) return NAN;
    CLEANUP_FREE double *off = xmalloc(n * sizeof *off);
    for (size_t i = 0; i < n; i++) off[i] = fabs(x[i] - middle);
    double limit = 3 * 1.4826 * stats_median(off, n);
    for (size_t i = 0; i < n; i++) {
        double drawn = fmin(off[i], limit);
        sum += drawn * drawn;
    }
    return sqrt(sum / (double)(n - 1));
}
