#include "coordinator/plan/replay.h"

#include <jansson.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/log.h"
#include "coordinator/clocks.h"
#include "coordinator/plan/identity.h"
#include "coordinator/schedule/nodes.h"
#include "fleet/replay/record.h"

/* --- is it what is stored? -------------------------------------------------------------------- */
/* Names of the fields that differ. */
static void differences(const struct rec_result *a, const struct rec_result *b, struct buf *out) {
    json_t *x = codec_to_json(&rec_result_desc, a), *y = codec_to_json(&rec_result_desc, b), *value;
    const char *key;
    json_object_foreach(x, key, value) {
        if (!json_equal(value, json_object_get(y, key))) buf_printf(out, "%s`%s`", out->len ? ", " : "", key);
    }
    json_decref(x);
    json_decref(y);
}

/* Who has the original need not trust the copy. */
static int check_against_store(struct core *core, const struct rec_result *record, struct error *err) {
    CLEANUP_FREE uint8_t *data = NULL;
    CLEANUP(buf_done) struct buf names = BUF_INIT;
    size_t len = 0;
    struct rec_result stored;
    struct error missing = ERROR_INIT;
    if (store_result_get(core->store, record->task_id, &data, &len, &missing) != 0) {
        if (missing.code == ERR_NOT_FOUND) return 0;
        if (err) *err = missing;
        return -1;
    }
    if (codec_decode_as(core->codec, data, len, &rec_result_desc, &stored, err) != 0) return -1;
    if (stored.revision == record->revision) differences(record, &stored, &names);
    rec_result_done(&stored);
    if (names.len == 0) return 0;
    error_set(err, ERR_INVALID, "the record is not what is stored of task %.12s: %.1000s", record->task_id, names.data);
    return error_hint(err, "`portolan replay %.12s` replays what is stored", record->task_id);
}

/* --- the task --------------------------------------------------------------------------------- */
struct search {
    const char *target;
    bool found;
};

static bool serves(void *context, struct device *device) {
    struct search *s = context;
    s->found = device_in_service(device) && strcmp(device->target, s->target) == 0;
    return !s->found;
}

static int check_target(struct core *core, const char *target, struct error *err) {
    struct search s = {.target = target};
    devices_each(core, serves, &s);
    if (s.found) return 0;
    error_set(err, ERR_NOT_FOUND, "no device of the record's target `%.100s` is in service", target);
    return error_hint(err, "`portolan nodes` shows who is there");
}

static void fill_row(struct core *core, const struct rec_result *r, const char *campaign, const char *policy,
                     struct row_task *row) {
    memset(row, 0, sizeof *row);
    snprintf(row->campaign, sizeof row->campaign, "%s", campaign);
    snprintf(row->kind, sizeof row->kind, "measure");
    snprintf(row->strategy, sizeof row->strategy, "%.7s", r->strategy);
    snprintf(row->problem, sizeof row->problem, "%s", r->problem);
    snprintf(row->problem_hash, sizeof row->problem_hash, "%s", r->problem_hash);
    snprintf(row->kernel, sizeof row->kernel, "%s", r->kernel);
    snprintf(row->kernel_hash, sizeof row->kernel_hash, "%s", r->kernel_hash);
    snprintf(row->size, sizeof row->size, "%s", r->size);
    snprintf(row->target, sizeof row->target, "%s", r->target);
    sha256_hex(policy, strlen(policy), row->policy_hash);
    row->state = TASK_QUEUED;
    row->changed_ms = core_wall_ms(core);
    row->queued_ms = clocks_service_ms(core);
    if (r->node && r->device) snprintf(row->wanted, sizeof row->wanted, "%.64s/%.64s", r->node, r->device);
    task_identify(row, "try", 0);
}

static int store_all(struct core *core, const struct rec_result *r, const char *id, const char *policy,
                     struct error *err) {
    struct row_campaign row = {.state = CAMPAIGN_RUNNING, .exit_status = -1, .weight = 1};
    struct row_task task;
    bool is_new = false;
    CLEANUP_FREE char *definition = xasprintf("# a replay of %s\n", r->task_id);
    snprintf(row.id, sizeof row.id, "%s", id);
    snprintf(row.name, sizeof row.name, "%s", r->kernel);
    snprintf(row.purpose, sizeof row.purpose, "try");
    row.created_ms = core_wall_ms(core);
    row.submitted_ms = clocks_up_ms(core);
    fill_row(core, r, id, policy, &task);
    if (store_campaign_insert(core->store, &row, "replay", definition, err) != 0 ||
        store_problem_put(core->store, r->problem_hash, r->problem_yaml, err) != 0 ||
        store_kernel_put(core->store, r->kernel_hash, r->kernel_yaml, r->kernel_source, err) != 0 ||
        store_policy_put(core->store, task.policy_hash, policy, err) != 0 ||
        store_task_insert(core->store, &task, &is_new, err) != 0)
        return -1;
    core_task_add(core, core_campaign_add(core, &row), &task);
    log_info("replay %s of task %s: %s on %s", id, r->task_id, r->kernel, r->target);
    return 0;
}

int plan_replay(struct core *core, const struct rec_result *record, char campaign[CAMPAIGN_ID_SIZE],
                struct error *err) {
    struct rec_task task;
    if (check_against_store(core, record, err) != 0) return -1;
    int status = replay_task(record, &task, err);
    rec_done(&rec_task_desc, &task);
    if (status != 0 || check_target(core, record->target, err) != 0) return -1;
    CLEANUP_FREE char *policy = replay_policy_text(record);
    if (!policy) return error_set(err, ERR_INVALID, "the record's `policy` is not JSON");
    campaign_id_new(true, campaign);
    return store_all(core, record, campaign, policy, err);
}
