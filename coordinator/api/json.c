#include "coordinator/api/json.h"

#include <string.h>

#include "coordinator/plan/promotion.h"
#include "coordinator/schedule/attempts.h"

/* --- cells ------------------------------------------------------------------------------------ */
static const struct attempt *shown_attempt(const struct task *task) {
    const struct attempt *shown = NULL;
    for (const struct attempt *a = task->attempts; a; a = a->next)
        if (a->row.state <= ATTEMPT_OPEN && (!shown || a->row.n > shown->row.n)) shown = a;
    return shown;
}

static void add_result(json_t *cell, const struct rec_result *r) {
    json_object_set_new(cell, "outcome", json_null_or(r ? r->outcome : NULL));
    json_object_set_new(cell, "verdict", json_null_or(r ? r->verdict : NULL));
    json_object_set_new(cell, "evidence", json_string(r ? r->evidence : ""));
    json_object_set_new(cell, "busy", json_string(r ? r->busy : ""));
    json_object_set_new(cell, "audit", json_string(r ? r->audit : ""));
    json_object_set_new(cell, "config", json_string(r ? r->config : ""));
    json_object_set_new(cell, "generality", json_string(r ? r->generality : ""));
    json_object_set_new(cell, "precision", json_string(r ? r->precision : ""));
    json_object_set_new(cell, "baseline", json_null_or(r ? r->baseline : NULL));
    json_object_set_new(cell, "time_ns_p50", json_number_or(r && r->has_time_ns_p50, r ? r->time_ns_p50 : 0));
    json_object_set_new(cell, "baseline_time_ns_p50",
                        json_number_or(r && r->has_baseline_time_ns_p50, r ? r->baseline_time_ns_p50 : 0));
    json_object_set_new(cell, "speedup", json_number_or(r && r->has_speedup, r ? r->speedup : 0));
    json_object_set_new(cell, "speedup_low", json_number_or(r && r->has_speedup_low, r ? r->speedup_low : 0));
    json_object_set_new(cell, "speedup_high", json_number_or(r && r->has_speedup_high, r ? r->speedup_high : 0));
    json_object_set_new(cell, "speed_of_light", json_number_or(r && r->has_speed_of_light, r ? r->speed_of_light : 0));
    json_object_set_new(cell, "weak_baseline", json_boolean(r && r->weak_baseline));
    json_object_set_new(cell, "status", json_null_or(r ? r->status : NULL));
    json_object_set_new(cell, "first_speedup", json_number_or(r && r->has_first_speedup, r ? r->first_speedup : 0));
    json_object_set_new(cell, "winners_curse", json_number_or(r && r->has_winners_curse, r ? r->winners_curse : 0));
    json_object_set_new(cell, "promotion", json_null_or(r ? r->promotion : NULL));
    json_object_set_new(cell, "promotion_device", json_string(r ? r->promotion_device : ""));
    json_object_set_new(cell, "promotion_evidence", json_string(r ? r->promotion_evidence : ""));
    json_object_set_new(cell, "result_id", json_null_or(r ? r->result_id : NULL));
    json_object_set_new(cell, "deduplicated_from", json_null_or(r ? r->deduplicated_from : NULL));
    json_object_set_new(cell, "revision", r ? json_integer(r->revision) : json_null());
}

/* A promotion's outcome is its parent's latest revision; that of one which came to nothing is its state alone. */
static const struct rec_result *shown_result(const struct task *task) {
    if (!task_is_promotion(task)) return task->result;
    const struct task *parent = promotion_parent_in(task->campaign, task);
    const struct rec_result *r = task->row.state == TASK_DONE && parent ? parent->result : NULL;
    return r && r->promotion && strcmp(r->promotion, task->row.id) == 0 ? r : NULL;
}

json_t *json_cell(const struct task *task) {
    const struct row_task *row = &task->row;
    const struct attempt *attempt = shown_attempt(task);
    const struct rec_result *r = shown_result(task);
    json_t *cell = json_object();
    json_object_set_new(cell, "task", json_string(row->id));
    json_object_set_new(cell, "purpose", json_string(*row->purpose ? row->purpose : task->campaign->row.purpose));
    json_object_set_new(cell, "parent", json_null_or(row->parent));
    json_object_set_new(cell, "campaign", json_string(row->campaign));
    json_object_set_new(cell, "problem", json_string(row->problem));
    json_object_set_new(cell, "target", json_string(row->target));
    json_object_set_new(cell, "size", json_string(row->size));
    json_object_set_new(cell, "strategy", json_string(row->strategy));
    json_object_set_new(cell, "kind", json_string(row->kind));
    json_object_set_new(cell, "kernel", json_string(row->kernel));
    json_object_set_new(cell, "kernel_hash", json_string(row->kernel_hash));
    json_object_set_new(cell, "state", json_string(task_state_name(row->state)));
    json_object_set_new(cell, "phase", json_null_or(task->phase));
    json_object_set_new(cell, "progress", json_real(task->progress));
    json_object_set_new(cell, "attempts", json_integer(row->attempts));
    json_object_set_new(cell, "node", json_null_or(attempt ? attempt->row.node : r ? r->node : NULL));
    json_object_set_new(cell, "device", json_null_or(attempt ? attempt->row.device : r ? r->device : NULL));
    json_object_set_new(cell, "reason", json_string(row->reason));
    add_result(cell, r);
    if (!r && row->state == TASK_NO_DEVICE) json_object_set_new(cell, "evidence", json_string(row->reason));
    json_object_set_new(cell, "changed_ms", json_integer(row->changed_ms));
    return cell;
}

/* --- campaigns -------------------------------------------------------------------------------- */
json_t *json_counts(const struct campaign *campaign) {
    json_t *counts = json_object();
    int64_t cells = 0;
    for (int state = 0; state < TASK_STATE_COUNT; state++) cells += campaign->counts[state];
    json_object_set_new(counts, "cells", json_integer(cells));
    json_object_set_new(counts, "tasks",
                        json_integer(cells - campaign->counts[TASK_WAITING] - campaign->counts[TASK_NO_DEVICE]));
    for (int state = 0; state < TASK_STATE_COUNT; state++)
        json_object_set_new(counts, task_state_name((enum task_state)state), json_integer(campaign->counts[state]));
    return counts;
}

#define TALLIES_MOST 64 /* more than there are verdicts */
struct tally {
    const char *name;
    int64_t n;
};

/* A list of campaigns asks for this of every task of each: no JSON is touched before the end. */
json_t *json_verdicts(const struct campaign *campaign) {
    struct tally tallies[TALLIES_MOST] = {0};
    size_t count = 0;
    for (size_t i = 0; i < campaign->task_count; i++) {
        const struct rec_result *r = campaign->tasks[i]->result;
        size_t k = 0;
        if (!r || !r->verdict) continue;
        while (k < count && strcmp(tallies[k].name, r->verdict) != 0) k++;
        if (k == TALLIES_MOST) continue;
        if (k == count) tallies[count++].name = r->verdict;
        tallies[k].n++;
    }
    json_t *verdicts = json_object();
    for (size_t k = 0; k < count; k++) json_object_set_new(verdicts, tallies[k].name, json_integer(tallies[k].n));
    return verdicts;
}

int64_t campaign_elapsed_ms(struct core *core, const struct campaign *campaign) {
    int64_t end = campaign->row.finished_ms ? campaign->row.finished_ms : core_wall_ms(core);
    return end > campaign->row.created_ms ? end - campaign->row.created_ms : 0;
}

static int64_t distinct(const struct campaign *campaign, bool problems) {
    struct map *seen = map_new();
    const char *last = "";
    for (size_t i = 0; i < campaign->task_count; i++) {
        struct row_task *row = &campaign->tasks[i]->row;
        const char *name = problems ? row->problem : row->target;
        if (strcmp(name, last) != 0) map_put(seen, name, row); /* tasks stand together by problem and target */
        last = name;
    }
    int64_t n = (int64_t)map_count(seen);
    map_free(seen);
    return n;
}

json_t *json_summary(struct core *core, const struct campaign *campaign) {
    const struct row_campaign *row = &campaign->row;
    json_t *summary = json_object();
    json_object_set_new(summary, "campaign", json_string(row->id));
    json_object_set_new(summary, "name", json_string(row->name));
    json_object_set_new(summary, "purpose", json_string(row->purpose));
    json_object_set_new(summary, "state", json_string(campaign_state_name(row->state)));
    json_object_set_new(summary, "exit_status", row->finished_ms ? json_integer(row->exit_status) : json_null());
    json_object_set_new(summary, "created_ms", json_integer(row->created_ms));
    json_object_set_new(summary, "finished_ms", row->finished_ms ? json_integer(row->finished_ms) : json_null());
    json_object_set_new(summary, "elapsed_ms", json_integer(campaign_elapsed_ms(core, campaign)));
    json_object_set_new(summary, "priority", json_integer(row->priority));
    json_object_set_new(summary, "problems", json_integer(distinct(campaign, true)));
    json_object_set_new(summary, "targets", json_integer(distinct(campaign, false)));
    json_object_set_new(summary, "counts", json_counts(campaign));
    json_object_set_new(summary, "verdicts", json_verdicts(campaign));
    return summary;
}

/* --- results ---------------------------------------------------------------------------------- */
json_t *json_result_row(struct core *core, const struct row_result *row, struct error *err) {
    struct rec_result result;
    if (codec_decode_as(core->codec, row->record, row->len, &rec_result_desc, &result, err) != 0) return NULL;
    json_t *json = codec_to_json(&rec_result_desc, &result);
    rec_result_done(&result);
    return json;
}

static void add_attempt(json_t *object, const struct rec_attempt *attempt) {
    json_t *measured = json_array(), *phases = json_array();
    for (size_t i = 0; attempt && i < attempt->measured.count; i++)
        json_array_append_new(measured, codec_to_json(&rec_measured_desc, &attempt->measured.items[i]));
    for (size_t i = 0; attempt && i < attempt->phases.count; i++)
        json_array_append_new(phases, codec_to_json(&rec_phase_desc, &attempt->phases.items[i]));
    json_object_set_new(object, "measured", measured);
    json_object_set_new(object, "log", json_string(attempt ? attempt->log : ""));
    json_object_set_new(object, "phases", phases);
}

/* With the texts for a replay, which memory does not keep. */
static json_t *stored_result(struct core *core, const char *task, struct error *err) {
    CLEANUP_FREE uint8_t *data = NULL;
    struct row_result row = {.len = 0};
    if (store_result_get(core->store, task, &data, &row.len, err) != 0) return NULL;
    row.record = data;
    return json_result_row(core, &row, err);
}

int json_add_details(struct core *core, const struct task *task, json_t *object, struct error *err) {
    char id[TASK_ID_SIZE];
    int n = 0;
    uint8_t *data = NULL;
    size_t len = 0;
    struct rec_attempt attempt;
    struct error missing = ERROR_INIT;
    const struct rec_result *r = shown_result(task);
    /* Where there was a promotion, the figures are from it. */
    const char *name = r && r->promotion_id ? r->promotion_id : r ? r->result_id : NULL;
    json_t *whole = r ? stored_result(core, r->task_id, err) : json_null();
    if (!whole) return -1;
    json_object_set_new(object, "result", whole);
    bool has = name && attempt_name_split(name, id, &n) &&
               store_attempt_record_get(core->store, id, n, &data, &len, &missing) == 0;
    if (!has) {
        add_attempt(object, NULL);
        if (missing.code == ERR_NONE || missing.code == ERR_NOT_FOUND) return 0;
        if (err) *err = missing;
        return -1;
    }
    int status = codec_decode_as(core->codec, data, len, &rec_attempt_desc, &attempt, err);
    free(data);
    if (status != 0) return -1;
    add_attempt(object, &attempt);
    rec_attempt_done(&attempt);
    return 0;
}
