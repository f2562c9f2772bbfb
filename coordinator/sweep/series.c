/* Between the store's rows and the judge's points. */
#include "coordinator/sweep/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "coordinator/sweep/readings.h"

#define SERIES_MAX 20000 /* of a sweep: more are not judged, and said so */

int series_record(struct core *core, const struct series_source *source, const struct rec_attempt *attempt,
                  struct error *err) {
    const struct task *task = source->problem ? NULL : core_task(core, attempt->task_id);
    const char *problem = source->problem ? source->problem : task ? task->row.problem : NULL;
    if (!problem) return error_set(err, ERR_INTERNAL, "attempt %s is of no task in memory", attempt->attempt_id);
    struct readings readings;
    readings_of(attempt->samples, &readings);
    for (size_t i = 0; i < attempt->measured.count; i++) {
        const struct rec_measured *m = &attempt->measured.items[i];
        if (!m->has_time_ns_p50 || !(m->time_ns_p50 > 0) || !isfinite(m->time_ns_p50)) continue;
        struct row_series series = {0};
        snprintf(series.problem, sizeof series.problem, "%s", problem);
        snprintf(series.kernel, sizeof series.kernel, "%s", m->kernel);
        snprintf(series.size, sizeof series.size, "%s", m->size);
        snprintf(series.node, sizeof series.node, "%s", attempt->node);
        snprintf(series.device, sizeof series.device, "%s", attempt->device);
        snprintf(series.target, sizeof series.target, "%s", attempt->target);
        snprintf(series.role, sizeof series.role, "%s", m->role);
        if (store_series_put(core->store, source->sweep, &series, err) != 0) return -1;
        bool candidate = strcmp(m->role, "candidate") == 0;
        struct row_point point = {
            .series = series.id,
            .night_s = source->night_s,
            .repetition = source->repetition,
            .time_ns = m->time_ns_p50,
            .low_ns = m->has_time_ns_p10 ? m->time_ns_p10 : m->time_ns_p50,
            .high_ns = m->has_time_ns_p90 ? m->time_ns_p90 : m->time_ns_p50,
            .driver = attempt->driver_version,
            .text_hash = candidate ? attempt->kernel_hash : "",
            .clocks = readings.clocks,
            .clock_mhz = readings.clock_mhz,
            .flags = (*attempt->busy ? POINT_BUSY : 0u) | (source->repetition > 0 ? POINT_AGAIN : 0u),
        };
        if (store_point_put(core->store, &point, err) != 0 ||
            store_points_keep(core->store, series.id, SERIES_NIGHTS_KEPT, err) != 0)
            return -1;
    }
    return 0;
}

/* --- loading ---------------------------------------------------------------------------------- */
struct loading {
    struct series_set *set;
    size_t room;
};

static int add_series(void *context, const struct row_series *row, struct error *err) {
    struct loading *loading = context;
    struct series_set *set = loading->set;
    (void)err;
    if (set->count == SERIES_MAX) return 0;
    if (set->count == loading->room) {
        loading->room = loading->room ? 2 * loading->room : 64;
        set->items = xrealloc(set->items, loading->room * sizeof *set->items);
    }
    struct series *series = &set->items[set->count++];
    *series = (struct series){.id = row->id};
    memcpy(series->key.problem, row->problem, sizeof row->problem);
    memcpy(series->key.kernel, row->kernel, sizeof row->kernel);
    memcpy(series->key.size, row->size, sizeof row->size);
    memcpy(series->key.node, row->node, sizeof row->node);
    memcpy(series->key.device, row->device, sizeof row->device);
    memcpy(series->key.target, row->target, sizeof row->target);
    memcpy(series->key.role, row->role, sizeof row->role);
    return 0;
}

struct filling {
    struct series *series;
    size_t room;
    int nights;
    int64_t night_s;
};

static const char *text_of(struct series *series, const char *text) {
    for (size_t i = 0; i < series->text_count; i++)
        if (strcmp(series->texts[i], text) == 0) return series->texts[i];
    series->texts = xrealloc(series->texts, (series->text_count + 1) * sizeof *series->texts);
    return series->texts[series->text_count++] = xstrdup(text);
}

static int add_point(void *context, const struct row_point *row, struct error *err) {
    struct filling *filling = context;
    struct series *series = filling->series;
    (void)err;
    if (row->night_s != filling->night_s) {
        if (filling->nights-- == 0) return 1;
        filling->night_s = row->night_s;
    }
    if (series->count == filling->room) {
        filling->room = filling->room ? 2 * filling->room : 32;
        series->points = xrealloc(series->points, filling->room * sizeof *series->points);
    }
    series->points[series->count++] = (struct sweep_point){
        .night_s = row->night_s,
        .device = series->key.device,
        .kernel = series->key.kernel,
        .time_ns = row->time_ns,
        .low_ns = row->low_ns,
        .high_ns = row->high_ns,
        .driver = text_of(series, row->driver),
        .text_hash = text_of(series, row->text_hash),
        .clocks = (enum clock_state)row->clocks,
        .clock_mhz = row->clock_mhz,
        .flags = row->flags,
    };
    return 0;
}

static void reverse(struct series *series) {
    for (size_t i = 0, k = series->count; i + 1 < k; i++) {
        struct sweep_point point = series->points[i];
        series->points[i] = series->points[--k];
        series->points[k] = point;
    }
}

static void series_done(struct series *series) {
    for (size_t i = 0; i < series->text_count; i++) free(series->texts[i]);
    free(series->texts);
    free(series->points);
}

void series_set_done(struct series_set *set) {
    for (size_t i = 0; i < set->count; i++) series_done(&set->items[i]);
    free(set->items);
    *set = (struct series_set){0};
}

/* "node/device" into its parts. */
static bool split_device(const char *device, char node[LABEL_SIZE], char within[LABEL_SIZE]) {
    const char *slash = strchr(device, '/');
    if (!slash || slash - device >= LABEL_SIZE || strlen(slash + 1) >= LABEL_SIZE) return false;
    snprintf(node, LABEL_SIZE, "%.*s", (int)(slash - device), device);
    snprintf(within, LABEL_SIZE, "%s", slash + 1);
    return true;
}

int series_load(struct core *core, const char *sweep, const char *device, const char *kernel, int64_t night_s,
                int nights, struct series_set *ret, struct error *err) {
    char node[LABEL_SIZE] = "", within[LABEL_SIZE] = "";
    struct series_set set = {0};
    struct loading loading = {.set = &set};
    *ret = set;
    if (device && !split_device(device, node, within)) return 0;
    if (store_series(core->store, sweep, device ? node : NULL, device ? within : NULL, kernel, add_series, &loading,
                     err) != 0) {
        series_set_done(&set);
        return -1;
    }
    size_t kept = 0;
    for (size_t i = 0; i < set.count; i++) {
        struct series *series = &set.items[i];
        struct filling filling = {.series = series, .nights = nights, .night_s = INT64_MIN};
        if (store_points(core->store, series->id, night_s, add_point, &filling, err) != 0) {
            series_set_done(&set);
            return -1;
        }
        reverse(series);
        /* points name their series by pointers into it */
        if (series->count == 0) {
            series_done(series);
            continue;
        }
        if (kept != i) set.items[kept] = *series;
        kept++;
    }
    set.count = kept;
    for (size_t i = 0; i < kept; i++)
        for (size_t k = 0; k < set.items[i].count; k++) {
            set.items[i].points[k].device = set.items[i].key.device;
            set.items[i].points[k].kernel = set.items[i].key.kernel;
        }
    *ret = set;
    return 0;
}
