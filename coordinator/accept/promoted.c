#include "coordinator/accept/promoted.h"

#include <string.h>

#include "coordinator/accept/result.h"
#include "coordinator/accept/verdicts.h"
#include "coordinator/plan/promotion.h"

static void copy_optional(bool has, double value, bool *ret_has, double *ret) {
    *ret_has = has;
    *ret = has ? value : 0;
}

/* The first measurement, as the result had it. */
static void keep_first(const struct rec_result *first, struct rec_result *r) {
    rec_set(&r->first_node, first->node);
    rec_set(&r->first_device, first->device);
    copy_optional(first->has_time_ns_p50, first->time_ns_p50, &r->has_first_time_ns_p50, &r->first_time_ns_p50);
    copy_optional(first->has_speedup, first->speedup, &r->has_first_speedup, &r->first_speedup);
    copy_optional(first->has_speedup_low, first->speedup_low, &r->has_first_speedup_low, &r->first_speedup_low);
    copy_optional(first->has_speedup_high, first->speedup_high, &r->has_first_speedup_high, &r->first_speedup_high);
    bool both = first->has_speedup && r->has_speedup && r->speedup > 0;
    copy_optional(both, both ? first->speedup / r->speedup : 0, &r->has_winners_curse, &r->winners_curse);
}

static bool is_faster(const struct rec_result *r) {
    return r->has_speedup_low && r->speedup_low > 1 + FASTER_MARGIN;
}

static void judge(const struct rec_attempt *attempt, bool another, struct rec_result *r) {
    char where[200];
    snprintf(where, sizeof where, "on %s device (%s/%s) with fresh data", another ? "another" : "the same", r->node,
             r->device);
    bool correct = verdict_is_correct(attempt->verdict);
    rec_set(&r->status, correct && is_faster(r) ? "confirmed" : "retracted");
    if (!correct)
        rec_setf(&r->promotion_evidence, "%s: %s", where, attempt->verdict);
    else if (!r->has_speedup)
        rec_setf(&r->promotion_evidence, "%s: correct, and not timed", where);
    else if (!r->has_speedup_low)
        rec_setf(&r->promotion_evidence, "%s: %.3fx, from too few sets for an interval", where, r->speedup);
    else
        rec_setf(&r->promotion_evidence, "%s: %s %.3fx [%.3f, %.3f], at first %.3fx", where,
                 is_faster(r) ? "faster again," : "no longer faster:", r->speedup, r->speedup_low, r->speedup_high,
                 r->first_speedup);
}

void promotion_result(struct core *core, const struct task *parent, const struct task *promotion,
                      const struct rec_attempt *attempt, struct rec_result *ret) {
    const struct rec_result *first = parent->result;
    result_fill(core, parent, attempt, ret);
    bool another = !first->node || !first->device || strcmp(first->node, attempt->node) != 0 ||
                   strcmp(first->device, attempt->device) != 0;
    rec_set(&ret->result_id, first->result_id);
    rec_set(&ret->deduplicated_from, first->deduplicated_from);
    rec_set(&ret->promotion, promotion->row.id);
    rec_set(&ret->promotion_id, attempt->attempt_id);
    rec_set(&ret->promotion_outcome, "verdict");
    rec_set(&ret->promotion_device, another ? "another" : "same");
    keep_first(first, ret);
    judge(attempt, another, ret);
    /* How a search came to this configuration is the first attempt's to tell. */
    for (size_t i = 0; i < first->counts.count; i++) {
        struct rec_verdict_count *count = rec_list_verdict_count_push(&ret->counts);
        rec_set(&count->verdict, first->counts.items[i].verdict);
        count->n = first->counts.items[i].n;
    }
}

/* The whole record, with what memory does not keep. */
static struct rec_result *stored_result(struct core *core, const char *task, struct error *err) {
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    if (store_result_get(core->store, task, &data, &len, err) != 0) return NULL;
    struct rec_result *r = rec_new(&rec_result_desc);
    rec_done(&rec_result_desc, r);
    if (codec_decode_as(core->codec, data, len, &rec_result_desc, r, err) == 0) return r;
    free(r);
    return NULL;
}

int promotion_without_attempt(struct core *core, const struct task *promotion, const char *outcome,
                              const char *evidence, struct error *err) {
    struct task *parent = promotion_parent(core, promotion);
    if (!parent) return 0;
    struct rec_result *r = stored_result(core, parent->row.id, err);
    if (!r) return -1;
    r->revision = core_next_revision(core);
    rec_set(&r->promotion, promotion->row.id);
    rec_set(&r->promotion_outcome, outcome);
    rec_setf(&r->promotion_evidence, "%.*s", RESULT_EVIDENCE_MAX, evidence);
    if (result_publish(core, parent, parent->row.policy_hash, r, err) == 0) return 0;
    rec_free(&rec_result_desc, r);
    return -1;
}
