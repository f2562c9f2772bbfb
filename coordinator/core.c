/* The coordinator's memory: its containers, and filling them from the store. */
#include "coordinator/core.h"

#include <string.h>

#include "common/buf.h"
#include "common/number.h"
#include "coordinator/accept/result.h"
#include "coordinator/clocks.h"
#include "coordinator/plan/definition.h"
#include "coordinator/plan/promotion.h"
#include "coordinator/plan/suite.h"
#include "coordinator/publish/schemas.h"
#include "coordinator/retention.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/schedule/quarantine.h"
#include "coordinator/schedule/queue.h"
#include "coordinator/schedule/slots.h"
#include "coordinator/store/backup.h"
#include "coordinator/sweep/sweep.h"
#include "coordinator/texts.h"

int64_t core_mono_ms(const struct core *core) {
    return core->clock.mono_ms(core->clock.context);
}

int64_t core_wall_ms(const struct core *core) {
    return core->clock.wall_ms(core->clock.context);
}

int64_t core_next_revision(struct core *core) {
    return store_epoch(core->store) * (INT64_C(1) << 32) + ++core->revision_counter;
}

struct campaign *core_campaign(struct core *core, const char *id) {
    return map_get(core->campaigns, id);
}

struct task *core_task(struct core *core, const char *id) {
    return map_get(core->tasks, id);
}

struct fleet_node *core_node(struct core *core, const char *name) {
    return map_get(core->nodes, name);
}

struct device *core_device(struct core *core, const char *node_name, const char *device) {
    struct fleet_node *node = core_node(core, node_name);
    for (size_t i = 0; node && i < node->device_count; i++)
        if (strcmp(node->devices[i].info->id, device) == 0) return &node->devices[i];
    return NULL;
}

struct attempt *task_attempt(const struct task *task, int n) {
    struct attempt *attempt = task->attempts;
    while (attempt && attempt->row.n != n) attempt = attempt->next;
    return attempt;
}

/* --- adding and dropping ---------------------------------------------------------------------- */
static struct campaign *campaign_new(const struct row_campaign *row) {
    struct campaign *campaign = xcalloc(1, sizeof *campaign);
    campaign->row = *row;
    return campaign;
}

static struct task *task_new(struct campaign *campaign, const struct row_task *row) {
    struct task *task = xcalloc(1, sizeof *task);
    task->row = *row;
    task->campaign = campaign;
    if (campaign->task_count == campaign->task_room) {
        campaign->task_room = campaign->task_room ? 2 * campaign->task_room : 32;
        campaign->tasks = xrealloc(campaign->tasks, campaign->task_room * sizeof *campaign->tasks);
    }
    campaign->tasks[campaign->task_count++] = task;
    campaign->counts[row->state]++;
    return task;
}

static void task_free(struct task *task) {
    rec_free(&rec_result_desc, task->result);
    free(task);
}

static void campaign_discard(struct campaign *campaign) {
    for (size_t i = 0; i < campaign->task_count; i++) task_free(campaign->tasks[i]);
    queue_forget(campaign);
    promotion_forget(campaign);
    definition_forget(campaign);
    free(campaign->tasks);
    free(campaign);
}

void campaign_release(struct campaign *campaign) {
    if (campaign && campaign->detached) campaign_discard(campaign);
}

struct campaign *core_campaign_add(struct core *core, const struct row_campaign *row) {
    struct campaign *campaign = campaign_new(row);
    map_put(core->campaigns, row->id, campaign);
    campaign->changed = ++core->change;
    return campaign;
}

struct task *core_task_add(struct core *core, struct campaign *campaign, const struct row_task *row) {
    struct task *task = task_new(campaign, row);
    map_put(core->tasks, row->id, task);
    promotion_count(task, 1);
    core_task_changed(core, task);
    if (row->state == TASK_QUEUED) queue_add(core, task);
    return task;
}

void core_task_drop(struct core *core, struct task *task) {
    struct campaign *campaign = task->campaign;
    queue_remove(core, task);
    promotion_count(task, -1);
    while (task->attempts) core_attempt_drop(core, task->attempts);
    map_remove(core->tasks, task->row.id);
    campaign->counts[task->row.state]--;
    /* Those that give way were mostly planned last. */
    size_t i = campaign->task_count - 1;
    while (campaign->tasks[i] != task) i--;
    memmove(&campaign->tasks[i], &campaign->tasks[i + 1], (--campaign->task_count - i) * sizeof *campaign->tasks);
    task_free(task);
}

void core_campaign_drop(struct core *core, struct campaign *campaign) {
    for (size_t i = 0; i < campaign->task_count; i++) {
        struct task *task = campaign->tasks[i];
        queue_remove(core, task);
        while (task->attempts) core_attempt_drop(core, task->attempts);
        map_remove(core->tasks, task->row.id);
    }
    map_remove(core->campaigns, campaign->row.id);
    campaign_discard(campaign);
}

struct attempt *core_attempt_add(struct core *core, struct task *task, const struct row_attempt *row) {
    struct attempt *attempt = xcalloc(1, sizeof *attempt);
    attempt->row = *row;
    attempt->task = task;
    attempt->order = ++core->attempt_orders;
    attempt->next = task->attempts;
    task->attempts = attempt;
    if (core->open_count == core->open_room) {
        core->open_room = core->open_room ? 2 * core->open_room : 64;
        core->open = xrealloc(core->open, core->open_room * sizeof(struct attempt *));
    }
    attempt->index = core->open_count;
    core->open[core->open_count++] = attempt;
    attempt->lease_until = core->lease.now_ms + core->config.lease_ms;
    if (row->state <= ATTEMPT_OPEN) core_attempt_hold_slot(core, attempt);
    return attempt;
}

void core_attempt_hold_slot(struct core *core, struct attempt *attempt) {
    struct device *device = core_device(core, attempt->row.node, attempt->row.device);
    if (attempt->holds_slot) return;
    /* A device that is not there (yet) counts its attempts when it is added. */
    attempt->holds_slot = true;
    if (!device) return;
    device->held++;
    slots_moved(core, device);
}

/* The campaign pays for what the attempt took: as its agent says, else as far as it was seen; where neither is known
 * and there is a verdict, what it was charged stands. */
static void settle(struct core *core, struct attempt *attempt) {
    const struct row_attempt *row = &attempt->row;
    double took_ms = row->duration_ms;
    if (attempt->charged_ms <= 0) return;
    if (took_ms <= 0 && attempt->ran_mono_ms) took_ms = (double)(core_mono_ms(core) - attempt->ran_mono_ms);
    if (took_ms <= 0 && *row->verdict) took_ms = attempt->charged_ms;
    queue_settle(attempt->task, attempt->charged_ms, took_ms);
    attempt->charged_ms = 0;
}

void core_attempt_release_slot(struct core *core, struct attempt *attempt) {
    if (!attempt->holds_slot) return;
    attempt->holds_slot = false;
    settle(core, attempt);
    struct device *device = core_device(core, attempt->row.node, attempt->row.device);
    if (device && device->held > 0) device->held--;
    if (device) slots_moved(core, device);
    core->schedule_wanted = true;
}

void core_attempt_drop(struct core *core, struct attempt *attempt) {
    core_attempt_release_slot(core, attempt);
    struct attempt **link = &attempt->task->attempts;
    while (*link != attempt) link = &(*link)->next;
    *link = attempt->next;
    core->open[attempt->index] = core->open[--core->open_count];
    core->open[attempt->index]->index = attempt->index;
    free(attempt);
}

/* --- loading ---------------------------------------------------------------------------------- */
struct loading {
    struct core *core;
    struct campaign *campaign;
    struct map *tasks; /* of a detached campaign */
    struct row_campaign *rows;
    size_t count;
};

static int load_task(void *context, const struct row_task *row, struct error *err) {
    struct loading *l = context;
    (void)err;
    if (l->campaign->detached)
        map_put(l->tasks, row->id, task_new(l->campaign, row));
    else
        core_task_add(l->core, l->campaign, row);
    return 0;
}

/* Results come in the order of revisions, tasks in that of planning; both of one campaign. */
static int load_result(void *context, const struct row_result *row, struct error *err) {
    struct loading *l = context;
    struct rec_result *result = rec_new(&rec_result_desc);
    rec_done(&rec_result_desc, result);
    if (codec_decode_as(l->core->codec, row->record, row->len, &rec_result_desc, result, err) != 0) {
        free(result);
        return error_wrap(err, "stored result of task %s", row->task);
    }
    result_forget_texts(result);
    struct task *task = map_get(l->campaign->detached ? l->tasks : l->core->tasks, row->task);
    if (task && !task->result)
        task->result = result;
    else
        rec_free(&rec_result_desc, result);
    return 0;
}

static int load_campaign(struct core *core, struct campaign *campaign, struct error *err) {
    struct loading l = {.core = core, .campaign = campaign};
    struct result_query query = {.campaign = campaign->row.id};
    l.tasks = map_new();
    int status = store_tasks(core->store, campaign->row.id, load_task, &l, err);
    if (status == 0) status = store_results(core->store, &query, load_result, &l, err);
    map_free(l.tasks);
    return status;
}

static int collect_campaign(void *context, const struct row_campaign *row, struct error *err) {
    struct loading *l = context;
    (void)err;
    l->rows = xrealloc(l->rows, (l->count + 1) * sizeof *l->rows);
    l->rows[l->count++] = *row;
    return 0;
}

static int load_attempt(void *context, const struct row_attempt *row, struct error *err) {
    struct loading *l = context;
    (void)err;
    struct task *task = core_task(l->core, row->task);
    if (!task || task_state_ended(task->row.state)) return 0;
    struct attempt *attempt = core_attempt_add(l->core, task, row);
    if (task->row.attempts < row->n) task->row.attempts = row->n;
    if (row->state <= ATTEMPT_OPEN && task->row.state == TASK_QUEUED) core_task_published(l->core, task);
    /* Whether a record that was being published arrived is not known: as if it had. If not, its lease will lapse. */
    if (attempt->row.state == ATTEMPT_PUBLISHING) attempt->row.state = ATTEMPT_OPEN;
    return 0;
}

static int load_node(void *context, const struct row_node *row, const void *record, size_t len, struct error *err) {
    struct loading *l = context;
    struct rec_node *info = rec_new(&rec_node_desc);
    rec_done(&rec_node_desc, info);
    if (codec_decode_as(l->core->codec, record, len, &rec_node_desc, info, err) != 0) {
        free(info);
        return error_wrap(err, "stored node %s", row->name);
    }
    nodes_add(l->core, row, info);
    return 0;
}

static int load_health(void *context, const struct row_health *row, struct error *err) {
    struct loading *l = context;
    (void)err;
    health_load(l->core, row);
    return 0;
}

/* A task that is out has a live attempt; one whose attempts are all gone is queued again. */
static int mend_task(struct core *core, struct task *task, struct error *err) {
    bool out = task->row.state == TASK_PUBLISHED || task->row.state == TASK_RUNNING;
    return out && !task->attempts ? core_task_set(core, task, TASK_QUEUED, err) : 0;
}

static int load(struct core *core, struct error *err) {
    struct loading l = {.core = core};
    if (store_nodes(core->store, load_node, &l, err) != 0) return -1;
    if (store_healths(core->store, load_health, &l, err) != 0) return -1;
    int status = store_campaigns(core->store, true, NULL, 0, collect_campaign, &l, err);
    for (size_t i = l.count; i-- > 0 && status == 0;)
        status = load_campaign(core, core_campaign_add(core, &l.rows[i]), err);
    free(l.rows);
    if (status != 0 || store_attempts(core->store, NULL, load_attempt, &l, err) != 0) return -1;
    size_t cursor = 0;
    void *campaign;
    while (map_next(core->campaigns, &cursor, NULL, &campaign)) {
        const struct campaign *c = campaign;
        for (size_t i = 0; i < c->task_count; i++)
            if (mend_task(core, c->tasks[i], err) != 0) return -1;
    }
    return 0;
}

struct campaign *core_campaign_view(struct core *core, const char *id, struct error *err) {
    struct row_campaign row;
    struct campaign *campaign = core_campaign(core, id);
    if (campaign) return campaign;
    if (store_campaign_find(core->store, id, &row, err) != 0) return NULL;
    campaign = core_campaign(core, row.id);
    if (campaign) return campaign;
    campaign = campaign_new(&row);
    campaign->detached = true;
    if (load_campaign(core, campaign, err) == 0) return campaign;
    campaign_discard(campaign);
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */
static int read_known_since(struct core *core, struct error *err) {
    CLEANUP_FREE char *text = store_meta_get(core->store, META_KNOWN_SINCE, err);
    if (!text) return -1;
    if (*text && number_int(text, &core->known_since) != NUMBER_OK)
        return error_set(err, ERR_INVALID, "store: `" META_KNOWN_SINCE "` is not a number: %.40s", text);
    return 0;
}

static int set_up(struct core *core, struct error *err) {
    if (schemas_register(core, err) != 0 || read_known_since(core, err) != 0) return -1;
    core->rules = core->config.fleet_file ? target_rules_load(core->config.fleet_file, err) : NULL;
    if (core->config.fleet_file && !core->rules) return -1;
    core->shipped = suite_load(core->config.problems_dir);
    if (clocks_load(core, err) != 0 || load(core, err) != 0 || sweeps_load(core, err) != 0) return -1;
    return store_commit(core->store, err);
}

struct core *core_new(struct store *store, struct codec *codec, const struct coordinator_clock *clock,
                      const struct core_config *config, struct error *err) {
    struct core *core = xcalloc(1, sizeof *core);
    core->clock = *clock;
    core->config = *config;
    core->store = store;
    core->codec = codec;
    core->texts = texts_new();
    core->tasks = map_new();
    core->campaigns = map_new();
    core->nodes = map_new();
    core->queues = map_new();
    core->summaries = map_new();
    if (set_up(core, err) != 0) {
        core->store = NULL;
        core->codec = NULL;
        core_free(core);
        return NULL;
    }
    return core;
}

void core_free(struct core *core) {
    if (!core) return;
    size_t cursor = 0;
    void *value;
    while (core->open_count > 0) core_attempt_drop(core, core->open[0]);
    while (map_next(core->campaigns, &cursor, NULL, &value)) campaign_discard(value);
    for (cursor = 0; map_next(core->queues, &cursor, NULL, &value);) queue_free(value);
    for (cursor = 0; map_next(core->nodes, &cursor, NULL, &value);) nodes_free_one(value);
    map_free(core->tasks);
    map_free(core->campaigns);
    map_free(core->queues);
    map_free(core->nodes);
    for (cursor = 0; map_next(core->summaries, &cursor, NULL, &value);) free(value);
    map_free(core->summaries);
    heap_done(&core->backing_off);
    slots_free(core->slots);
    for (size_t i = 0; i < core->effect_count; i++) effect_done(&core->effects[i]);
    free(core->effects);
    free(core->open);
    suite_free(core->shipped);
    gc_free(core->gc);
    sweeps_free(core->sweeps);
    texts_free(core->texts);
    target_rules_free(core->rules);
    codec_free(core->codec);
    store_close(core->store);
    free(core);
}
