#include "coordinator/accept/result.h"

#include <string.h>

#include "common/buf.h"

#include "coordinator/accept/promoted.h"
#include "coordinator/accept/verdicts.h"
#include "coordinator/plan/definition.h"
#include "coordinator/plan/promotion.h"
#include "coordinator/texts.h"
#include "fleet/bus/topics.h"
#include "fleet/replay/record.h"

/* --- what it is about ------------------------------------------------------------------------- */
static bool better(const struct rec_measured *a, const struct rec_measured *b) {
    bool a_ok = verdict_is_correct(a->verdict), b_ok = verdict_is_correct(b->verdict);
    if (a_ok != b_ok) return a_ok;
    if (a->has_speedup != b->has_speedup) return a->has_speedup;
    return a->has_speedup && a->speedup > b->speedup;
}

const struct rec_measured *result_candidate(const struct rec_attempt *attempt, const char *size) {
    const struct rec_measured *found = NULL;
    for (size_t i = 0; i < attempt->measured.count; i++) {
        const struct rec_measured *m = &attempt->measured.items[i];
        if (strcmp(m->role, "candidate") != 0 || strcmp(m->size, size) != 0) continue;
        bool winner = strcmp(m->config, attempt->config) == 0;
        bool found_winner = found && strcmp(found->config, attempt->config) == 0;
        if (!found || (winner && !found_winner) || (winner == found_winner && better(m, found))) found = m;
    }
    return found;
}

const struct rec_measured *result_baseline(const struct rec_attempt *attempt, const struct rec_measured *candidate,
                                           const char *size) {
    const struct rec_measured *found = NULL;
    for (size_t i = 0; i < attempt->measured.count; i++) {
        const struct rec_measured *m = &attempt->measured.items[i];
        if (strcmp(m->role, "baseline") != 0 || strcmp(m->size, size) != 0) continue;
        if (candidate && candidate->baseline && strcmp(candidate->baseline, m->kernel) == 0) return m;
        if (!m->has_time_ns_p50) continue;
        if (!found || m->time_ns_p50 < found->time_ns_p50) found = m;
    }
    return found;
}

/* --- the record ------------------------------------------------------------------------------- */
static void fill_identity(struct core *core, const struct task *task, struct rec_result *r) {
    const struct row_task *row = &task->row;
    rec_set(&r->task_id, row->id);
    r->revision = core_next_revision(core);
    rec_set(&r->status, "provisional");
    rec_set(&r->campaign, row->campaign);
    rec_set(&r->campaign_name, task->campaign->row.name);
    rec_set(&r->purpose, task->campaign->row.purpose);
    rec_set(&r->kind, row->kind);
    rec_set(&r->problem, row->problem);
    rec_set(&r->problem_hash, row->problem_hash);
    rec_set(&r->size, row->size);
    rec_set(&r->target, row->target);
    rec_set(&r->strategy, row->strategy);
    rec_set(&r->kernel, row->kernel);
    rec_set(&r->kernel_hash, row->kernel_hash);
    r->attempts = row->attempts;
    r->accepted_ms = core_wall_ms(core);
}

static void fill_device(struct core *core, const struct rec_attempt *attempt, struct rec_result *r) {
    const struct device *device = core_device(core, attempt->node, attempt->device);
    rec_set(&r->node, attempt->node);
    rec_set(&r->device, attempt->device);
    rec_set(&r->fingerprint, attempt->fingerprint);
    rec_set(&r->sandbox, attempt->sandbox);
    if (*attempt->device_name) rec_set(&r->device_name, attempt->device_name);
    if (*attempt->driver_version) rec_set(&r->driver_version, attempt->driver_version);
    if (!device || *attempt->device_name) return;
    rec_set(&r->device_name, device->info->name);
    rec_set(&r->driver_version, device->info->driver_version);
}

/* What a result claims as an interval is worth this at least: one set's range is a point and would prove anything. Five
 * sets are worth 93.75 %; what fewer gave is in the measurements, with its worth. */
#define CONFIDENCE_LEAST 0.9

/* Figures of a kernel that is not correct are nobody's: they would be charted as if they counted. */
static void fill_figures(const struct rec_attempt *attempt, const struct task *task, struct rec_result *r) {
    const struct rec_measured *candidate = result_candidate(attempt, task->row.size);
    const struct rec_measured *baseline = result_baseline(attempt, candidate, task->row.size);
    if (baseline) {
        rec_set(&r->baseline, baseline->kernel);
        r->baseline_time_ns_p50 = baseline->time_ns_p50;
        r->has_baseline_time_ns_p50 = baseline->has_time_ns_p50;
        r->weak_baseline = baseline->has_speed_of_light && baseline->speed_of_light < WEAK_BASELINE_SHARE;
    }
    if (!candidate || !verdict_is_correct(attempt->verdict)) return;
    if (!baseline && candidate->baseline) rec_set(&r->baseline, candidate->baseline);
    REC_COPY_OPTIONAL(r, candidate, time_ns_p50);
    REC_COPY_OPTIONAL(r, candidate, speedup);
    if (candidate->speedup_confidence >= CONFIDENCE_LEAST) {
        REC_COPY_OPTIONAL(r, candidate, speedup_low);
        REC_COPY_OPTIONAL(r, candidate, speedup_high);
    }
    REC_COPY_OPTIONAL(r, candidate, gflops);
    REC_COPY_OPTIONAL(r, candidate, gbps);
    REC_COPY_OPTIONAL(r, candidate, speed_of_light);
}

static void set_evidence(struct rec_result *r, const char *evidence) {
    rec_setf(&r->evidence, "%.*s", RESULT_EVIDENCE_MAX, evidence);
}

/* A worker knows the limit that a kernel ran into; where it is set is known here. */
static void add_evidence(struct core *core, const struct task *task, const struct rec_attempt *attempt,
                         struct rec_result *r) {
    char place[DEFINITION_PLACE_SIZE];
    set_evidence(r, attempt->evidence);
    if (!strstr(attempt->evidence, "`limits: ")) return;
    bool compiling = strcmp(attempt->verdict, "compile_timeout") == 0;
    definition_place(core, task->campaign, compiling ? "limits.compile" : "limits.run", place);
    CLEANUP_FREE char *text = xasprintf("%s, set at %s", attempt->evidence, place);
    set_evidence(r, text);
}

void result_fill(struct core *core, const struct task *task, const struct rec_attempt *attempt,
                 struct rec_result *ret) {
    fill_identity(core, task, ret);
    fill_device(core, attempt, ret);
    rec_set(&ret->result_id, attempt->attempt_id);
    rec_set(&ret->config, attempt->config);
    rec_set(&ret->generality, attempt->generality);
    rec_set(&ret->precision, attempt->precision);
    rec_set(&ret->outcome, "verdict");
    rec_set(&ret->verdict, attempt->verdict);
    add_evidence(core, task, attempt, ret);
    rec_setf(&ret->audit, "%.*s", RESULT_EVIDENCE_MAX, attempt->audit);
    if (strlen(attempt->seeds) <= REPLAY_SEEDS_MAX_BYTES) rec_set(&ret->seeds, attempt->seeds);
    rec_setf(&ret->busy, "%.*s", RESULT_EVIDENCE_MAX, attempt->busy);
    fill_figures(attempt, task, ret);
    for (size_t i = 0; i < attempt->counts.count; i++) {
        struct rec_verdict_count *count = rec_list_verdict_count_push(&ret->counts);
        rec_set(&count->verdict, attempt->counts.items[i].verdict);
        count->n = attempt->counts.items[i].n;
    }
    ret->finished_ms = attempt->finished_ms;
}

/* --- for replay ------------------------------------------------------------------------------- */
/* The record is self-contained: who has it can run it again, wherever it came from. */
static int add_texts(struct core *core, const struct row_task *row, const char *policy_hash, struct rec_result *r,
                     struct error *err) {
    const struct text *text = texts_get(core->texts, core->store, TEXT_PROBLEM, row->problem_hash, err);
    if (!text) return -1;
    rec_set(&r->problem_yaml, text->yaml);
    if (!(text = texts_get(core->texts, core->store, TEXT_KERNEL, row->kernel_hash, err))) return -1;
    rec_set(&r->kernel_yaml, text->yaml);
    rec_set(&r->kernel_source, text->source);
    if (!(text = texts_get(core->texts, core->store, TEXT_POLICY, policy_hash, err))) return -1;
    rec_set(&r->policy, text->yaml);
    CLEANUP_FREE char *check = replay_check_make(r);
    rec_set(&r->record_check, check);
    return 0;
}

/* In memory there is a result for every task of every running campaign: what can be read again is not kept. */
void result_forget_texts(struct rec_result *r) {
    rec_set(&r->problem_yaml, "");
    rec_set(&r->kernel_yaml, "");
    rec_set(&r->kernel_source, "");
    rec_set(&r->policy, "");
    rec_set(&r->seeds, "");
    rec_set(&r->record_check, "");
}

int result_publish(struct core *core, struct task *task, const char *policy_hash, struct rec_result *result,
                   struct error *err) {
    CLEANUP_FREE uint8_t *value = NULL;
    size_t len = 0;
    if (add_texts(core, &task->row, policy_hash, result, err) != 0) return -1;
    if (codec_encode(&rec_result_desc, result, CODEC_CONFLUENT, (uint32_t)core->schema_result, &value, &len, err) != 0)
        return -1;
    struct row_result row = {.task_seq = task->row.seq,
                             .revision = result->revision,
                             .accepted_ms = result->accepted_ms,
                             .record = value,
                             .len = len};
    snprintf(row.task, sizeof row.task, "%s", task->row.id);
    snprintf(row.campaign, sizeof row.campaign, "%s", task->row.campaign);
    snprintf(row.problem, sizeof row.problem, "%s", task->row.problem);
    snprintf(row.target, sizeof row.target, "%s", task->row.target);
    if (store_result_put(core->store, &row, err) != 0) return -1;
    if (store_outbox_add_result(core->store, TOPIC_RESULTS, &row, err) != 0) return -1;
    result_forget_texts(result);
    rec_free(&rec_result_desc, task->result);
    task->result = result;
    core_task_changed(core, task);
    core->metrics.results++;
    return 0;
}

int result_without_attempt(struct core *core, struct task *task, const char *outcome, const char *evidence,
                           struct error *err) {
    if (task_is_promotion(task)) return promotion_without_attempt(core, task, outcome, evidence, err);
    struct rec_result *result = rec_new(&rec_result_desc);
    fill_identity(core, task, result);
    rec_set(&result->outcome, outcome);
    rec_set(&result->verdict, NULL);
    rec_setf(&result->result_id, "%s.0", task->row.id); /* no attempt: they count from 1 */
    set_evidence(result, evidence);
    result->finished_ms = result->accepted_ms;
    if (result_publish(core, task, task->row.policy_hash, result, err) == 0) return 0;
    rec_free(&rec_result_desc, result);
    return -1;
}
