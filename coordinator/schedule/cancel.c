#include "coordinator/schedule/cancel.h"

#include <stdio.h>

#include "common/log.h"
#include "coordinator/accept/result.h"
#include "coordinator/schedule/attempts.h"

int task_revoke_attempts(struct core *core, struct task *task, const char *reason, struct error *err) {
    while (task->attempts) {
        struct attempt *attempt = task->attempts;
        if (core_attempt_set(core, attempt, ATTEMPT_REVOKED, reason, err) != 0) return -1;
        if (attempt_send_cancel(core, &attempt->row, reason, err) != 0) return -1;
        core_attempt_drop(core, attempt);
    }
    return 0;
}

static int end_task(struct core *core, struct task *task, const char *reason, struct error *err) {
    if (task_revoke_attempts(core, task, reason, err) != 0) return -1;
    snprintf(task->row.reason, sizeof task->row.reason, "%s", reason);
    /* A cell without a device was never a task: there is nothing to publish about it. */
    if (task->row.state != TASK_WAITING && result_without_attempt(core, task, "cancelled", reason, err) != 0) return -1;
    return core_task_set(core, task, TASK_CANCELLED, err);
}

int campaign_cancel(struct core *core, struct campaign *campaign, const char *reason, int64_t *ret_cancelled,
                    struct error *err) {
    *ret_cancelled = 0;
    if (campaign->row.state != CAMPAIGN_RUNNING)
        return error_set(err, ERR_CONFLICT, "campaign %s is %s already", campaign->row.id,
                         campaign_state_name(campaign->row.state));
    campaign->row.state = CAMPAIGN_CANCELLED;
    log_info("campaign %s is cancelled: %s", campaign->row.id, reason);
    for (size_t i = 0; i < campaign->task_count; i++) {
        if (task_state_ended(campaign->tasks[i]->row.state)) continue;
        if (end_task(core, campaign->tasks[i], reason, err) != 0) return -1;
        ++*ret_cancelled;
    }
    return core_campaign_check(core, campaign, err);
}

int task_cancel(struct core *core, struct task *task, const char *reason, struct error *err) {
    if (task_state_ended(task->row.state))
        return error_set(err, ERR_CONFLICT, "task %s has ended already: %s", task->row.id,
                         task_state_name(task->row.state));
    log_info("task %s is cancelled: %s", task->row.id, reason);
    return end_task(core, task, reason, err);
}
