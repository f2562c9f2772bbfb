/* A night of a sweep: suspects after the first measurements, findings after the second, with their causes. */
#include "coordinator/sweep/night.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/stats.h"

/* The series of one device, [from, to) of the set. */
struct group {
    size_t from, to;
    struct judge_result result; /* of the device as a whole */
    bool moved;                 /* confirmed */
};

static bool same_device(const struct series *a, const struct series *b) {
    return strcmp(a->key.node, b->key.node) == 0 && strcmp(a->key.device, b->key.device) == 0;
}

/* The caller frees. */
static struct group *groups_of(const struct series_set *set, size_t *ret_count) {
    struct group *groups = xcalloc(set->count ? set->count : 1, sizeof *groups);
    size_t n = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (i == 0 || !same_device(&set->items[i - 1], &set->items[i])) groups[n++].from = i;
        groups[n - 1].to = i + 1;
    }
    *ret_count = n;
    return groups;
}

static bool measured_on(const struct series *series, int64_t night_s) {
    return series->count > 0 && series->points[series->count - 1].night_s == night_s;
}

/* A machine that others use on more nights than this is judged as it always is: by busy nights, against busy nights. */
#define BUSY_USUAL (1.0 / 3)

/* Nights of others are left out where they are the exception. Where they are the rule (`busy: note` on a machine that
 * is never quiet, the devices of `portolan demo`), leaving them out would leave nothing: their noise is the series'
 * own. */
static void admit_busy(struct series_set *set, const struct group *group) {
    size_t busy = 0, all = 0;
    for (size_t i = group->from; i < group->to; i++)
        for (size_t k = 0; k < set->items[i].count; k++, all++)
            busy += (set->items[i].points[k].flags & POINT_BUSY) != 0;
    if ((double)busy <= BUSY_USUAL * (double)all) return;
    for (size_t i = group->from; i < group->to; i++)
        for (size_t k = 0; k < set->items[i].count; k++) set->items[i].points[k].flags &= ~(unsigned)POINT_BUSY;
}

#define DEVICE_NIGHTS 3 /* that a device as a whole has to be slow for, where its driver is the same */

/* Which points of the night count. */
enum round { ROUND_ALL, ROUND_FIRST, ROUND_AGAIN };

static bool of_round(const struct sweep_point *point, int64_t night_s, enum round round) {
    if (round == ROUND_ALL || point->night_s != night_s) return true;
    return ((point->flags & POINT_AGAIN) != 0) == (round == ROUND_AGAIN);
}

static const struct sweep_point *last_of(const struct series *series) {
    return &series->points[series->count - 1];
}

/* The point that the norm ended with, before the new level. */
static const struct sweep_point *norm_of(const struct series *series, int recent) {
    int64_t night = last_of(series)->night_s;
    int left = recent;
    for (size_t k = series->count; k-- > 0;) {
        if (series->points[k].night_s == night) continue;
        night = series->points[k].night_s;
        if (--left <= 0) return &series->points[k];
    }
    return &series->points[0];
}

static bool differ(const char *a, const char *b) {
    return a && b && *a && *b && strcmp(a, b) != 0;
}

/* Whether the driver is another one than on the night before. */
static bool driver_changed(const struct series_set *set, const struct group *group, int64_t night_s) {
    for (size_t i = group->from; i < group->to; i++) {
        const struct series *series = &set->items[i];
        if (measured_on(series, night_s) && differ(norm_of(series, 1)->driver, last_of(series)->driver)) return true;
    }
    return false;
}

/* Judge the device as a whole by one round of the night. The median over its series needs a level of its own for each
 * change of them: a night at which most of its series begin one.
 *
 * What slows a whole device may last as long as a run does (a neighbour, heat), and then both measurements show it: so
 * it has to last for DEVICE_NIGHTS, unless it comes with a new driver. */
static void judge_group(struct series_set *set, const struct group *group, int64_t night_s, enum round round,
                        const struct judge_config *config, struct judge_result *ret) {
    size_t n = group->to - group->from;
    CLEANUP_FREE struct sweep_point **points = xcalloc(n, sizeof *points);
    CLEANUP_FREE size_t *counts = xcalloc(n, sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        const struct series *series = &set->items[group->from + i];
        points[i] = xmalloc((series->count ? series->count : 1) * sizeof **points);
        for (size_t k = 0; k < series->count; k++)
            if (of_round(&series->points[k], night_s, round)) points[i][counts[i]++] = series->points[k];
    }
    size_t nights;
    CLEANUP_FREE struct sweep_point *device = judge_device_series(points, counts, n, &nights);
    for (size_t i = 0; i < n; i++) free(points[i]);
    judge_series(device, nights, config, ret);
    if (nights == 0 || device[nights - 1].night_s != night_s)
        ret->verdict = JUDGE_TOO_FEW;
    else if (ret->recent < DEVICE_NIGHTS && !driver_changed(set, group, night_s))
        ret->verdict = JUDGE_NONE;
}

static void set_common(struct series_set *set, const struct group *group) {
    size_t n = group->to - group->from;
    CLEANUP_FREE struct sweep_point **points = xcalloc(n, sizeof *points);
    CLEANUP_FREE size_t *counts = xcalloc(n, sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        points[i] = set->items[group->from + i].points;
        counts[i] = set->items[group->from + i].count;
    }
    judge_common(points, counts, n);
}

static bool is_suspect(const struct judge_result *result) {
    return result->verdict >= JUDGE_SUSPECT_SLOWER;
}

static void judge_one(struct series *series, int64_t night_s, const struct judge_config *config) {
    if (measured_on(series, night_s))
        judge_series(series->points, series->count, config, &series->result);
    else
        series->result = (struct judge_result){.verdict = JUDGE_TOO_FEW, .p_value = 1, .norm_ns = NAN};
}

struct ranked {
    double p;
    size_t index;
};
static int compare_ranked(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->p != y->p) return x->p > y->p ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Mark what is to be measured again, the clearest first, `room` at most. */
static size_t choose_again(struct series_set *set, size_t from, size_t to, bool device, size_t room) {
    CLEANUP_FREE struct ranked *ranked = xmalloc((to > from ? to - from : 1) * sizeof *ranked);
    size_t n = 0, chosen = 0;
    for (size_t i = from; i < to; i++) {
        const struct judge_result *result = &set->items[i].result;
        if (result->verdict == JUDGE_TOO_FEW || set->items[i].again) continue;
        if (device)
            ranked[n++] = (struct ranked){result->band, i}; /* quiet series are the better witnesses */
        else if (is_suspect(result))
            ranked[n++] = (struct ranked){result->p_value, i};
    }
    qsort(ranked, n, sizeof *ranked, compare_ranked);
    for (; chosen < n && chosen < room && (!device || chosen < NIGHT_AGAIN_OF_DEVICE); chosen++)
        set->items[ranked[chosen].index].again = true;
    return chosen;
}

size_t night_first(struct series_set *set, int64_t night_s, const struct judge_config *config, size_t again_max) {
    size_t count, chosen = 0;
    CLEANUP_FREE struct group *groups = groups_of(set, &count);
    for (size_t i = 0; i < set->count; i++) set->items[i].again = false;
    for (size_t g = 0; g < count; g++) {
        admit_busy(set, &groups[g]);
        set_common(set, &groups[g]);
        judge_group(set, &groups[g], night_s, ROUND_FIRST, config, &groups[g].result);
        for (size_t i = groups[g].from; i < groups[g].to; i++) judge_one(&set->items[i], night_s, config);
    }
    for (size_t g = 0; g < count; g++)
        if (is_suspect(&groups[g].result))
            chosen += choose_again(set, groups[g].from, groups[g].to, true, again_max - chosen);
    return chosen + choose_again(set, 0, set->count, false, again_max - chosen);
}

/* --- the second measurements ------------------------------------------------------------------ */

static bool has_again(const struct series *series, int64_t night_s) {
    for (size_t k = series->count; k-- > 0 && series->points[k].night_s == night_s;)
        if (series->points[k].flags & POINT_AGAIN) return true;
    return false;
}

/* Both rounds have to show a device's change, by themselves. */
static void confirm_group(struct series_set *set, struct group *group, int64_t night_s,
                          const struct judge_config *config) {
    struct judge_result again;
    judge_group(set, group, night_s, ROUND_FIRST, config, &group->result);
    judge_group(set, group, night_s, ROUND_AGAIN, config, &again);
    if (!is_suspect(&group->result) || again.verdict != group->result.verdict)
        group->result.verdict = group->result.verdict == JUDGE_TOO_FEW ? JUDGE_TOO_FEW : JUDGE_NONE;
    else if (again.p_value > group->result.p_value)
        group->result.p_value = again.p_value;
}

/* All results of the night through the correction for their number, and back. */
static void correct(struct series_set *set, struct group *groups, size_t group_count,
                    const struct judge_config *config) {
    size_t total = set->count + group_count;
    CLEANUP_FREE struct judge_result *all = xmalloc((total ? total : 1) * sizeof *all);
    for (size_t i = 0; i < set->count; i++) all[i] = set->items[i].result;
    for (size_t g = 0; g < group_count; g++) all[set->count + g] = groups[g].result;
    judge_night(all, total, config);
    for (size_t i = 0; i < set->count; i++) set->items[i].result = all[i];
    for (size_t g = 0; g < group_count; g++) groups[g].moved = is_suspect(&all[set->count + g]);
}

/* What moved with the device as a whole: the change of a series as it was measured, without taking the common part out.
 */
static double raw_effect(const struct series *series, const struct judge_config *config, int64_t night_s,
                         struct judge_result *ret) {
    CLEANUP_FREE struct sweep_point *points = xmalloc((series->count ? series->count : 1) * sizeof *points);
    memcpy(points, series->points, series->count * sizeof *points);
    for (size_t k = 0; k < series->count; k++) points[k].common = 0;
    if (!measured_on(series, night_s)) return 0;
    judge_series(points, series->count, config, ret);
    return ret->verdict == JUDGE_TOO_FEW ? 0 : ret->effect;
}

#define CLOCK_LOWER 0.97 /* of what it was: less than a few per cent a clock strays by itself */

/* Median clock of the nights before the latest `recent`; NaN where none is known. */
static double clock_before(const struct series *series, int recent) {
    CLEANUP_FREE double *mhz = xmalloc((series->count ? series->count : 1) * sizeof *mhz);
    const struct sweep_point *norm = norm_of(series, recent);
    size_t n = 0;
    for (const struct sweep_point *p = series->points; p <= norm; p++)
        if (p->clock_mhz > 0) mhz[n++] = p->clock_mhz;
    return stats_median(mhz, n);
}

static void set_clocks(const struct series *series, int recent, struct cause_facts *facts) {
    const struct sweep_point *now = last_of(series), *before = norm_of(series, recent);
    double mhz = clock_before(series, recent);
    bool lower = now->clock_mhz > 0 && now->clock_mhz < CLOCK_LOWER * mhz; /* false for NaN */
    if (series->result.effect <= 0) return;
    facts->clocks_low |= lower || (now->clocks == CLOCKS_LOW && before->clocks == CLOCKS_NORMAL);
    if (!lower || facts->clock_now_mhz > 0) return;
    facts->clock_now_mhz = now->clock_mhz;
    facts->clock_before_mhz = mhz;
}

static void set_facts(const struct series *series, int recent, struct cause_facts *facts) {
    const struct sweep_point *now = last_of(series), *before = norm_of(series, recent);
    if (differ(before->driver, now->driver)) {
        facts->driver_changed = true;
        snprintf(facts->driver_before, sizeof facts->driver_before, "%s", before->driver);
        snprintf(facts->driver_now, sizeof facts->driver_now, "%s", now->driver);
    }
    facts->text_changed |= differ(before->text_hash, now->text_hash);
    set_clocks(series, recent, facts);
}

/* A level begins where the judge saw it begin. */
static void begin_level(struct series *series, int recent) {
    int64_t night = last_of(series)->night_s;
    size_t from = series->count;
    for (int left = recent; from > 0; from--) {
        if (series->points[from - 1].night_s != night) {
            if (--left <= 0) break;
            night = series->points[from - 1].night_s;
        }
    }
    if (from < series->count) series->points[from].flags |= POINT_LEVEL;
}

static struct night_finding *add_finding(struct night_findings *into, size_t series_room) {
    into->items = xrealloc(into->items, (into->count + 1) * sizeof *into->items);
    struct night_finding *finding = &into->items[into->count++];
    *finding = (struct night_finding){.series = xcalloc(series_room ? series_room : 1, sizeof *finding->series)};
    return finding;
}

static void name_device(struct night_finding *finding, const struct series *series) {
    snprintf(finding->device, sizeof finding->device, "%s/%s", series->key.node, series->key.device);
}

/* Other devices: whether they moved the same way as this one, or are of the same target elsewhere and did not. */
static void device_peers(const struct series_set *set, const struct group *groups, size_t count, size_t self,
                         struct cause_facts *facts) {
    const struct series_key *key = &set->items[groups[self].from].key;
    bool slower = groups[self].result.effect > 0;
    for (size_t g = 0; g < count; g++) {
        const struct series_key *other = &set->items[groups[g].from].key;
        bool same_way = groups[g].moved && (groups[g].result.effect > 0) == slower;
        facts->devices_measuring++;
        facts->devices_moved += same_way && strcmp(other->node, key->node) != 0;
        if (!groups[g].moved && strcmp(other->target, key->target) == 0 && strcmp(other->node, key->node) != 0)
            facts->peers_in_order++;
    }
    facts->nodes_moved = facts->devices_moved + 1; /* this node's, as one */
}

static int compare_changes(const void *a, const void *b, void *context) {
    const struct series_set *set = context;
    double x = fabs(set->items[*(const size_t *)a].result.effect),
           y = fabs(set->items[*(const size_t *)b].result.effect);
    return (x < y) - (x > y);
}

static void finish(struct series_set *set, struct night_finding *finding) {
    CLEANUP_FREE double *effects = xmalloc((finding->series_count ? finding->series_count : 1) * sizeof *effects);
    for (size_t i = 0; i < finding->series_count; i++) effects[i] = set->items[finding->series[i]].result.effect;
    if (finding->series_count > 0) finding->effect = stats_median(effects, finding->series_count);
    finding->faster = finding->effect < 0;
    qsort_r(finding->series, finding->series_count, sizeof *finding->series, compare_changes, set);
    finding->cause = cause_of(&finding->facts);
}

/* One finding for a device that moved as a whole, with the series that show it. All of them begin a level. */
static void tell_device(struct series_set *set, struct group *groups, size_t count, size_t self, int64_t night_s,
                        const struct judge_config *config, bool *told, struct night_findings *ret) {
    struct group *group = &groups[self];
    struct night_finding *finding = add_finding(ret, group->to - group->from);
    finding->facts.whole_device = true;
    name_device(finding, &set->items[group->from]);
    device_peers(set, groups, count, self, &finding->facts);
    for (size_t i = group->from; i < group->to; i++) {
        struct series *series = &set->items[i];
        struct judge_result raw = {0};
        double effect = raw_effect(series, config, night_s, &raw);
        if (!measured_on(series, night_s)) continue;
        bool own = is_suspect(&series->result) && series->result.effect * group->result.effect > 0;
        if (fabs(effect) >= config->min_effect && effect * group->result.effect > 0) {
            series->result = raw;
            finding->series[finding->series_count++] = i;
            told[i] = true;
            set_facts(series, group->result.recent, &finding->facts);
        } else if (own) {
            told[i] = true;
        }
        begin_level(series, group->result.recent);
    }
    finish(set, finding);
    finding->effect = group->result.effect;
    finding->faster = finding->effect < 0;
}

static bool same_kernel(const struct series_key *a, const struct series_key *b) {
    return strcmp(a->kernel, b->kernel) == 0 && strcmp(a->problem, b->problem) == 0 && strcmp(a->role, b->role) == 0;
}

/* Where else the kernel of series `self` is measured, and whether it moved there. One device counts once, whatever
 * sizes. */
static void kernel_peers(const struct series_set *set, size_t self, struct cause_facts *facts) {
    const struct series *mine = &set->items[self];
    const char *node = "";
    for (size_t i = 0; i < set->count;) {
        const struct series *first = &set->items[i];
        bool measures = false, moved = false;
        for (; i < set->count && same_device(first, &set->items[i]); i++) {
            const struct series *other = &set->items[i];
            if (!same_kernel(&mine->key, &other->key) || other->result.verdict == JUDGE_TOO_FEW) continue;
            measures = true;
            moved |= is_suspect(&other->result) && (other->result.effect > 0) == (mine->result.effect > 0);
        }
        facts->devices_measuring += measures;
        facts->devices_moved += moved;
        facts->nodes_moved += moved && strcmp(node, first->key.node) != 0;
        if (moved) node = first->key.node;
        if (measures && !moved && strcmp(first->key.target, mine->key.target) == 0 &&
            strcmp(first->key.node, mine->key.node) != 0)
            facts->peers_in_order++;
    }
}

/* All series of the same kernel that moved the same way are one finding. */
static void tell_kernel(struct series_set *set, size_t self, bool *told, struct night_findings *ret) {
    struct night_finding *finding = add_finding(ret, set->count - self);
    const struct series *mine = &set->items[self];
    bool several = false;
    kernel_peers(set, self, &finding->facts);
    finding->facts.baselines_only = strcmp(mine->key.role, "baseline") == 0;
    for (size_t i = self; i < set->count; i++) {
        struct series *other = &set->items[i];
        if (told[i] || !is_suspect(&other->result) || !same_kernel(&mine->key, &other->key)) continue;
        if ((other->result.effect > 0) != (mine->result.effect > 0)) continue;
        several |= !same_device(mine, other);
        told[i] = true;
        finding->series[finding->series_count++] = i;
        set_facts(other, other->result.recent, &finding->facts);
        begin_level(other, other->result.recent);
    }
    if (!several) name_device(finding, mine);
    finish(set, finding);
}

void night_conclude(struct series_set *set, int64_t night_s, const struct judge_config *config,
                    struct night_findings *ret) {
    size_t count;
    *ret = (struct night_findings){0};
    CLEANUP_FREE struct group *groups = groups_of(set, &count);
    CLEANUP_FREE bool *told = xcalloc(set->count ? set->count : 1, sizeof *told);
    for (size_t g = 0; g < count; g++) {
        admit_busy(set, &groups[g]);
        set_common(set, &groups[g]);
        confirm_group(set, &groups[g], night_s, config);
    }
    for (size_t i = 0; i < set->count; i++) {
        struct series *series = &set->items[i];
        judge_one(series, night_s, config);
        series->again = has_again(series, night_s);
        ret->suspects += series->again;
        if (!series->again && is_suspect(&series->result)) series->result.verdict = JUDGE_NONE;
    }
    correct(set, groups, count, config);
    for (size_t g = 0; g < count; g++)
        if (groups[g].moved) tell_device(set, groups, count, g, night_s, config, told, ret);
    for (size_t i = 0; i < set->count; i++) {
        if (!told[i] && is_suspect(&set->items[i].result)) tell_kernel(set, i, told, ret);
        ret->dropped += set->items[i].again && !told[i];
    }
}

void night_findings_done(struct night_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) free(findings->items[i].series);
    free(findings->items);
    *findings = (struct night_findings){0};
}
