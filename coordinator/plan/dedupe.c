#include "coordinator/plan/dedupe.h"

#include <string.h>

#include "common/hash.h"
#include "common/log.h"
#include "coordinator/accept/result.h"
#include "coordinator/accept/verdicts.h"
#include "coordinator/plan/promotion.h"
#include "coordinator/schedule/choice.h"
#include "coordinator/schedule/service.h"
#include "coordinator/schedule/slots.h"

/* --- the driver ------------------------------------------------------------------------------- */
/* That of the devices which serve the target for this campaign; NULL when there is none, or they differ: then it
 * depends on the device what would be measured. */
static const char *driver_of(struct core *core, struct campaign *campaign, const char *name) {
    const struct slots_target *target = slots_of(core, name);
    const char *driver = NULL;
    for (size_t i = 0; target && i < target->count; i++) {
        const struct device *device = target->devices[i];
        if (!device_known(core, device) || !choice_selects(core, campaign, device)) continue;
        if (driver && strcmp(driver, device->info->driver_version) != 0) return NULL;
        driver = device->info->driver_version;
    }
    return driver && *driver ? driver : NULL;
}

/* --- the result ------------------------------------------------------------------------------- */
struct lookup {
    struct core *core;
    const char *driver;
    struct rec_result *found;
};

/* 1: take it, 0: says nothing, -1: is known not to stand. */
static int judge(const struct rec_result *r, const char *driver) {
    if (r->deduplicated_from || strcmp(r->driver_version, driver) != 0) return 0;
    if (strcmp(r->outcome, "verdict") != 0 || !r->verdict) return 0;
    if (strcmp(r->status, "retracted") == 0) return -1;
    if (verdict_is_correct(r->verdict) && !r->has_time_ns_p50) return 0;
    return 1;
}

/* The latest that says something decides. */
static int look_at(void *context, const struct row_task *row, struct error *err) {
    struct lookup *l = context;
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    struct error missing = ERROR_INIT;
    if (store_result_get(l->core->store, row->id, &data, &len, &missing) != 0) {
        if (missing.code == ERR_NOT_FOUND) return 0;
        if (err) *err = missing;
        return -1;
    }
    struct rec_result *r = rec_new(&rec_result_desc);
    rec_done(&rec_result_desc, r);
    if (codec_decode_as(l->core->codec, data, len, &rec_result_desc, r, err) != 0) {
        free(r);
        return error_wrap(err, "stored result of task %s", row->id);
    }
    int verdict = judge(r, l->driver);
    if (verdict > 0)
        l->found = r;
    else
        rec_free(&rec_result_desc, r);
    return verdict != 0;
}

/* The record as the new task tells it. */
static void retell(struct core *core, const struct task *task, struct rec_result *r) {
    const struct row_campaign *campaign = &task->campaign->row;
    rec_set(&r->deduplicated_from, r->task_id);
    rec_set(&r->task_id, task->row.id);
    r->revision = core_next_revision(core);
    rec_set(&r->campaign, campaign->id);
    rec_set(&r->campaign_name, campaign->name);
    rec_set(&r->purpose, campaign->purpose);
    rec_set(&r->strategy, task->row.strategy);
    r->attempts = 0;
    r->accepted_ms = core_wall_ms(core);
}

static int end_with(struct core *core, struct task *task, struct rec_result *r, struct error *err) {
    char policy[HASH_SIZE];
    retell(core, task, r);
    /* That of a confirmed one is its promotion's. */
    sha256_hex(r->policy, strlen(r->policy), policy);
    if (result_publish(core, task, policy, r, err) != 0) {
        rec_free(&rec_result_desc, r);
        return -1;
    }
    return core_task_set(core, task, TASK_DONE, err);
}

/* *ret_known: it was. */
static int dedupe(struct core *core, struct task *task, bool *ret_known, struct error *err) {
    struct lookup l = {.core = core, .driver = driver_of(core, task->campaign, task->row.target)};
    *ret_known = false;
    if (!l.driver) return 0;
    if (store_tasks_alike(core->store, &task->row, look_at, &l, err) != 0) return -1;
    if (!l.found) return 0;
    *ret_known = true;
    return end_with(core, task, l.found, err);
}

int dedupe_campaign(struct core *core, struct campaign *campaign, int64_t *ret_known, struct error *err) {
    *ret_known = 0;
    if (campaign->row.force || strcmp(campaign->row.purpose, "campaign") != 0) return 0;
    /* Promotions that follow stand at the end of the list, and are not asked. */
    for (size_t i = 0, n = campaign->task_count; i < n; i++) {
        struct task *task = campaign->tasks[i];
        bool known = false;
        if (task->row.state != TASK_QUEUED || task->row.attempts > 0 || task_is_promotion(task)) continue;
        if (dedupe(core, task, &known, err) != 0) return -1;
        *ret_known += known;
    }
    if (*ret_known > 0)
        log_info("campaign %s: %lld results were known already", campaign->row.id, (long long)*ret_known);
    return 0;
}
