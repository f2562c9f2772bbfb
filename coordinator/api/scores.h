/* The scores over the cells of a matrix. Pure arithmetic; docs/api.md says what each figure
 * means. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* One (problem, target, size): the best correct kernel, or what came in its place. */
struct score_cell {
    bool measured; /* some task of the cell has a verdict */
    bool correct;
    bool weak; /* weak baseline: counted, but in no average */
    bool has_speedup;
    double speedup, speedup_low;
    bool has_light;
    double light; /* share of the speed of light */
};
#define FAST_P_COUNT 5
extern const double fast_p_levels[FAST_P_COUNT]; /* 0.5, 0.8, 1, 1.5, 2 */
/* NaN where there is nothing to average. */
struct scores {
    size_t planned, measured, correct, weak, faster;
    double geomean, geomean_correct, median, coverage, light;
    double fast_p[FAST_P_COUNT];
};
/* What a measured cell counts: its speedup, at least 1: a wrong or slower kernel falls back to the baseline. */
double score_of(const struct score_cell *cell);
/* The whole interval lies beyond 1.005. */
bool score_is_faster(const struct score_cell *cell);
void scores_compute(const struct score_cell *cells, size_t n, struct scores *ret);
