/* What all series of a device share in a night. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/stats.h"
#include "coordinator/sweep/judge.h"

#define SHARED_LEAST 5 /* series: of fewer the median is one of them, and would be taken out of itself */

/* How far one series is off its own middle in one measurement. */
struct offset {
    int64_t night_s;
    double off, weight;
};

static int compare_nights(const void *a, const void *b) {
    const struct offset *x = a, *y = b;
    if (x->night_s != y->night_s) return x->night_s < y->night_s ? -1 : 1;
    return (x->off > y->off) - (x->off < y->off);
}

static bool usable(const struct sweep_point *point) {
    return !(point->flags & POINT_BUSY) && isfinite(point->time_ns) && point->time_ns > 0;
}

/* Adds the offsets of one series. Quiet series weigh more: one that strays by 7 % says nothing of a device's 1 %. The
 * noise is taken from one night to the next, which a change of level does not blow up. */
static size_t add_series(const struct sweep_point *points, size_t count, struct offset *into) {
    CLEANUP_FREE double *logs = xmalloc((count ? count : 1) * sizeof *logs);
    CLEANUP_FREE double *steps = xmalloc((count ? count : 1) * sizeof *steps);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (usable(&points[i])) {
            into[n].night_s = points[i].night_s;
            logs[n++] = log(points[i].time_ns);
        }
    for (size_t i = 0; i + 1 < n; i++) steps[i] = fabs(logs[i + 1] - logs[i]);
    double middle = stats_median(logs, n), step = n > 1 ? stats_median(steps, n - 1) : 0.01;
    for (size_t i = 0; i < n; i++) {
        into[i].off = logs[i] - middle;
        into[i].weight = 1 / fmax(step, 0.002);
    }
    return n;
}

/* All offsets, by night, then by size. The caller frees. */
static struct offset *offsets(struct sweep_point *const *series, const size_t *counts, size_t series_count,
                              size_t *ret_count) {
    size_t total = 0, n = 0;
    for (size_t i = 0; i < series_count; i++) total += counts[i];
    struct offset *all = xmalloc((total ? total : 1) * sizeof *all);
    for (size_t i = 0; i < series_count; i++) n += add_series(series[i], counts[i], all + n);
    qsort(all, n, sizeof *all, compare_nights);
    *ret_count = n;
    return all;
}

/* Weighted median of one night's offsets, in order. */
static double middle_of(const struct offset *night, size_t count) {
    double half = 0, sum = 0;
    for (size_t i = 0; i < count; i++) half += night[i].weight / 2;
    for (size_t i = 0; i < count; i++) {
        sum += night[i].weight;
        if (sum >= half) return night[i].off;
    }
    return 0;
}

static size_t night_end(const struct offset *all, size_t count, size_t from) {
    size_t end = from + 1;
    while (end < count && all[end].night_s == all[from].night_s) end++;
    return end;
}

void judge_common(struct sweep_point *const *series, const size_t *counts, size_t series_count) {
    size_t count;
    CLEANUP_FREE struct offset *all = offsets(series, counts, series_count, &count);
    for (size_t i = 0; i < series_count; i++)
        for (size_t k = 0; k < counts[i]; k++) series[i][k].common = 0;
    for (size_t from = 0, end; from < count; from = end) {
        end = night_end(all, count, from);
        if (end - from < SHARED_LEAST) continue;
        double common = middle_of(all + from, end - from);
        for (size_t i = 0; i < series_count; i++)
            for (size_t k = 0; k < counts[i]; k++)
                if (series[i][k].night_s == all[from].night_s) series[i][k].common = common;
    }
}

/* Whether most of the series that were measured in a night begin a level with it. */
static bool levels_begin(struct sweep_point *const *series, const size_t *counts, size_t series_count,
                         int64_t night_s) {
    size_t measured = 0, begun = 0;
    for (size_t i = 0; i < series_count; i++)
        for (size_t k = 0; k < counts[i]; k++) {
            if (series[i][k].night_s != night_s) continue;
            measured += !(series[i][k].flags & POINT_AGAIN);
            begun += (series[i][k].flags & POINT_LEVEL) != 0;
        }
    return 2 * begun > measured;
}

struct sweep_point *judge_device_series(struct sweep_point *const *series, const size_t *counts, size_t series_count,
                                        size_t *ret_count) {
    size_t count, n = 0;
    CLEANUP_FREE struct offset *all = offsets(series, counts, series_count, &count);
    struct sweep_point *nights = xcalloc(count ? count : 1, sizeof *nights);
    for (size_t from = 0, end; from < count; from = end) {
        end = night_end(all, count, from);
        if (end - from < SHARED_LEAST) continue;
        double level = exp(middle_of(all + from, end - from));
        nights[n++] = (struct sweep_point){
            .night_s = all[from].night_s, .time_ns = level, .low_ns = level, .high_ns = level, .kernel = ""};
    }
    for (size_t i = 0; i < n; i++) {
        if (series_count > 0 && counts[0] > 0) nights[i].device = series[0][0].device;
        if (levels_begin(series, counts, series_count, nights[i].night_s)) nights[i].flags = POINT_LEVEL;
    }
    *ret_count = n;
    return nights;
}
