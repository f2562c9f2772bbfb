#include "coordinator/accept/accept.h"

#include <string.h>

#include "common/log.h"
#include "coordinator/accept/promoted.h"
#include "coordinator/accept/result.h"
#include "coordinator/accept/verdicts.h"
#include "coordinator/plan/promotion.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/quarantine.h"
#include "coordinator/sweep/run.h"

#define DEADLETTER_PAYLOAD_MAX 65536
/* Agents report a machine that was too busy to time on with this word in front. */
#define MACHINE_BUSY "machine busy"
#define STRANGERS_EVERY_MS 1000
/* An agent that stops gives its work back with this: nothing failed. */
#define NODE_STOPPING "the node is stopping"

int accept_dead_letter(struct core *core, const struct record_source *source, const char *reason, struct error *err) {
    struct rec_dead_letter letter;
    rec_dead_letter_init(&letter);
    rec_set(&letter.source, "record");
    rec_set(&letter.topic, source->topic);
    letter.partition = source->partition;
    letter.offset = source->offset;
    rec_set(&letter.reason, reason);
    rec_set(&letter.seen_by, "coordinator");
    letter.at_ms = core_wall_ms(core);
    if (source->payload)
        rec_set_bytes(&letter.payload, source->payload,
                      source->len < DEADLETTER_PAYLOAD_MAX ? source->len : DEADLETTER_PAYLOAD_MAX);
    log_warn("%s/%d offset %lld: %s", source->topic, (int)source->partition, (long long)source->offset, reason);
    int status = core_dead_letter(core, &letter, err);
    rec_dead_letter_done(&letter);
    return status;
}

/* --- is it what it says? ---------------------------------------------------------------------- */
/* NULL, or what is wrong with the record against what was handed out. */
static const char *mismatch(const struct rec_attempt *attempt, const struct row_attempt *row) {
    if (attempt->epoch != row->epoch) return "its epoch is not that of the attempt";
    if (strcmp(attempt->node, row->node) != 0 || strcmp(attempt->device, row->device) != 0)
        return "another device was given the attempt";
    if (strcmp(attempt->incarnation, row->incarnation) != 0) return "another incarnation was given the attempt";
    bool verdict = strcmp(attempt->outcome, "verdict") == 0;
    if (verdict && (!attempt->verdict || !verdict_known(attempt->verdict))) return "its verdict is not known";
    if (!verdict && strcmp(attempt->outcome, "infrastructure") != 0 && strcmp(attempt->outcome, "cancelled") != 0 &&
        strcmp(attempt->outcome, "refused") != 0)
        return "its outcome is not known";
    return NULL;
}

static void note(const struct rec_attempt *attempt, struct row_attempt *row) {
    snprintf(row->outcome, sizeof row->outcome, "%s", attempt->outcome);
    snprintf(row->verdict, sizeof row->verdict, "%s", attempt->verdict ? attempt->verdict : "");
    row->finished_ms = attempt->finished_ms;
    row->duration_ms = attempt->duration_ms;
}

/* --- outcomes of live attempts ---------------------------------------------------------------- */
static int keep_record(struct core *core, const struct rec_attempt *attempt, const struct row_attempt *row,
                       struct error *err) {
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(&rec_attempt_desc, attempt, CODEC_SINGLE_OBJECT, 0, &data, &len, err) != 0) return -1;
    return store_attempt_record_put(core->store, row, data, len, err);
}

/* Rows that cannot be encoded (over a limit) are left out: the result stands all the same. */
static int keep_details(struct core *core, const struct rec_attempt *attempt, const struct row_attempt *row,
                        const struct rec_result *result, struct error *err) {
    struct error problem = ERROR_INIT;
    if (keep_record(core, attempt, row, &problem) == 0 && measurements_publish(core, result, attempt, &problem) == 0)
        return 0;
    if (!core_is_broken(&problem)) {
        log_warn("attempt %s: its measurements are left out: %s", attempt->attempt_id, problem.text);
        return 0;
    }
    if (err) *err = problem;
    return -1;
}

/* The kernel is right, and the node's patience with its busy machine came to an end: that says nothing of its speed. */
static bool was_not_timed(const struct rec_attempt *attempt) {
    for (size_t i = 0; i < attempt->measured.count; i++)
        if (attempt->measured.items[i].has_speedup) return false;
    return attempt->busy[0] != 0 && attempt->verdict && verdict_is_correct(attempt->verdict);
}

/* The others go on, and will be superseded. */
static int accept_verdict(struct core *core, struct attempt *live, const struct rec_attempt *attempt,
                          struct error *err) {
    struct task *task = live->task;
    struct row_attempt row = live->row;
    struct error problem = ERROR_INIT;
    struct task *of = promotion_parent(core, task);
    if (of && was_not_timed(attempt)) {
        char reason[256];
        snprintf(reason, sizeof reason, "not timed, the machine was busy: %.180s", attempt->busy);
        return task_give_up(core, task, reason, err);
    }
    struct rec_result *result = rec_new(&rec_result_desc);
    if (of)
        promotion_result(core, of, task, attempt, result);
    else
        result_fill(core, task, attempt, result);
    if (result_publish(core, of ? of : task, task->row.policy_hash, result, &problem) != 0) {
        rec_free(&rec_result_desc, result);
        if (!core_is_broken(&problem)) return attempt_failed(core, live, problem.text, FAILURE_RECORD, err);
        if (err) *err = problem;
        return -1;
    }
    if (keep_details(core, attempt, &row, result, err) != 0 || run_measured(core, task, attempt, err) != 0) return -1;
    if (core_attempt_set(core, live, ATTEMPT_ACCEPTED, NULL, err) != 0) return -1;
    core_attempt_drop(core, live);
    task->row.reason[0] = 0;
    return core_task_set(core, task, TASK_DONE, err);
}

static int on_live(struct core *core, struct attempt *live, const struct rec_attempt *attempt, struct error *err) {
    struct task *task = live->task;
    note(attempt, &live->row);
    live->row.ran = true;
    if (task_state_ended(task->row.state)) {
        if (core_attempt_set(core, live, ATTEMPT_SUPERSEDED, "another attempt was accepted before", err) != 0)
            return -1;
        core_attempt_drop(core, live);
        return 0;
    }
    if (strcmp(attempt->outcome, "verdict") == 0) {
        if (health_succeeded(core, &live->row, err) != 0) return -1;
        return accept_verdict(core, live, attempt, err);
    }
    const char *reason = attempt->infrastructure && *attempt->infrastructure ? attempt->infrastructure
                         : *attempt->evidence                                ? attempt->evidence
                                                                             : attempt->outcome;
    if (strcmp(attempt->outcome, "cancelled") == 0) return attempt_returned(core, live, "its node gave it back", err);
    if (strcmp(reason, NODE_STOPPING) == 0) return attempt_returned(core, live, reason, err);
    /* A lapsed one was counted when it lapsed. */
    if (live->row.state == ATTEMPT_LAPSED) return attempt_returned(core, live, reason, err);
    bool busy = strncmp(reason, MACHINE_BUSY, strlen(MACHINE_BUSY)) == 0;
    return attempt_failed(core, live, reason, busy ? FAILURE_BUSY : FAILURE_INFRASTRUCTURE, err);
}

/* --- outcomes of attempts that are no longer live --------------------------------------------- */
/* An abandoned attempt was not revoked: if its verdict comes after all and the task still has none, it counts. */
static int revive(struct core *core, struct task *task, const struct row_attempt *row,
                  const struct rec_attempt *attempt, struct error *err) {
    struct attempt *live = core_attempt_add(core, task, row);
    live->row.state = ATTEMPT_LAPSED;
    core_attempt_release_slot(core, live);
    return on_live(core, live, attempt, err);
}

static int on_ended(struct core *core, struct row_attempt *row, const struct rec_attempt *attempt, struct error *err) {
    struct task *task = core_task(core, row->task);
    bool verdict = strcmp(attempt->outcome, "verdict") == 0, open = task && !task_state_ended(task->row.state);
    if (row->state == ATTEMPT_ABANDONED && verdict && open) return revive(core, task, row, attempt, err);
    bool late = row->state == ATTEMPT_ABANDONED || row->state <= ATTEMPT_LAPSED;
    log_debug("attempt %s: ignored, it is %s already", attempt->attempt_id, attempt_state_name(row->state));
    if (!late) return 0;
    note(attempt, row);
    row->state = ATTEMPT_SUPERSEDED;
    snprintf(row->reason, sizeof row->reason, "the task had ended");
    core->metrics.attempts[ATTEMPT_SUPERSEDED]++;
    return store_attempt_update(core->store, row, err);
}

/* --- of a store that is gone ------------------------------------------------------------------ */
static bool is_stranger(const struct core *core, const struct rec_attempt *attempt) {
    return attempt->epoch < core->known_since;
}

/* After a start from a backup, or with an empty store, they come by hundreds: they are right, and of no use. */
static int ignore_stranger(struct core *core, const struct rec_attempt *attempt) {
    int64_t now = core_mono_ms(core);
    core->strangers++;
    log_debug("attempt %s of epoch %lld: ignored", attempt->attempt_id, (long long)attempt->epoch);
    if (core->strangers_mono_ms && now - core->strangers_mono_ms < STRANGERS_EVERY_MS) return 0;
    log_info(
        "%lld outcome%s of attempts that a store which is gone has handed out (before epoch %lld), such as %s: "
        "ignored, their tasks are planned from this store",
        (long long)core->strangers, core->strangers == 1 ? "" : "s", (long long)core->known_since, attempt->attempt_id);
    core->strangers = 0;
    core->strangers_mono_ms = now;
    return 0;
}

int accept_attempt(struct core *core, const struct rec_attempt *attempt, const struct record_source *source,
                   struct error *err) {
    struct row_attempt row;
    struct error missing = ERROR_INIT;
    char text[300], expected[TASK_ID_SIZE + 16];
    snprintf(expected, sizeof expected, "%.32s.%d", attempt->task_id, (int)attempt->attempt);
    if (strlen(attempt->task_id) != TASK_ID_SIZE - 1 || strcmp(attempt->attempt_id, expected) != 0)
        return accept_dead_letter(core, source, "task_id, attempt and attempt_id do not fit together", err);
    struct task *task = core_task(core, attempt->task_id);
    struct attempt *live = task ? task_attempt(task, attempt->attempt) : NULL;
    if (live) {
        row = live->row;
    } else if (store_attempt_get(core->store, attempt->task_id, attempt->attempt, &row, &missing) != 0) {
        if (missing.code != ERR_NOT_FOUND) {
            if (err) *err = missing;
            return -1;
        }
        if (is_stranger(core, attempt)) return ignore_stranger(core, attempt);
        return accept_dead_letter(core, source, "no such attempt was handed out", err);
    }
    if (attempt->epoch != row.epoch && is_stranger(core, attempt)) return ignore_stranger(core, attempt);
    const char *wrong = mismatch(attempt, &row);
    if (wrong) {
        snprintf(text, sizeof text, "attempt %s: %s", expected, wrong);
        return accept_dead_letter(core, source, text, err);
    }
    return live ? on_live(core, live, attempt, err) : on_ended(core, &row, attempt, err);
}
