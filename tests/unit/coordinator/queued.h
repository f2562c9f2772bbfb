/* Campaigns and tasks for tests of the queue alone: in memory, with rows that the store has never seen. */
#pragma once
#include "coordinator/schedule/queue.h"
#include "tests/unit/coordinator/fixture.h"

UNUSED_OK static struct campaign *queued_campaign(struct fixture *f, const char *purpose, int priority, double weight) {
    static int64_t seq;
    struct row_campaign row = {.seq = ++seq, .priority = priority, .weight = weight, .exit_status = -1};
    snprintf(row.id, sizeof row.id, "c%012llx", (unsigned long long)seq);
    snprintf(row.name, sizeof row.name, "c%lld", (long long)seq);
    snprintf(row.purpose, sizeof row.purpose, "%s", purpose);
    return core_campaign_add(f->core, &row);
}

UNUSED_OK static struct task *queued_task(struct fixture *f, struct campaign *campaign, const char *target) {
    static uint64_t number;
    struct row_task row = {.state = TASK_QUEUED, .ordinal = (int32_t)campaign->task_count};
    snprintf(row.id, sizeof row.id, "%032llx", (unsigned long long)++number);
    snprintf(row.campaign, sizeof row.campaign, "%s", campaign->row.id);
    snprintf(row.target, sizeof row.target, "%s", target);
    return core_task_add(f->core, campaign, &row);
}

UNUSED_OK static struct task *queued_take(struct fixture *f, const char *target, double *ret_charged_ms) {
    static const struct queue_wish any = {.last = QUEUE_SWEEP};
    return queue_take(queue_of(f->core, target), &any, ret_charged_ms);
}
