#include "coordinator/plan/promotion.h"

#include <jansson.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/log.h"
#include "coordinator/accept/verdicts.h"
#include "coordinator/clocks.h"
#include "coordinator/plan/definition.h"
#include "coordinator/plan/identity.h"
#include "problems/check/precision.h"

bool task_is_promotion(const struct task *task) {
    return strcmp(task->row.purpose, PROMOTION_PURPOSE) == 0;
}

struct task *promotion_parent(struct core *core, const struct task *task) {
    return task_is_promotion(task) ? core_task(core, task->row.parent) : NULL;
}

const struct task *promotion_parent_in(const struct campaign *campaign, const struct task *task) {
    for (size_t i = 0; task_is_promotion(task) && i < campaign->task_count; i++)
        if (strcmp(campaign->tasks[i]->row.id, task->row.parent) == 0) return campaign->tasks[i];
    return NULL;
}

static bool promotion_in(const struct campaign *campaign, const char *id) {
    for (size_t i = 0; i < campaign->task_count; i++)
        if (strcmp(campaign->tasks[i]->row.id, id) == 0) return true;
    return false;
}

/* --- the cell --------------------------------------------------------------------------------- */
static bool same_cell(const struct task *a, const struct task *b) {
    return strcmp(a->row.problem, b->row.problem) == 0 && strcmp(a->row.target, b->row.target) == 0 &&
           strcmp(a->row.size, b->row.size) == 0;
}

/* Kernels that declare less precision are ranked apart and win no cell. */
static bool may_win(const struct task *task, double margin) {
    const struct rec_result *r = task->result;
    return r && precision_from_name(r->precision) <= PRECISION_STRICT && !task_is_promotion(task) &&
           verdict_is_correct(r->verdict) && strcmp(r->status, "retracted") != 0 && r->has_speedup_low &&
           r->speedup_low > 1 + margin;
}

static bool is_confirmed(const struct task *task) {
    return task->result && strcmp(task->result->status, "confirmed") == 0;
}

/* It was confirmed in another campaign, against other kernels: here it only stands for itself. */
static bool came_confirmed(const struct task *task) {
    const struct rec_result *r = task->result;
    return is_confirmed(task) && r->deduplicated_from && r->promotion && !promotion_in(task->campaign, r->promotion);
}

/* The winner, or NULL: nobody won, somebody is confirmed already, or it is not over. A promotion that was given up says
 * nothing against its kernel, so no other takes its place. Goes over all of the campaign's tasks, once for each end of
 * a cell. */
static struct task *winner_of(const struct task *ended, double margin) {
    const struct campaign *campaign = ended->campaign;
    struct task *best = NULL;
    int promotions = 0;
    for (size_t i = 0; i < campaign->task_count; i++) {
        struct task *task = campaign->tasks[i];
        if (!same_cell(task, ended)) continue;
        if (!task_state_ended(task->row.state)) return NULL;
        if (is_confirmed(task) && !came_confirmed(task)) return NULL;
        if (task_is_promotion(task) && (task->row.state != TASK_DONE || ++promotions == PROMOTIONS_PER_CELL))
            return NULL;
        /* The speedup is against the baseline on the same device: times of two devices of a target do not compare. */
        if (may_win(task, margin) && (!best || task->result->speedup > best->result->speedup)) best = task;
    }
    return best && is_confirmed(best) ? NULL : best;
}

/* --- its promotion ---------------------------------------------------------------------------- */
static json_t *policy_of(struct core *core, const struct task *task, struct error *err) {
    CLEANUP_FREE char *text = store_policy_get(core->store, task->row.policy_hash, err);
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    if (text && !root) error_set(err, ERR_IO, "stored policy of task %s is not JSON", task->row.id);
    return root;
}

/* The policy as a promotion has it, from that of the winner's task; the caller frees. NULL with err. */
static char *promotion_policy(struct core *core, const struct task *winner, struct error *err) {
    json_t *root = policy_of(core, winner, err), *policy = json_object_get(root, "policy");
    if (!root) return NULL;
    if (json_integer_value(json_object_get(policy, "sets")) < PROMOTION_SETS)
        json_object_set_new(policy, "sets", json_integer(PROMOTION_SETS));
    json_object_set_new(policy, "audit", json_boolean(json_is_true(json_object_get(root, "audit_promoted"))));
    json_object_set_new(root, "config", json_string(winner->result->config));
    json_object_del(root, "audit_promoted");
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(root);
    return text;
}

static int next_ordinal(const struct campaign *campaign) {
    int ordinal = 0;
    for (size_t i = 0; i < campaign->task_count; i++)
        if (campaign->tasks[i]->row.ordinal >= ordinal) ordinal = campaign->tasks[i]->row.ordinal + 1;
    return ordinal;
}

/* A place where it was measured already is one to avoid, as for a task that failed there: another device of the target
 * is taken while one is in service, the same one otherwise. */
static void fill_row(struct core *core, const struct task *winner, struct row_task *row) {
    const struct rec_result *r = winner->result;
    *row = winner->row;
    row->state = TASK_QUEUED;
    row->ordinal = next_ordinal(winner->campaign);
    row->attempts = row->failures = row->busy = 0;
    row->reason[0] = 0;
    snprintf(row->kind, sizeof row->kind, "measure");
    snprintf(row->purpose, sizeof row->purpose, PROMOTION_PURPOSE);
    snprintf(row->parent, sizeof row->parent, "%s", winner->row.id);
    snprintf(row->avoid, sizeof row->avoid, "%.64s/%.64s", r->node ? r->node : "", r->device ? r->device : "");
    row->changed_ms = core_wall_ms(core);
    row->queued_ms = clocks_service_ms(core);
}

static int promote(struct core *core, const struct task *winner, struct error *err) {
    struct row_task row;
    bool is_new = false;
    CLEANUP_FREE char *policy = promotion_policy(core, winner, err);
    if (!policy) return -1;
    fill_row(core, winner, &row);
    sha256_hex(policy, strlen(policy), row.policy_hash);
    task_identify(&row, PROMOTION_PURPOSE, 0);
    if (store_policy_put(core->store, row.policy_hash, policy, err) != 0 ||
        store_task_insert(core->store, &row, &is_new, err) != 0)
        return -1;
    if (!is_new) return 0;
    core_task_add(core, winner->campaign, &row);
    log_info("campaign %s: %s of %s on %s is measured again (%.3fx)", row.campaign, row.kernel, row.problem, row.target,
             winner->result->speedup);
    return 0;
}

/* --- open tasks of cells ---------------------------------------------------------------------- */
struct cell {
    int64_t open;
};

static struct cell *cell_of(struct map *cells, const struct task *task) {
    const struct row_task *row = &task->row;
    CLEANUP_FREE char *key = xasprintf("%s\n%s\n%s", row->problem, row->target, row->size);
    struct cell *cell = map_get(cells, key);
    if (cell) return cell;
    cell = xcalloc(1, sizeof *cell);
    map_put(cells, key, cell);
    return cell;
}

/* Counted from when the first task ends. */
static struct map *open_cells(struct campaign *campaign) {
    if (campaign->open_cells) return campaign->open_cells;
    campaign->open_cells = map_new();
    for (size_t i = 0; i < campaign->task_count; i++)
        if (!task_state_ended(campaign->tasks[i]->row.state)) cell_of(campaign->open_cells, campaign->tasks[i])->open++;
    return campaign->open_cells;
}

void promotion_count(const struct task *task, int change) {
    struct map *cells = task->campaign->open_cells;
    if (cells && !task_state_ended(task->row.state)) cell_of(cells, task)->open += change;
}

void promotion_forget(struct campaign *campaign) {
    size_t cursor = 0;
    void *cell;
    if (!campaign->open_cells) return;
    while (map_next(campaign->open_cells, &cursor, NULL, &cell)) free(cell);
    map_free(campaign->open_cells);
    campaign->open_cells = NULL;
}

/* The last open task of its cell. */
static bool ends_cell(const struct task *task) {
    bool counted = task->campaign->open_cells != NULL;
    struct cell *cell = cell_of(open_cells(task->campaign), task);
    if (counted) cell->open--;
    return cell->open == 0;
}

int promotion_plan(struct core *core, const struct task *task, struct error *err) {
    const struct row_campaign *campaign = &task->campaign->row;
    if (campaign->state != CAMPAIGN_RUNNING || strcmp(campaign->purpose, "campaign") != 0) return 0;
    const struct campaign_file *file = definition_of(core, task->campaign);
    if (!file || !file->promote || !ends_cell(task)) return 0;
    json_t *root = policy_of(core, task, err);
    if (!root) return -1;
    double margin = json_number_value(json_object_get(json_object_get(root, "policy"), "margin"));
    json_decref(root);
    const struct task *winner = winner_of(task, margin);
    return winner ? promote(core, winner, err) : 0;
}
