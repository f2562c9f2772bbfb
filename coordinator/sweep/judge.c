/* One series: where its level of late stands against its norm. docs/sweep.md, Regressions, has the method in words.
 *
 * Everything is reckoned in logarithms of times, less what the device as a whole was slower by where that makes the
 * series quieter: a share is then a difference, and slower and faster are alike. */
#include "coordinator/sweep/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/stats.h"

#define NIGHTS_MAX (2 * JUDGE_WINDOW_MAX + JUDGE_RECENT_MAX)
#define NOISE_LEAST 0.002 /* a clock and a scheduler are never quieter, night over night */
#define LEVEL_NOISE 0.1   /* levels wander from week to week by this share of the noise of a night */
#define STILL_SHARE 0.5   /* tonight must show so much of the change that nights before it tell of */
#define RANK_ALPHA 0.05   /* of the second witness, where the nights suffice for it */
#define LEVEL_NIGHTS 5    /* of a level that has begun, before it is judged by itself */
#define BAND_DEVIATIONS 3.0

const struct judge_config judge_defaults = {
    .window = 30, .min_nights = 10, .recent_max = 15, .min_effect = 0.02, .alpha = 0.1};

const char *judge_config_check(const struct judge_config *config) {
    if (config->min_nights < 3) return "min_nights is 3 or more: two nights say nothing of the noise";
    if (config->window < config->min_nights || config->window > JUDGE_WINDOW_MAX)
        return "window is from min_nights to 60 nights";
    if (config->recent_max < 1 || config->recent_max > JUDGE_RECENT_MAX) return "recent_max is from 1 to 21 nights";
    if (!(config->min_effect >= 0.001 && config->min_effect <= 1)) return "min_effect is a share from 0.001 to 1";
    if (!(config->alpha > 0 && config->alpha <= 0.5)) return "alpha is above 0, and 0.5 at most";
    return NULL;
}

/* The nights of a series, oldest first. */
struct nights {
    double raw[NIGHTS_MAX], common[NIGHTS_MAX]; /* logarithms */
    double value[NIGHTS_MAX];                   /* raw, or raw less common */
    bool begins[NIGHTS_MAX];                    /* a level begins here */
    size_t count, level;                        /* level: where the latest one begins */
};

/* A night's points (several when it was measured again) as one: the one nearest to `norm` where that is a number, so
 * that a change has to show in all of them; else their median. */
static double night_of(const struct sweep_point *points, size_t count, double norm, double *ret_common) {
    CLEANUP_FREE double *logs = xmalloc(count * sizeof *logs);
    double near = NAN;
    for (size_t i = 0; i < count; i++) {
        logs[i] = log(points[i].time_ns);
        double off = logs[i] - points[i].common - norm;
        if (isnan(near) || fabs(off) < fabs(near - points[i].common - norm)) near = logs[i];
    }
    *ret_common = points[0].common;
    return isnan(norm) ? stats_median(logs, count) : near;
}

static bool usable(const struct sweep_point *point) {
    return !(point->flags & POINT_BUSY) && isfinite(point->time_ns) && point->time_ns > 0 && isfinite(point->common);
}

/* Points without those of busy nights; *ret_count of them. The caller frees. */
static struct sweep_point *usable_points(const struct sweep_point *points, size_t count, size_t *ret_count) {
    struct sweep_point *kept = xmalloc((count ? count : 1) * sizeof *kept);
    size_t n = 0;
    unsigned level = 0; /* a level that begins in a night left out begins in the next one */
    for (size_t i = 0; i < count; i++) {
        level |= points[i].flags & POINT_LEVEL;
        if (!usable(&points[i])) continue;
        kept[n] = points[i];
        kept[n++].flags |= level;
        level = 0;
    }
    *ret_count = n;
    return kept;
}

static size_t same_night(const struct sweep_point *points, size_t count, size_t from) {
    size_t end = from + 1;
    while (end < count && points[end].night_s == points[from].night_s) end++;
    return end;
}

/* The latest NIGHTS_MAX nights. The last one is read against the median of those before it. */
static void collect(const struct sweep_point *points, size_t count, struct nights *ret) {
    size_t total = 0, at = 0;
    *ret = (struct nights){0};
    for (size_t i = 0; i < count; i = same_night(points, count, i)) total++;
    for (size_t i = 0, end; i < count; i = end, at++) {
        end = same_night(points, count, i);
        if (total - at > NIGHTS_MAX) continue;
        size_t n = ret->count++;
        double norm = NAN;
        if (end == count && n > ret->level) norm = stats_median(ret->value + ret->level, n - ret->level);
        ret->raw[n] = night_of(points + i, end - i, norm, &ret->common[n]);
        ret->value[n] = ret->raw[n] - ret->common[n];
        for (size_t k = i; k < end; k++) ret->begins[n] |= (points[k].flags & POINT_LEVEL) != 0;
        if (ret->begins[n]) ret->level = n;
    }
}

static double level_of(const double *x, size_t n) {
    return n <= 64 ? stats_hodges_lehmann(x, n, 0.5).estimate : stats_median(x, n);
}

/* Noise of a night in [from, to): the nights of each level about its own level. A level of one or two nights says
 * little of its noise and is left out. *ret_count: how many nights it is from. */
static double noise_of(const struct nights *nights, const double *value, size_t from, size_t to, size_t *ret_count) {
    double off[NIGHTS_MAX];
    size_t n = 0, levels = 0;
    for (size_t begin = from, end; begin < to; begin = end) {
        for (end = begin + 1; end < to && !nights->begins[end]; end++) {
        }
        if (end - begin < 3) continue;
        double level = level_of(value + begin, end - begin);
        for (size_t i = begin; i < end; i++) off[n++] = value[i] - level;
        levels++;
    }
    *ret_count = n > levels ? n - levels + 1 : n;
    return n < 3 ? NAN : stats_robust_deviation(off, n) * sqrt((double)(n - 1) / (double)(*ret_count - 1));
}

/* Take out what the device shares where that leaves less noise; decided by nights that are not judged. */
static void choose_values(struct nights *nights, size_t to) {
    size_t n;
    double without = noise_of(nights, nights->value, 0, to, &n), with = noise_of(nights, nights->raw, 0, to, &n);
    if (!(with <= without)) return;
    memcpy(nights->value, nights->raw, sizeof nights->value);
}

/* The latest `recent` nights against the norm before them. Leaves *ret where they say less than it does. */
static void judge_recent(const struct nights *nights, size_t recent, size_t tried, const struct judge_config *config,
                         struct judge_result *ret) {
    size_t split = nights->count - recent;
    size_t window = (size_t)config->window;
    size_t from = split - nights->level > window ? split - window : nights->level;
    size_t n = split - from, counted;
    size_t noise_from = split > window ? split - window : 0;
    double norm = level_of(nights->value + from, n);
    double noise = fmax(NOISE_LEAST, noise_of(nights, nights->value, noise_from, split, &counted));
    double effect = level_of(nights->value + split, recent) - norm;
    double error = noise * sqrt(1.0 / (double)recent + 1.0 / (double)n + LEVEL_NOISE * LEVEL_NOISE);
    double score = effect / error;
    /* The lengths tried share most of their nights: they count as the square root of their number of tests. */
    double p = fmin(1, stats_student_two_sided(score, counted > 2 ? (int)counted - 1 : 1) * sqrt((double)tried));
    bool first = ret->nights == 0;
    if (first || p < ret->p_value || (p == ret->p_value && fabs(score) > fabs(ret->score)))
        *ret = (struct judge_result){.verdict = JUDGE_NONE,
                                     .effect = expm1(effect),
                                     .p_value = p,
                                     .score = score,
                                     .norm_ns = exp(level_of(nights->raw + from, n)),
                                     .band = expm1(BAND_DEVIATIONS * noise),
                                     .nights = (int)n,
                                     .recent = (int)recent};
}

/* The rank test as second witness: no assumption of how the noise is distributed. As strict as RANK_ALPHA, or as the
 * nights allow. */
static bool ranks_agree(const struct nights *nights, const struct judge_result *result) {
    double recent[NIGHTS_MAX], norm[NIGHTS_MAX];
    size_t m = (size_t)result->recent, n = (size_t)result->nights, split = nights->count - m;
    double sign = result->effect > 0 ? 1 : -1;
    for (size_t i = 0; i < m; i++) recent[i] = sign * nights->value[split + i];
    for (size_t i = 0; i < n; i++) norm[i] = sign * nights->value[split - n + i];
    double strictest = 1; /* 1 / C(m + n, m) */
    for (size_t i = 1; i <= m; i++) strictest *= (double)i / (double)(n + i);
    return stats_rank_sum_above(recent, m, norm, n) <= fmax(RANK_ALPHA, strictest * (1 + 1e-9));
}

/* Tonight itself shows the change, so that what was over before tonight is not told of. */
static bool still_there(const struct nights *nights, const struct judge_result *result) {
    size_t split = nights->count - (size_t)result->recent;
    double norm = level_of(nights->value + split - result->nights, (size_t)result->nights);
    return (nights->value[nights->count - 1] - norm) / log1p(result->effect) >= STILL_SHARE;
}

/* Lengths that are tried: 1, 2, 3, 5, 9, 15 nights. */
static size_t next_length(size_t length) {
    return length < 3 ? length + 1 : (5 * length + 2) / 3;
}

void judge_series(const struct sweep_point *points, size_t count, const struct judge_config *config,
                  struct judge_result *ret) {
    *ret = (struct judge_result){.verdict = JUDGE_TOO_FEW, .p_value = 1, .norm_ns = NAN};
    size_t n;
    CLEANUP_FREE struct sweep_point *kept = usable_points(points, count, &n);
    /* a busy last night is no night: what it might show is seen in the next one */
    if (n == 0 || kept[n - 1].night_s != points[count - 1].night_s) return;
    CLEANUP_FREE struct nights *nights = xmalloc(sizeof *nights);
    collect(kept, n, nights);
    size_t norm_least = (size_t)config->min_nights, tried = 0;
    /* a level that has just begun is compared by itself as soon as it has a few nights: how noisy the series is, is
     * known */
    if (nights->level > norm_least) norm_least = LEVEL_NIGHTS;
    size_t room = nights->count - nights->level;
    if (room < norm_least + 1) return;
    for (size_t k = 1; k <= (size_t)config->recent_max && room >= norm_least + k; k = next_length(k)) tried++;
    choose_values(nights, nights->count - 1);
    for (size_t k = 1, i = 0; i < tried; i++, k = next_length(k)) judge_recent(nights, k, tried, config, ret);
    bool suspect = ret->p_value <= config->alpha && fabs(ret->effect) >= config->min_effect &&
                   still_there(nights, ret) && ranks_agree(nights, ret);
    ret->verdict = !suspect ? JUDGE_NONE : ret->effect > 0 ? JUDGE_SUSPECT_SLOWER : JUDGE_SUSPECT_FASTER;
    if (!suspect) ret->recent = 0;
}

struct ranked {
    double p;
    size_t index;
};
static int compare_ranked(const void *a, const void *b) {
    double x = ((const struct ranked *)a)->p, y = ((const struct ranked *)b)->p;
    return (x > y) - (x < y);
}

/* Benjamini & Hochberg, "Controlling the False Discovery Rate" (1995): with the tests in order of p, all up to the last
 * one whose p is at most alpha * rank / tests. */
size_t judge_night(struct judge_result *results, size_t count, const struct judge_config *config) {
    CLEANUP_FREE struct ranked *ranked = xmalloc((count ? count : 1) * sizeof *ranked);
    size_t suspects = 0, tests = 0, passed = 0;
    for (size_t i = 0; i < count; i++) {
        tests += results[i].verdict != JUDGE_TOO_FEW;
        if (results[i].verdict >= JUDGE_SUSPECT_SLOWER) ranked[suspects++] = (struct ranked){results[i].p_value, i};
    }
    qsort(ranked, suspects, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < suspects; i++)
        if (ranked[i].p <= config->alpha * (double)(i + 1) / (double)tests) passed = i + 1;
    for (size_t i = passed; i < suspects; i++) {
        results[ranked[i].index].verdict = JUDGE_NONE;
        results[ranked[i].index].recent = 0;
    }
    return passed;
}
