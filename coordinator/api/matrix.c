/* GET /v1/matrix: problem x target, the best kernel of each. */
#include <math.h>
#include <string.h>

#include "coordinator/accept/verdicts.h"
#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/api/scores.h"
#include "coordinator/plan/promotion.h"
#include "problems/check/precision.h"

struct matrix_cell {
    const char *problem, *target, *size;
    const struct task
        *best; /* the correct one with the highest speedup, else the first with a verdict, else the furthest */
    const struct task *reduced[PRECISION_COUNT]; /* the fastest correct one of each tier of declared precision */
    size_t tasks, results;
    json_t *verdicts;
};
struct matrix {
    struct matrix_cell *cells;
    size_t count;
    struct map *index;
    json_t *verdicts;
    int64_t confirmed, retracted;
    double log_curse; /* sum over the `cursed` ones */
    int64_t cursed;
    struct campaign **views; /* kept until the answer is written */
    size_t view_count;
};

/* --- collecting ------------------------------------------------------------------------------- */
/* The tier of a result: what declares less precision than the problem's is ranked apart. */
static enum precision tier(const struct rec_result *r) {
    int p = r ? precision_from_name(r->precision) : PRECISION_STRICT;
    return p > 0 ? (enum precision)p : PRECISION_STRICT; /* "relaxed" passed the strict checks */
}

static bool is_status(const struct rec_result *r, const char *status) {
    return strcmp(r->status, status) == 0;
}

/* What was confirmed stands before what only looks faster so far: the figures of a confirmed one are no longer
 * flattered by having been chosen. A correct kernel whose promotion found it no faster counts for nothing, and is still
 * correct. */
enum { RANK_OPEN = 1, RANK_ENDED, RANK_REDUCED, RANK_VERDICT, RANK_RETRACTED, RANK_CORRECT, RANK_CONFIRMED };
static int rank_correct(const struct rec_result *r) {
    if (tier(r) != PRECISION_STRICT) return RANK_REDUCED;
    return is_status(r, "confirmed") ? RANK_CONFIRMED : is_status(r, "retracted") ? RANK_RETRACTED : RANK_CORRECT;
}

static int rank(const struct task *task) {
    const struct rec_result *r = task->result;
    if (r && verdict_is_correct(r->verdict)) return rank_correct(r);
    if (r && r->verdict) return RANK_VERDICT;
    if (task->row.state == TASK_NO_DEVICE || task->row.state == TASK_WAITING) return 0;
    return task_state_ended(task->row.state) ? RANK_ENDED : RANK_OPEN;
}

static bool is_faster(const struct task *a, const struct task *b) {
    double x = a->result->has_speedup ? a->result->speedup : 0, y = b->result->has_speedup ? b->result->speedup : 0;
    return x > y;
}

static bool better(const struct task *a, const struct task *b) {
    if (rank(a) != rank(b)) return rank(a) > rank(b);
    if (rank(a) == RANK_OPEN) return a->row.state > b->row.state;
    return (rank(a) > RANK_VERDICT || rank(a) == RANK_REDUCED) && is_faster(a, b);
}

static struct matrix_cell *cell_of(struct matrix *m, const struct task *task) {
    char key[2 * LABEL_SIZE + TARGET_SIZE + 2];
    snprintf(key, sizeof key, "%s\t%s\t%s", task->row.problem, task->row.target, task->row.size);
    size_t at = (size_t)(uintptr_t)map_get(m->index, key);
    if (at) return &m->cells[at - 1];
    m->cells = xrealloc(m->cells, (m->count + 1) * sizeof *m->cells);
    m->cells[m->count] = (struct matrix_cell){
        .problem = task->row.problem, .target = task->row.target, .size = task->row.size, .verdicts = json_object()};
    map_put(m->index, key, (void *)(uintptr_t)(m->count + 1));
    return &m->cells[m->count++];
}

static void count_verdict(json_t *verdicts, const char *verdict) {
    json_object_set_new(verdicts, verdict, json_integer(1 + json_integer_value(json_object_get(verdicts, verdict))));
}

static void count_promotion(struct matrix *m, const struct rec_result *r) {
    m->confirmed += is_status(r, "confirmed");
    m->retracted += is_status(r, "retracted");
    if (!r->has_winners_curse || !(r->winners_curse > 0)) return;
    m->log_curse += log(r->winners_curse);
    m->cursed++;
}

static void add_task(struct matrix *m, const struct task *task) {
    if (task_is_promotion(task)) return; /* its outcome is in its parent's result */
    struct matrix_cell *cell = cell_of(m, task);
    cell->tasks++;
    if (task->result) count_promotion(m, task->result);
    if (task->result && task->result->verdict) {
        cell->results++;
        count_verdict(cell->verdicts, task->result->verdict);
        count_verdict(m->verdicts, task->result->verdict);
    }
    if (!cell->best || better(task, cell->best)) cell->best = task;
    if (rank(task) != RANK_REDUCED) return;
    const struct task **of_tier = &cell->reduced[tier(task->result)];
    if (!*of_tier || is_faster(task, *of_tier)) *of_tier = task;
}

static void add_campaign(struct matrix *m, struct campaign *campaign) {
    m->views = xrealloc(m->views, (m->view_count + 1) * sizeof(struct campaign *));
    m->views[m->view_count++] = campaign;
    for (size_t i = 0; i < campaign->task_count; i++) add_task(m, campaign->tasks[i]);
}

static int by_problem(const void *a, const void *b) {
    const struct matrix_cell *x = a, *y = b;
    int order = strcmp(x->problem, y->problem);
    if (order == 0) order = strcmp(x->target, y->target);
    return order ? order : strcmp(x->size, y->size);
}

/* --- writing ---------------------------------------------------------------------------------- */
static struct score_cell score_cell(const struct matrix_cell *cell) {
    const struct rec_result *r = cell->best->result;
    struct score_cell s = {.measured = r && r->verdict};
    if (!s.measured) return s;
    s.correct = verdict_is_correct(r->verdict) && tier(r) == PRECISION_STRICT && !is_status(r, "retracted");
    s.weak = r->weak_baseline;
    s.has_speedup = r->has_speedup;
    s.speedup = r->speedup;
    s.speedup_low = r->has_speedup_low ? r->speedup_low : 0;
    s.has_light = r->has_speed_of_light;
    s.light = r->speed_of_light;
    return s;
}

/* The best of each tier, apart: no score is made of them. */
static json_t *reduced_json(const struct matrix_cell *cell) {
    json_t *list = json_array();
    for (int p = PRECISION_STRICT + 1; p < PRECISION_COUNT; p++) {
        if (!cell->reduced[p]) continue;
        const struct rec_result *r = cell->reduced[p]->result;
        json_t *item = json_object();
        json_object_set_new(item, "precision", json_string(precision_name((enum precision)p)));
        json_object_set_new(item, "task", json_string(cell->reduced[p]->row.id));
        json_object_set_new(item, "kernel", json_string(cell->reduced[p]->row.kernel));
        json_object_set_new(item, "baseline", json_null_or(r->baseline));
        json_object_set_new(item, "time_ns_p50", json_number_or(r->has_time_ns_p50, r->time_ns_p50));
        json_object_set_new(item, "speedup", json_number_or(r->has_speedup, r->speedup));
        json_object_set_new(item, "speedup_low", json_number_or(r->has_speedup_low, r->speedup_low));
        json_object_set_new(item, "speedup_high", json_number_or(r->has_speedup_high, r->speedup_high));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *cell_json(const struct matrix_cell *cell) {
    struct score_cell score = score_cell(cell);
    json_t *json = json_cell(cell->best);
    static const char *const unwanted[] = {"phase",  "progress",  "attempts", "node", "device",  "changed_ms",
                                           "reason", "result_id", "revision", "kind", "purpose", "parent"};
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++) json_object_del(json, unwanted[i]);
    json_object_set_new(json, "reduced", reduced_json(cell));
    json_object_set(json, "verdicts", cell->verdicts);
    json_object_set_new(json, "tasks", json_integer((json_int_t)cell->tasks));
    json_object_set_new(json, "results", json_integer((json_int_t)cell->results));
    json_object_set_new(json, "score", json_number_or(score.measured, score_of(&score)));
    json_object_set_new(json, "faster", json_boolean(score_is_faster(&score)));
    return json;
}

static json_t *figure(double value) {
    return isnan(value) ? json_null() : json_real(value);
}

/* Cells of the target, and of the size unless it is NULL. */
static json_t *scores_json(const struct matrix *m, const char *target, const char *size) {
    CLEANUP_FREE struct score_cell *cells = xcalloc(m->count + 1, sizeof *cells);
    struct scores scores;
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->cells[i].target, target) == 0 && (!size || strcmp(m->cells[i].size, size) == 0))
            cells[n++] = score_cell(&m->cells[i]);
    scores_compute(cells, n, &scores);
    json_t *json = json_object(), *fast = json_object();
    json_object_set_new(json, "target", json_string(target));
    json_object_set_new(json, "size", size ? json_string(size) : json_null());
    json_object_set_new(json, "planned", json_integer((json_int_t)scores.planned));
    json_object_set_new(json, "measured", json_integer((json_int_t)scores.measured));
    json_object_set_new(json, "correct", json_integer((json_int_t)scores.correct));
    json_object_set_new(json, "weak", json_integer((json_int_t)scores.weak));
    json_object_set_new(json, "faster", json_integer((json_int_t)scores.faster));
    json_object_set_new(json, "geomean", figure(scores.geomean));
    json_object_set_new(json, "geomean_correct", figure(scores.geomean_correct));
    json_object_set_new(json, "median", figure(scores.median));
    for (int p = 0; p < FAST_P_COUNT; p++) {
        char level[16];
        snprintf(level, sizeof level, "%g", fast_p_levels[p]);
        json_object_set_new(fast, level, figure(scores.fast_p[p]));
    }
    json_object_set_new(json, "fast_p", fast);
    json_object_set_new(json, "coverage", figure(scores.coverage));
    json_object_set_new(json, "speed_of_light", figure(scores.light));
    return json;
}

static bool listed(const json_t *array, const char *text) {
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) {
        if (strcmp(json_string_value(item), text) == 0) return true;
    }
    return false;
}

static json_t *all_scores(const struct matrix *m, const json_t *targets) {
    json_t *scores = json_array();
    size_t i;
    json_t *target;
    json_array_foreach(targets, i, target) {
        const char *name = json_string_value(target);
        json_t *sizes = json_array();
        for (size_t c = 0; c < m->count; c++) {
            const struct matrix_cell *cell = &m->cells[c];
            if (strcmp(cell->target, name) != 0 || listed(sizes, cell->size)) continue;
            json_array_append_new(sizes, json_string(cell->size));
            json_array_append_new(scores, scores_json(m, name, cell->size));
        }
        json_array_append_new(scores, scores_json(m, name, NULL));
        json_decref(sizes);
    }
    return scores;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted_names(const struct matrix *m, bool problems) {
    CLEANUP_FREE const char **names = xcalloc(m->count + 1, sizeof *names);
    json_t *array = json_array();
    for (size_t i = 0; i < m->count; i++) names[i] = problems ? m->cells[i].problem : m->cells[i].target;
    qsort(names, m->count, sizeof *names, by_text);
    for (size_t i = 0; i < m->count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0) json_array_append_new(array, json_string(names[i]));
    return array;
}

static json_t *matrix_json(struct matrix *m, const char *campaign) {
    json_t *json = json_object(), *cells = json_array(), *targets = sorted_names(m, false);
    if (m->count) qsort(m->cells, m->count, sizeof *m->cells, by_problem);
    for (size_t i = 0; i < m->count; i++) json_array_append_new(cells, cell_json(&m->cells[i]));
    json_object_set_new(json, "campaign", json_null_or(campaign));
    json_object_set_new(json, "problems", sorted_names(m, true));
    json_object_set_new(json, "targets", targets);
    json_object_set_new(json, "cells", cells);
    json_object_set_new(json, "scores", all_scores(m, targets));
    json_object_set(json, "verdicts", m->verdicts);
    json_object_set_new(
        json, "promotions",
        json_pack("{s:I, s:I, s:o}", "confirmed", (json_int_t)m->confirmed, "retracted", (json_int_t)m->retracted,
                  "winners_curse", m->cursed ? json_real(exp(m->log_curse / (double)m->cursed)) : json_null()));
    return json;
}

/* --- the request ------------------------------------------------------------------------------ */
struct asking {
    const char *campaign; /* NULL: all */
    json_t *json;
};
struct ids {
    char (*items)[CAMPAIGN_ID_SIZE];
    size_t count;
};

static int collect(void *context, const struct row_campaign *row, struct error *err) {
    struct ids *ids = context;
    (void)err;
    ids->items = xrealloc(ids->items, (ids->count + 1) * sizeof *ids->items);
    memcpy(ids->items[ids->count++], row->id, CAMPAIGN_ID_SIZE);
    return 0;
}

static int add_all(struct core *core, struct matrix *m, const char *one, struct error *err) {
    struct ids ids = {0};
    int status = one ? 0 : store_campaigns(core->store, false, "campaign", 0, collect, &ids, err);
    for (size_t i = 0; i < (one ? 1 : ids.count) && status == 0; i++) {
        struct campaign *campaign = core_campaign_view(core, one ? one : ids.items[i], err);
        if (campaign)
            add_campaign(m, campaign);
        else
            status = -1;
    }
    free(ids.items);
    return status;
}

static int compute(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    struct matrix m = {.index = map_new(), .verdicts = json_object()};
    int status = add_all(core, &m, asking->campaign, err);
    if (status == 0) asking->json = matrix_json(&m, asking->campaign ? m.views[0]->row.id : NULL);
    for (size_t i = 0; i < m.count; i++) json_decref(m.cells[i].verdicts);
    for (size_t i = 0; i < m.view_count; i++) campaign_release(m.views[i]);
    free(m.cells);
    free(m.views);
    map_free(m.index);
    json_decref(m.verdicts);
    return status;
}

enum MHD_Result api_matrix(struct request *request) {
    struct error err = ERROR_INIT;
    struct asking asking = {.campaign = api_argument(request, "campaign")};
    if (loop_call(request->api->loop, compute, &asking, &err) != 0) return api_error(request, &err);
    return api_json(request, MHD_HTTP_OK, asking.json);
}
