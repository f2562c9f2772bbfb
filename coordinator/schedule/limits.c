#include "coordinator/schedule/limits.h"

#include <string.h>

#include "coordinator/clocks.h"
#include "coordinator/plan/definition.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/cancel.h"

/* --- the deadline ----------------------------------------------------------------------------- */
static bool deadline_is_over(const struct core *core, const struct row_campaign *row) {
    return row->deadline_ms > 0 && clocks_up_ms(core) - row->submitted_ms >= row->deadline_ms;
}

static int end_task(struct core *core, struct task *task, const char *reason, struct error *err) {
    if (task_revoke_attempts(core, task, reason, err) != 0) return -1;
    return task_give_up(core, task, reason, err);
}

/* Cells without a device become `no_device` elsewhere (plan_deadlines()). Promotions that follow from the ends of
 * others stand at the end of the list. */
static int end_all(struct core *core, struct campaign *campaign, struct error *err) {
    char place[DEFINITION_PLACE_SIZE], reason[LIMITS_REASON_SIZE];
    definition_place(core, campaign, "deadline", place);
    snprintf(reason, sizeof reason, "deadline passed: %lld s after submission, `deadline` at %s",
             (long long)(campaign->row.deadline_ms / 1000), place);
    for (size_t i = 0; i < campaign->task_count; i++) {
        struct task *task = campaign->tasks[i];
        if (task_state_ended(task->row.state) || task->row.state == TASK_WAITING) continue;
        if (end_task(core, task, reason, err) != 0) return -1;
    }
    return 0;
}

/* --- time in the queue ------------------------------------------------------------------------ */
static int end_overdue(struct core *core, struct campaign *campaign, int64_t limit_ms, struct error *err) {
    char place[DEFINITION_PLACE_SIZE] = "", reason[LIMITS_REASON_SIZE];
    int64_t now_ms = clocks_service_ms(core), next_ms = now_ms + limit_ms;
    for (size_t i = 0; i < campaign->task_count; i++) {
        struct task *task = campaign->tasks[i];
        if (task->row.state != TASK_QUEUED) continue;
        if (now_ms - task->row.queued_ms < limit_ms) {
            if (task->row.queued_ms + limit_ms < next_ms) next_ms = task->row.queued_ms + limit_ms;
            continue;
        }
        if (!*place) definition_place(core, campaign, "limits.queue", place);
        snprintf(reason, sizeof reason, "in the queue for %lld s: `limits: queue` at %s",
                 (long long)((now_ms - task->row.queued_ms) / 1000), place);
        if (end_task(core, task, reason, err) != 0) return -1;
    }
    campaign->queue_due_ms = next_ms;
    return 0;
}

static int check_queue(struct core *core, struct campaign *campaign, struct error *err) {
    if (campaign->counts[TASK_QUEUED] == 0 || clocks_service_ms(core) < campaign->queue_due_ms) return 0;
    int64_t limit_ms = definition_limits(core, campaign).queue_ms;
    return limit_ms > 0 ? end_overdue(core, campaign, limit_ms, err) : 0;
}

int limits_check(struct core *core, struct error *err) {
    size_t cursor = 0;
    void *value;
    while (map_next(core->campaigns, &cursor, NULL, &value)) {
        struct campaign *campaign = value;
        if (campaign->row.state != CAMPAIGN_RUNNING) continue;
        if ((deadline_is_over(core, &campaign->row) ? end_all(core, campaign, err)
                                                    : check_queue(core, campaign, err)) != 0)
            return -1;
    }
    return 0;
}

/* --- silence ---------------------------------------------------------------------------------- */
static bool has_moved(struct attempt *attempt, const struct rec_held *held) {
    struct attempt_sign *sign = &attempt->sign;
    if (sign->heard && sign->steps == held->steps && sign->progress == held->progress &&
        strncmp(sign->phase, held->phase, sizeof sign->phase - 1) == 0)
        return false;
    sign->heard = true;
    sign->steps = held->steps;
    sign->progress = held->progress;
    snprintf(sign->phase, sizeof sign->phase, "%s", held->phase);
    return true;
}

bool limits_silent(struct core *core, struct attempt *attempt, const struct rec_held *held,
                   char reason[LIMITS_REASON_SIZE]) {
    struct campaign *campaign = attempt->task->campaign;
    char place[DEFINITION_PLACE_SIZE];
    if (has_moved(attempt, held)) attempt->sign.moved_ms = core->lease.now_ms;
    int64_t silent_ms = core->lease.now_ms - attempt->sign.moved_ms;
    if (silent_ms < LIMITS_SILENCE_LEAST_MS || silent_ms < definition_limits(core, campaign).silence_ms) return false;
    definition_place(core, campaign, "limits.silence", place);
    snprintf(reason, LIMITS_REASON_SIZE, "silent for %lld s (`limits: silence` at %.60s)",
             (long long)(silent_ms / 1000), place);
    return true;
}
