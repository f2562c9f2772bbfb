/* Changes of state: memory, row, counts, what streams see; and the end of a campaign. */
#include <string.h>

#include "common/buf.h"
#include "coordinator/accept/verdicts.h"
#include "coordinator/clocks.h"
#include "coordinator/core.h"
#include "coordinator/plan/promotion.h"
#include "coordinator/publish/campaigns.h"
#include "coordinator/schedule/queue.h"
#include "coordinator/sweep/run.h"

void core_task_changed(struct core *core, struct task *task) {
    task->changed = ++core->change;
    task->campaign->changed = task->changed;
}

static bool all_ended(const struct campaign *campaign) {
    int64_t live = 0;
    for (int state = 0; state < TASK_DONE; state++) live += campaign->counts[state];
    return live == 0;
}

static void move(struct core *core, struct task *task, enum task_state state) {
    struct campaign *campaign = task->campaign;
    if (task->row.state != state) {
        if (state == TASK_QUEUED) task->row.queued_ms = clocks_service_ms(core);
        campaign->counts[task->row.state]--;
        campaign->counts[state]++;
        if (state == TASK_QUEUED || task_state_ended(state)) {
            task->phase[0] = 0;
            task->progress = task_state_ended(state) ? 1 : 0;
        }
        task->row.state = state;
    }
    task->row.changed_ms = core_wall_ms(core);
}

void core_task_published(struct core *core, struct task *task) {
    move(core, task, TASK_PUBLISHED);
    task->row.reason[0] = 0;
    core_task_changed(core, task);
    queue_remove(core, task);
}

int core_task_set(struct core *core, struct task *task, enum task_state state, struct error *err) {
    struct campaign *campaign = task->campaign;
    move(core, task, state);
    if (store_task_update(core->store, &task->row, err) != 0) return -1;
    core_task_changed(core, task);
    if (state == TASK_QUEUED)
        queue_add(core, task);
    else
        queue_remove(core, task);
    if (!task_state_ended(state)) return 0;
    if (promotion_plan(core, task, err) != 0) return -1;
    return core_campaign_check(core, campaign, err);
}

int core_attempt_set(struct core *core, struct attempt *attempt, enum attempt_state state, const char *reason,
                     struct error *err) {
    attempt->row.state = state;
    if (reason) snprintf(attempt->row.reason, sizeof attempt->row.reason, "%s", reason);
    core->metrics.attempts[state]++;
    return store_attempt_update(core->store, &attempt->row, err);
}

void core_attempt_opened(struct core *core, struct attempt *attempt) {
    attempt->row.state = ATTEMPT_OPEN;
    core->metrics.attempts[ATTEMPT_OPEN]++;
}

/* A try ends like `portolan-agent check`: with the exit status of the first verdict that is not `correct`. */
static int try_status(const struct campaign *campaign) {
    for (size_t i = 0; i < campaign->task_count; i++) {
        const struct rec_result *result = campaign->tasks[i]->result;
        int status = result && result->verdict ? verdict_exit_status(result->verdict) : 0;
        if (status != 0) return status;
    }
    return 0;
}

static int exit_status(const struct campaign *campaign) {
    if (campaign->row.state == CAMPAIGN_CANCELLED) return error_exit_status(ERR_CANCELLED);
    if (campaign->counts[TASK_NO_DEVICE] > 0 || campaign->counts[TASK_GAVE_UP] > 0) return 1;
    if (campaign->counts[TASK_CANCELLED] > 0) return 1; /* one by one */
    return strcmp(campaign->row.purpose, "try") == 0 ? try_status(campaign) : 0;
}

int core_campaign_check(struct core *core, struct campaign *campaign, struct error *err) {
    if (campaign->row.finished_ms != 0 || !all_ended(campaign)) return 0;
    if (strcmp(campaign->row.purpose, SWEEP_PURPOSE) == 0) {
        bool more = false;
        if (run_settled(core, campaign, &more, err) != 0) return -1;
        if (more) return 0;
    }
    if (campaign->row.state == CAMPAIGN_RUNNING) campaign->row.state = CAMPAIGN_COMPLETE;
    campaign->row.exit_status = exit_status(campaign);
    campaign->row.finished_ms = core_wall_ms(core);
    campaign->ended_mono_ms = core_mono_ms(core);
    campaign->changed = ++core->change;
    if (store_campaign_update(core->store, &campaign->row, err) != 0) return -1;
    return campaign_publish(core, campaign, err);
}
