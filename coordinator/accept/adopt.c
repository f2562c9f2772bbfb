#include "coordinator/accept/adopt.h"

#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "coordinator/accept/result.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/store/backup.h"
#include "fleet/bus/topics.h"

#define ABANDON_REASON "its task's result was published before the store was lost"

bool adopt_wanted(struct core *core, struct error *err) {
    CLEANUP_FREE char *state = store_meta_get(core->store, META_RESTORED, err);
    return state && strcmp(state, "pending") == 0;
}

static enum task_state state_of(const char *outcome) {
    if (strcmp(outcome, "gave_up") == 0) return TASK_GAVE_UP;
    if (strcmp(outcome, "cancelled") == 0) return TASK_CANCELLED;
    return TASK_DONE;
}

static int put(struct core *core, const struct row_task *task, const struct rec_result *result,
               const struct adopt_record *record, struct error *err) {
    struct row_result row = {
        .revision = result->revision, .accepted_ms = result->accepted_ms, .record = record->value, .len = record->len};
    snprintf(row.task, sizeof row.task, "%s", task->id);
    snprintf(row.campaign, sizeof row.campaign, "%s", task->campaign);
    snprintf(row.problem, sizeof row.problem, "%s", task->problem);
    snprintf(row.target, sizeof row.target, "%s", task->target);
    return store_result_put(core->store, &row, err);
}

/* Of a task in memory. Takes `result` when it is adopted. */
static int adopt_live(struct core *core, struct task *task, struct rec_result **result,
                      const struct adopt_record *record, struct error *err) {
    struct rec_result *r = *result;
    bool was_open = !task_state_ended(task->row.state);
    if (put(core, &task->row, r, record, err) != 0) return -1;
    while (task->attempts) {
        if (core_attempt_set(core, task->attempts, ATTEMPT_ABANDONED, ABANDON_REASON, err) != 0) return -1;
        core_attempt_drop(core, task->attempts);
    }
    *result = NULL;
    result_forget_texts(r);
    rec_free(&rec_result_desc, task->result);
    task->result = r;
    core_task_changed(core, task);
    return was_open ? core_task_set(core, task, state_of(r->outcome), err) : 0;
}

/* Of a task whose campaign has ended: only a later revision is news. */
static int adopt_ended(struct core *core, const struct rec_result *result, const struct adopt_record *record,
                       struct adopt_batch *batch, struct error *err) {
    struct row_task row;
    struct error problem = ERROR_INIT;
    int status = store_task_find(core->store, result->task_id, &row, &problem);
    if (status == 0) status = put(core, &row, result, record, &problem);
    if (status == 0) batch->adopted++;
    if (problem.code == ERR_NOT_FOUND) batch->unknown++;
    if (status == 0 || !core_is_broken(&problem)) return 0;
    if (err) *err = problem;
    return -1;
}

static int adopt_one(struct core *core, struct rec_result **result, const struct adopt_record *record,
                     struct adopt_batch *batch, struct error *err) {
    const struct rec_result *r = *result;
    struct task *task = core_task(core, r->task_id);
    if (!task) return adopt_ended(core, r, record, batch, err);
    int64_t known = task->result ? task->result->revision : 0;
    /* What waits to be published has been: again, and after a later one, it would only confuse. */
    if (r->revision >= known && store_outbox_drop(core->store, TOPIC_RESULTS, task->row.id, err) != 0) return -1;
    if (r->revision <= known) return 0;
    batch->adopted++;
    return adopt_live(core, task, result, record, err);
}

int adopt_results(struct core *core, void *context, struct error *err) {
    struct adopt_batch *batch = context;
    for (size_t i = 0; i < batch->count; i++) {
        struct error problem = ERROR_INIT;
        const struct adopt_record *record = &batch->records[i];
        struct rec_result *result = rec_new(&rec_result_desc);
        rec_done(&rec_result_desc, result);
        if (codec_decode_as(core->codec, record->value, record->len, &rec_result_desc, result, &problem) != 0) {
            log_warn("a published result is left out: %s", problem.text);
            free(result);
            continue;
        }
        int status = adopt_one(core, &result, record, batch, err);
        rec_free(&rec_result_desc, result);
        if (status != 0) return -1;
    }
    return 0;
}

int adopt_done(struct core *core, void *context, struct error *err) {
    const struct adopt_batch *batch = context;
    log_info("this store began with a backup: %lld results that were published after it are known again",
             (long long)batch->adopted);
    if (batch->unknown)
        log_warn(
            "%lld published results belong to campaigns that were submitted after the backup: what of those was "
            "open is not known any more, submit them again",
            (long long)batch->unknown);
    core->schedule_wanted = true;
    return store_meta_put(core->store, META_RESTORED, "done", err);
}
