/* Sixty nights of a sweep over four devices, made of what real drivers did when nothing had changed (tests/data/aa),
 * with changes put in on purpose: what the judge is tuned and judged on. Everything follows from the seed. */
#pragma once
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/stats.h"
#include "coordinator/sweep/night.h"

#define NIGHTS 60
#define NIGHTS_DEVICES 4
#define NIGHTS_KERNELS 20
#define NIGHTS_SERIES (NIGHTS_DEVICES * NIGHTS_KERNELS)
#define NIGHTS_DAY_S 86400
#define NIGHTS_EVENTS_MAX (8 * NIGHTS_SERIES)
#define NIGHTS_RECORDINGS_MAX 64
#define NIGHTS_LENGTH_MAX 256
#define NIGHTS_DRIFT_LENGTH 25

/* One recorded series: times of the same kernel on the same driver, fresh processes each, relative to their median. */
struct nights_recording {
    char driver[16], kernel[48];
    double off[NIGHTS_LENGTH_MAX]; /* logarithms */
    size_t count;
};
enum nights_kind { NIGHTS_SINGLE, NIGHTS_EVERYWHERE, NIGHTS_DRIVER, NIGHTS_DRIFT };
static const char *const nights_kinds[] = {"one kernel", "one kernel everywhere", "driver changed", "drifting node"};
struct nights_event {
    int series, night;
    enum nights_kind kind;
    double size; /* share; < 0 faster */
};
struct nights_alarm {
    int series, night, begins; /* begins: the night that the new level is said to begin with */
    bool faster;
    enum cause cause;
};
struct nights {
    struct nights_recording recordings[NIGHTS_RECORDINGS_MAX];
    size_t recording_count;
    uint64_t random;
    double first[NIGHTS_SERIES][NIGHTS], again[NIGHTS_SERIES][NIGHTS]; /* ns */
    const char *driver[NIGHTS_DEVICES][NIGHTS];
    struct nights_event events[NIGHTS_EVENTS_MAX];
    size_t event_count;
    struct nights_alarm alarms[NIGHTS_EVENTS_MAX];
    size_t alarm_count;
    long measured_again; /* in all nights */
};

static inline uint64_t nights_random(struct nights *w) {
    uint64_t x = (w->random += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
static inline double nights_uniform(struct nights *w) {
    return (double)(nights_random(w) >> 11) * 0x1p-53;
}
static inline int nights_below(struct nights *w, int n) {
    return (int)(nights_uniform(w) * n);
}
static inline double nights_normal(struct nights *w) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += nights_uniform(w);
    return sum;
}

/* Lines "driver kernel time_ns", in the order of recording; # begins a comment. -1 when there is nothing. */
static inline int nights_load(struct nights *w, const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    char line[256], driver[16], kernel[48];
    double time_ns;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' || sscanf(line, "%15s %47s %lf", driver, kernel, &time_ns) != 3) continue;
        size_t i = 0;
        while (i < w->recording_count &&
               (strcmp(w->recordings[i].driver, driver) != 0 || strcmp(w->recordings[i].kernel, kernel) != 0))
            i++;
        if (i == NIGHTS_RECORDINGS_MAX) continue;
        struct nights_recording *r = &w->recordings[i];
        if (i == w->recording_count) {
            w->recording_count++;
            snprintf(r->driver, sizeof r->driver, "%s", driver);
            snprintf(r->kernel, sizeof r->kernel, "%s", kernel);
        }
        if (r->count < NIGHTS_LENGTH_MAX) r->off[r->count++] = log(time_ns);
    }
    fclose(file);
    for (size_t i = 0; i < w->recording_count; i++) {
        double middle = stats_median(w->recordings[i].off, w->recordings[i].count);
        for (size_t k = 0; k < w->recordings[i].count; k++) w->recordings[i].off[k] -= middle;
    }
    return w->recording_count ? 0 : -1;
}

static const struct {
    const char *node, *driver;
} nights_devices[NIGHTS_DEVICES] = {
    {"anchor", "pocl"}, {"beacon", "intel"}, {"compass", "llvmpipe"}, {"dory", "intel"}};

/* Noise of a night from the recordings of the device's driver: each night begins at a place of its own, the same part
 * of the way through the recordings of all series of the device, so that what they had in common stays common; the
 * second measurement is the record that followed. */
static inline void nights_noise(struct nights *w, int device) {
    size_t mine[NIGHTS_RECORDINGS_MAX], n = 0;
    for (size_t i = 0; i < w->recording_count; i++)
        if (strcmp(w->recordings[i].driver, nights_devices[device].driver) == 0) mine[n++] = i;
    for (int k = 0; k < NIGHTS_KERNELS && n > 0; k++) {
        double base = exp(11 + 6 * nights_uniform(w));
        for (int t = 0; t < NIGHTS; t++) w->first[device * NIGHTS_KERNELS + k][t] = base;
    }
    for (int t = 0; t < NIGHTS && n > 0; t++) {
        double at = nights_uniform(w);
        for (int k = 0; k < NIGHTS_KERNELS; k++) {
            const struct nights_recording *r = &w->recordings[mine[(size_t)k % n]];
            size_t i = (size_t)(at * (double)r->count) + 7 * ((size_t)k / n);
            int s = device * NIGHTS_KERNELS + k;
            w->again[s][t] = w->first[s][t] * exp(r->off[(i + 1) % r->count]);
            w->first[s][t] *= exp(r->off[i % r->count]);
        }
    }
}

static inline void nights_add(struct nights *w, int series, int night, enum nights_kind kind, double size) {
    if (w->event_count < NIGHTS_EVENTS_MAX)
        w->events[w->event_count++] = (struct nights_event){series, night, kind, size};
    for (int t = night; t < NIGHTS; t++) {
        double part = kind == NIGHTS_DRIFT ? fmin(1, (double)(t - night + 1) / NIGHTS_DRIFT_LENGTH) : 1;
        w->first[series][t] *= exp(part * log1p(size));
        w->again[series][t] *= exp(part * log1p(size));
    }
}

static const double nights_sizes[] = {0.03, 0.05, 0.08, 0.12, 0.20};
#define NIGHTS_SIZES (sizeof nights_sizes / sizeof *nights_sizes)

/* What happens: of each size three kernels on one device, one kernel everywhere, a driver that changes (each kernel
 * its own way), a node that drifts by 12 %. Kernels 0 to 14 are for the single ones, 15 to 19 for those everywhere. */
static inline void nights_events(struct nights *w) {
    bool used[NIGHTS_SERIES] = {false};
    for (size_t z = 0; z < NIGHTS_SIZES; z++)
        for (int i = 0; i < 3; i++) {
            int s;
            do s = nights_below(w, NIGHTS_DEVICES) * NIGHTS_KERNELS + nights_below(w, 15);
            while (used[s]);
            used[s] = true;
            nights_add(w, s, 15 + nights_below(w, 36), NIGHTS_SINGLE, nights_sizes[z]);
        }
    int everywhere = 15 + nights_below(w, 5), night = 15 + nights_below(w, 36);
    double size = nights_sizes[nights_below(w, NIGHTS_SIZES)];
    for (int d = 0; d < NIGHTS_DEVICES; d++)
        nights_add(w, d * NIGHTS_KERNELS + everywhere, night, NIGHTS_EVERYWHERE, size);
    int changed = nights_below(w, 3);
    night = 20 + nights_below(w, 26);
    double shared = 0.04 * nights_normal(w);
    for (int t = 0; t < NIGHTS; t++)
        for (int d = 0; d < NIGHTS_DEVICES; d++) w->driver[d][t] = d == changed && t >= night ? "2.0" : "1.0";
    for (int k = 0; k < NIGHTS_KERNELS; k++)
        nights_add(w, changed * NIGHTS_KERNELS + k, night, NIGHTS_DRIVER, expm1(shared + 0.04 * nights_normal(w)));
    night = 15 + nights_below(w, 15);
    for (int k = 0; k < NIGHTS_KERNELS; k++) nights_add(w, 3 * NIGHTS_KERNELS + k, night, NIGHTS_DRIFT, 0.12);
}

/* `recordings` stay; `changes` false: nothing happens at all. */
static inline void nights_make(struct nights *w, uint64_t seed, bool changes) {
    w->random = seed;
    w->event_count = w->alarm_count = 0;
    w->measured_again = 0;
    for (int d = 0; d < NIGHTS_DEVICES; d++) {
        for (int t = 0; t < NIGHTS; t++) w->driver[d][t] = "1.0";
        nights_noise(w, d);
    }
    if (changes) nights_events(w);
}

static inline void nights_name(struct series *series, int s) {
    int d = s / NIGHTS_KERNELS;
    snprintf(series->key.node, sizeof series->key.node, "%s", nights_devices[d].node);
    snprintf(series->key.device, sizeof series->key.device, "%s-cpu", nights_devices[d].driver);
    snprintf(series->key.target, sizeof series->key.target, "%s-cpu", nights_devices[d].driver);
    snprintf(series->key.problem, sizeof series->key.problem, "problem-%02d", s % NIGHTS_KERNELS);
    snprintf(series->key.kernel, sizeof series->key.kernel, "kernel-%02d", s % NIGHTS_KERNELS);
    strcpy(series->key.size, "full");
    strcpy(series->key.role, "candidate");
}

static inline void nights_measure(struct nights *w, struct series *series, int s, int night, bool again) {
    double time_ns = again ? w->again[s][night] : w->first[s][night];
    series->points[series->count++] = (struct sweep_point){.night_s = (int64_t)(night + 1) * NIGHTS_DAY_S,
                                                           .device = series->key.device,
                                                           .kernel = series->key.kernel,
                                                           .time_ns = time_ns,
                                                           .low_ns = time_ns,
                                                           .high_ns = time_ns,
                                                           .driver = w->driver[s / NIGHTS_KERNELS][night],
                                                           .text_hash = "",
                                                           .flags = again ? POINT_AGAIN : 0};
}

static inline void nights_alarms(struct nights *w, const struct series_set *set, const struct night_findings *findings,
                                 int night) {
    for (size_t f = 0; f < findings->count; f++)
        for (size_t i = 0; i < findings->items[f].series_count && w->alarm_count < NIGHTS_EVENTS_MAX; i++) {
            size_t s = findings->items[f].series[i];
            const struct judge_result *result = &set->items[s].result;
            w->alarms[w->alarm_count++] = (struct nights_alarm){
                .series = (int)s,
                .night = night,
                .begins = night + 1 - (result->recent > 0 ? result->recent : 1),
                .faster = result->effect < 0,
                .cause = findings->items[f].cause,
            };
        }
}

/* Go through the nights as a coordinator does: measure, judge, measure the suspects again, judge, tell. */
static inline void nights_run(struct nights *w, const struct judge_config *config) {
    struct series *items = xcalloc(NIGHTS_SERIES, sizeof *items);
    struct series_set set = {items, NIGHTS_SERIES};
    for (int s = 0; s < NIGHTS_SERIES; s++) {
        items[s].points = xcalloc(2 * NIGHTS, sizeof *items[s].points);
        nights_name(&items[s], s);
    }
    for (int t = 0; t < NIGHTS; t++) {
        int64_t night_s = (int64_t)(t + 1) * NIGHTS_DAY_S;
        for (int s = 0; s < NIGHTS_SERIES; s++) nights_measure(w, &items[s], s, t, false);
        w->measured_again += (long)night_first(&set, night_s, config, NIGHTS_SERIES);
        for (int s = 0; s < NIGHTS_SERIES; s++)
            if (items[s].again) nights_measure(w, &items[s], s, t, true);
        struct night_findings findings;
        night_conclude(&set, night_s, config, &findings);
        nights_alarms(w, &set, &findings, t);
        night_findings_done(&findings);
    }
    for (int s = 0; s < NIGHTS_SERIES; s++) free(items[s].points);
    free(items);
}

/* --- scores ----------------------------------------------------------------------------------- */
#define NIGHTS_LATE 20         /* an alarm so many nights after the change has still found it */
#define NIGHTS_NEGLIGIBLE 0.03 /* a smaller change of a new driver counts neither as found nor as missed */
struct nights_score {
    int found[NIGHTS_SIZES], missed[NIGHTS_SIZES]; /* single kernels and those everywhere, by size */
    int kind_found[4], kind_missed[4];             /* by enum nights_kind */
    int false_alarms;
    double delay; /* nights, summed over what was found; not of drifts */
    int delays;
};

static inline bool nights_matches(const struct nights_event *e, const struct nights_alarm *a) {
    int late = e->kind == NIGHTS_DRIFT ? NIGHTS : NIGHTS_LATE;
    return e->series == a->series && a->night >= e->night && a->night <= e->night + late && a->faster == (e->size < 0);
}

static inline void nights_score(const struct nights *w, struct nights_score *ret) {
    for (size_t e = 0; e < w->event_count; e++) {
        const struct nights_event *event = &w->events[e];
        if (fabs(event->size) < NIGHTS_NEGLIGIBLE - 1e-9) continue;
        int found = -1;
        for (size_t a = 0; a < w->alarm_count && found < 0; a++)
            if (nights_matches(event, &w->alarms[a])) found = w->alarms[a].night;
        *(found >= 0 ? &ret->kind_found[event->kind] : &ret->kind_missed[event->kind]) += 1;
        if (found >= 0 && event->kind != NIGHTS_DRIFT) ret->delay += found - event->night, ret->delays++;
        for (size_t z = 0; z < NIGHTS_SIZES && event->kind <= NIGHTS_EVERYWHERE; z++)
            if (event->size == nights_sizes[z]) *(found >= 0 ? &ret->found[z] : &ret->missed[z]) += 1;
    }
    for (size_t a = 0; a < w->alarm_count; a++) {
        bool meant = false;
        for (size_t e = 0; e < w->event_count && !meant; e++) meant = nights_matches(&w->events[e], &w->alarms[a]);
        ret->false_alarms += !meant;
    }
}
