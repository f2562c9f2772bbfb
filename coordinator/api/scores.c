#include "coordinator/api/scores.h"

#include <math.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/stats.h"
#include "coordinator/accept/verdicts.h"

const double fast_p_levels[FAST_P_COUNT] = {0.5, 0.8, 1, 1.5, 2};

double score_of(const struct score_cell *cell) {
    return cell->correct && cell->has_speedup && cell->speedup > 1 ? cell->speedup : 1;
}

bool score_is_faster(const struct score_cell *cell) {
    return cell->correct && cell->has_speedup && cell->speedup_low > 1 + FASTER_MARGIN;
}

struct lists {
    double *score, *speedup, *light;
    size_t scores, speedups, lights;
};

static void gather(const struct score_cell *cell, struct lists *lists, struct scores *ret) {
    ret->measured += cell->measured;
    ret->correct += cell->measured && cell->correct;
    ret->weak += cell->measured && cell->weak;
    if (!cell->measured || cell->weak) return;
    ret->faster += score_is_faster(cell);
    lists->score[lists->scores++] = score_of(cell);
    if (cell->correct && cell->has_speedup) {
        lists->speedup[lists->speedups++] = cell->speedup;
        for (int p = 0; p < FAST_P_COUNT; p++) ret->fast_p[p] += cell->speedup > fast_p_levels[p];
    }
    if (cell->correct && cell->has_light && cell->light > 0) lists->light[lists->lights++] = cell->light;
}

void scores_compute(const struct score_cell *cells, size_t n, struct scores *ret) {
    CLEANUP_FREE double *memory = xcalloc(3 * n + 1, sizeof *memory);
    struct lists lists = {.score = memory, .speedup = memory + n, .light = memory + 2 * n};
    *ret = (struct scores){.planned = n};
    for (size_t i = 0; i < n; i++) gather(&cells[i], &lists, ret);
    for (int p = 0; p < FAST_P_COUNT; p++) ret->fast_p[p] = lists.scores ? ret->fast_p[p] / (double)lists.scores : NAN;
    ret->coverage = n ? (double)ret->measured / (double)n : NAN;
    ret->geomean = lists.scores ? stats_geomean(lists.score, lists.scores) : NAN;
    ret->geomean_correct = lists.speedups ? stats_geomean(lists.speedup, lists.speedups) : NAN;
    ret->median = lists.scores ? stats_median(lists.score, lists.scores) : NAN;
    ret->light = lists.lights ? stats_geomean(lists.light, lists.lights) : NAN;
}
