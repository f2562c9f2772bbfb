#include "coordinator/sweep/run.h"

#include <jansson.h>
#include <string.h>

#include "common/hash.h"
#include "common/log.h"
#include "coordinator/accept/verdicts.h"
#include "coordinator/clocks.h"
#include "coordinator/plan/identity.h"
#include "coordinator/publish/campaigns.h"
#include "coordinator/schedule/cancel.h"
#include "coordinator/sweep/subjects.h"

/* --- tasks ------------------------------------------------------------------------------------ */
/* The policy of a night: as the promotion had it, but for what a sweep decides; the same each night, so that nights
 * compare. NULL: the record's is not JSON. The caller frees. */
static char *policy_of(const struct sweep_file *file, const struct rec_result *r) {
    struct rec_policy usual;
    json_t *root = json_loads(r->policy, 0, NULL), *policy = json_object_get(root, "policy");
    if (!json_is_object(policy)) {
        json_decref(root);
        return NULL;
    }
    rec_policy_init(&usual);
    json_object_set_new(policy, "sets", json_integer(file->sets ? file->sets : usual.sets));
    json_object_set_new(policy, "busy", json_string(file->notes_load ? "note" : usual.busy));
    rec_policy_done(&usual);
    json_object_set_new(policy, "promote", json_false());
    json_object_set_new(policy, "audit", json_false());
    json_object_set_new(policy, "queue_timeout_ms", json_integer(0)); /* the run's deadline is what ends it */
    json_object_del(root, "audit_promoted");
    json_object_del(root, "seeds"); /* fresh data each night */
    json_object_set_new(root, "config", json_string(r->config));
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(root);
    return text;
}

/* Who it is says the device, too: two of one target have a task each. */
static void identify(struct row_task *row, int repetition) {
    char purpose[300];
    snprintf(purpose, sizeof purpose, SWEEP_PURPOSE " %s", row->wanted);
    task_identify(row, purpose, repetition);
}

static void fill_row(struct core *core, const struct campaign *campaign, const struct rec_result *r,
                     const struct device *device, const char *policy, struct row_task *row) {
    memset(row, 0, sizeof *row);
    snprintf(row->campaign, sizeof row->campaign, "%s", campaign->row.id);
    row->ordinal = (int32_t)campaign->task_count;
    snprintf(row->kind, sizeof row->kind, "measure");
    snprintf(row->strategy, sizeof row->strategy, "%.7s", r->strategy);
    snprintf(row->problem, sizeof row->problem, "%s", r->problem);
    snprintf(row->problem_hash, sizeof row->problem_hash, "%s", r->problem_hash);
    snprintf(row->kernel, sizeof row->kernel, "%s", r->kernel);
    snprintf(row->kernel_hash, sizeof row->kernel_hash, "%s", r->kernel_hash);
    snprintf(row->size, sizeof row->size, "%s", r->size);
    snprintf(row->target, sizeof row->target, "%s", r->target);
    snprintf(row->purpose, sizeof row->purpose, SWEEP_PURPOSE);
    snprintf(row->wanted, sizeof row->wanted, "%.64s/%.64s", device->node->row.name, device->info->id);
    sha256_hex(policy, strlen(policy), row->policy_hash);
    row->state = TASK_QUEUED;
    row->changed_ms = core_wall_ms(core);
    row->queued_ms = clocks_service_ms(core);
    identify(row, 0);
}

static int insert(struct core *core, struct campaign *campaign, struct row_task *row, struct error *err) {
    bool is_new = false;
    if (store_task_insert(core->store, row, &is_new, err) != 0) return -1;
    if (is_new) core_task_add(core, campaign, row);
    return 0;
}

static int plan_kernel(struct core *core, struct campaign *campaign, const struct sweep *sweep,
                       const struct rec_result *r, const struct subject_devices *devices, struct error *err) {
    char hash[HASH_SIZE];
    CLEANUP_FREE char *policy = policy_of(sweep->file, r);
    if (!policy) return 0;
    sha256_hex(policy, strlen(policy), hash);
    if (store_problem_put(core->store, r->problem_hash, r->problem_yaml, err) != 0 ||
        store_kernel_put(core->store, r->kernel_hash, r->kernel_yaml, r->kernel_source, err) != 0 ||
        store_policy_put(core->store, hash, policy, err) != 0)
        return -1;
    for (size_t i = 0; i < devices->count; i++) {
        struct row_task row;
        if (strcmp(devices->items[i]->target, r->target) != 0) continue;
        fill_row(core, campaign, r, devices->items[i], policy, &row);
        if (insert(core, campaign, &row, err) != 0) return -1;
    }
    return 0;
}

/* --- start ------------------------------------------------------------------------------------ */
static size_t pairs_of(const struct subjects *kernels, const struct subject_devices *devices) {
    size_t n = 0;
    for (size_t k = 0; k < kernels->count; k++)
        for (size_t d = 0; d < devices->count; d++)
            n += strcmp(kernels->items[k]->target, devices->items[d]->target) == 0;
    return n;
}

static void say_empty(const struct subjects *kernels, const struct subject_devices *devices,
                      struct row_sweep_run *row) {
    if (devices->count == 0)
        snprintf(row->reason, sizeof row->reason, "no device of its targets takes work%s%.180s",
                 devices->left_out.len ? ": " : "", devices->left_out.len ? devices->left_out.data : "");
    else if (kernels->count == 0)
        snprintf(row->reason, sizeof row->reason,
                 "nothing was promoted: a campaign with `promote: true` has to confirm a kernel first");
    else
        snprintf(row->reason, sizeof row->reason, "nothing was promoted for the targets of its devices");
}

static int end_at_once(struct core *core, struct row_sweep_run *row, enum sweep_run_state state, struct error *err) {
    row->state = state;
    row->finished_ms = core_wall_ms(core);
    log_info("sweep %s: %s: %s", row->sweep, sweep_run_state_name(state), row->reason);
    core->change++;
    return row->seq ? store_sweep_run_update(core->store, row, err) : store_sweep_run_insert(core->store, row, err);
}

static struct campaign *open_campaign(struct core *core, const struct sweep *sweep, struct error *err) {
    struct row_campaign row = {.exit_status = -1, .weight = 1, .force = true, .priority = sweep->file->priority};
    campaign_id_new(false, row.id);
    snprintf(row.name, sizeof row.name, "%s", sweep->row.name);
    snprintf(row.purpose, sizeof row.purpose, SWEEP_PURPOSE);
    row.created_ms = core_wall_ms(core);
    row.submitted_ms = clocks_up_ms(core);
    if (store_campaign_insert(core->store, &row, sweep->filename, sweep->file->text, err) != 0) return NULL;
    return core_campaign_add(core, &row);
}

static int plan(struct core *core, struct sweep *sweep, const struct subjects *kernels,
                const struct subject_devices *devices, struct row_sweep_run *row, struct error *err) {
    struct campaign *campaign = open_campaign(core, sweep, err);
    if (!campaign) return -1;
    for (size_t k = 0; k < kernels->count; k++)
        if (plan_kernel(core, campaign, sweep, kernels->items[k], devices, err) != 0) return -1;
    row->state = SWEEP_RUN_RUNNING;
    row->planned = (int32_t)campaign->task_count;
    row->ends_ms = row->started_ms + sweep->file->deadline_ms;
    snprintf(row->campaign, sizeof row->campaign, "%s", campaign->row.id);
    if (devices->left_out.len) snprintf(row->reason, sizeof row->reason, "left out: %.200s", devices->left_out.data);
    int status =
        row->seq ? store_sweep_run_update(core->store, row, err) : store_sweep_run_insert(core->store, row, err);
    if (status != 0) return -1;
    sweep->run = *row;
    sweep->open = true;
    log_info("sweep %s: run %s with %d tasks", sweep->row.name, campaign->row.id, (int)row->planned);
    return campaign_publish(core, campaign, err);
}

int run_start(struct core *core, struct sweep *sweep, struct row_sweep_run *row, struct error *err) {
    struct subjects kernels;
    struct subject_devices devices;
    if (subjects_load(core, sweep->file, &kernels, err) != 0) return -1;
    subject_devices(core, sweep->file, &devices);
    row->started_ms = core_wall_ms(core);
    size_t pairs = pairs_of(&kernels, &devices);
    int status;
    if (pairs == 0) {
        say_empty(&kernels, &devices, row);
        status = end_at_once(core, row, SWEEP_RUN_EMPTY, err);
    } else if (pairs > TASKS_PER_CAMPAIGN_MAX) {
        snprintf(row->reason, sizeof row->reason, "%zu kernels on devices are more than the %d tasks of a run", pairs,
                 TASKS_PER_CAMPAIGN_MAX);
        status = end_at_once(core, row, SWEEP_RUN_EMPTY, err);
    } else {
        status = plan(core, sweep, &kernels, &devices, row, err);
    }
    subject_devices_done(&devices);
    subjects_done(&kernels);
    return status;
}

/* --- measured --------------------------------------------------------------------------------- */
static struct sweep *sweep_of(struct core *core, const struct campaign *campaign) {
    for (size_t i = 0; i < core->sweeps->count; i++) {
        struct sweep *sweep = core->sweeps->items[i];
        if (sweep->open && strcmp(sweep->run.campaign, campaign->row.id) == 0) return sweep;
    }
    return NULL;
}

static bool is_again(const struct task *task) {
    return *task->row.parent != 0;
}

int run_measured(struct core *core, const struct task *task, const struct rec_attempt *attempt, struct error *err) {
    const struct sweep *sweep = sweep_of(core, task->campaign);
    if (!sweep) return 0;
    struct series_source source = {.sweep = sweep->row.name,
                                   .run = sweep->run.campaign,
                                   .night_s = sweep->run.due_s,
                                   .repetition = is_again(task)};
    return series_record(core, &source, attempt, err);
}

static void count_measured(const struct campaign *campaign, struct row_sweep_run *run) {
    run->measured = run->wrong = 0;
    for (size_t i = 0; i < campaign->task_count; i++) {
        const struct task *task = campaign->tasks[i];
        if (is_again(task) || task->row.state != TASK_DONE || !task->result || !task->result->verdict) continue;
        run->measured++;
        run->wrong += !verdict_is_correct(task->result->verdict);
    }
}

static void fill_findings(const struct sweep *sweep, char *title, size_t title_size, struct findings_run *ret) {
    char when[ZONE_TEXT_SIZE];
    zone_text(sweep->file->zone, sweep->run.due_s, when);
    snprintf(title, title_size, "%s, %s", sweep->row.name, when);
    *ret = (struct findings_run){.sweep = sweep->row.name,
                                 .run = sweep->run.campaign,
                                 .title = title,
                                 .night_s = sweep->run.due_s,
                                 .planned = sweep->run.planned,
                                 .measured = sweep->run.measured,
                                 .judge = sweep->file->judge,
                                 .notify = sweep->file->notify};
}

/* --- measured again --------------------------------------------------------------------------- */
static bool is_of(const struct row_task *row, const struct series_key *key) {
    char wanted[SERIES_NODE_DEVICE_SIZE];
    snprintf(wanted, sizeof wanted, "%s/%s", key->node, key->device);
    return strcmp(row->problem, key->problem) == 0 && strcmp(row->kernel, key->kernel) == 0 &&
           strcmp(row->size, key->size) == 0 && strcmp(row->wanted, wanted) == 0;
}

static const struct task *first_of(const struct campaign *campaign, const struct series_key *key) {
    for (size_t i = 0; i < campaign->task_count; i++)
        if (!is_again(campaign->tasks[i]) && is_of(&campaign->tasks[i]->row, key)) return campaign->tasks[i];
    return NULL;
}

static int plan_again(struct core *core, struct campaign *campaign, const struct task *first, struct error *err) {
    struct row_task row = first->row;
    row.ordinal = (int32_t)campaign->task_count;
    row.state = TASK_QUEUED;
    row.attempts = row.failures = row.busy = 0;
    row.avoid[0] = row.reason[0] = 0;
    row.changed_ms = core_wall_ms(core);
    row.queued_ms = clocks_service_ms(core);
    snprintf(row.parent, sizeof row.parent, "%s", first->row.id);
    identify(&row, 1);
    return insert(core, campaign, &row, err);
}

static int judge(struct core *core, struct sweep *sweep, struct campaign *campaign, bool *ret_more, struct error *err) {
    char title[LABEL_SIZE + ZONE_TEXT_SIZE + 4];
    struct findings_run findings;
    struct series_key *keys = NULL;
    size_t count = 0, before = campaign->task_count;
    fill_findings(sweep, title, sizeof title, &findings);
    int status = findings_judge(core, &findings, &keys, &count, err);
    for (size_t i = 0; i < count && status == 0; i++) {
        const struct task *first = first_of(campaign, &keys[i]);
        if (first) status = plan_again(core, campaign, first, err);
    }
    free(keys);
    if (status != 0) return -1;
    *ret_more = campaign->task_count > before;
    sweep->run.suspects = (int32_t)count;
    if (!*ret_more) return 0;
    sweep->run.again = true;
    log_info("sweep %s: %zu suspects are measured again", sweep->row.name, campaign->task_count - before);
    return store_sweep_run_update(core->store, &sweep->run, err);
}

/* --- end -------------------------------------------------------------------------------------- */
static int conclude(struct core *core, struct sweep *sweep, struct error *err) {
    char title[LABEL_SIZE + ZONE_TEXT_SIZE + 4];
    struct findings_run findings;
    struct findings_summary summary = {0};
    if (sweep->removing) return 0;
    fill_findings(sweep, title, sizeof title, &findings);
    if (findings_conclude(core, &findings, &summary, err) != 0) return -1;
    sweep->run.confirmed = summary.confirmed;
    sweep->run.recovered = summary.recovered;
    return 0;
}

static int finish(struct core *core, struct sweep *sweep, enum sweep_run_state state, struct error *err) {
    struct row_sweep_run *run = &sweep->run;
    if (sweep->file && conclude(core, sweep, err) != 0) return -1;
    run->state = state;
    run->finished_ms = core_wall_ms(core);
    sweep->open = false;
    core->change++;
    log_info("sweep %s: run %s is %s: %d of %d measured, %d confirmed regressions", sweep->row.name, run->campaign,
             sweep_run_state_name(state), (int)run->measured, (int)run->planned, (int)run->confirmed);
    return store_sweep_run_update(core->store, run, err);
}

int run_settled(struct core *core, struct campaign *campaign, bool *ret_more, struct error *err) {
    struct sweep *sweep = sweep_of(core, campaign);
    *ret_more = false;
    if (!sweep) return 0;
    struct row_sweep_run *run = &sweep->run;
    count_measured(campaign, run);
    bool cancelled = campaign->row.state == CAMPAIGN_CANCELLED;
    if (!cancelled && !run->again && sweep->file && judge(core, sweep, campaign, ret_more, err) != 0) return -1;
    if (*ret_more) return 0;
    enum sweep_run_state state = SWEEP_RUN_COMPLETE;
    if (cancelled) state = run->state == SWEEP_RUN_OVERDUE ? SWEEP_RUN_OVERDUE : SWEEP_RUN_CANCELLED;
    return finish(core, sweep, state, err);
}

int run_end(struct core *core, struct sweep *sweep, enum sweep_run_state state, const char *reason, struct error *err) {
    int64_t cancelled = 0;
    struct campaign *campaign = core_campaign(core, sweep->run.campaign);
    snprintf(sweep->run.reason, sizeof sweep->run.reason, "%s", reason);
    /* Its campaign says the rest when its last task has ended, which may be now. */
    sweep->run.state = state;
    if (campaign && campaign->row.state == CAMPAIGN_RUNNING)
        return campaign_cancel(core, campaign, reason, &cancelled, err);
    return finish(core, sweep, state, err);
}
