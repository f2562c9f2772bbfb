#include "coordinator/plan/plan.h"

#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/log.h"
#include "coordinator/clocks.h"
#include "coordinator/plan/dedupe.h"
#include "coordinator/plan/definition.h"
#include "coordinator/plan/expand.h"
#include "coordinator/plan/identity.h"
#include "coordinator/publish/campaigns.h"

DEFINE_CLEANUP(cleanup_map, struct map *, map_free)

/* --- submission ------------------------------------------------------------------------------- */
static void warn_kernels(struct expansion *e) {
    for (size_t i = 0; i < e->s->kernel_count; i++) {
        const struct submission_kernel *k = &e->s->kernels[i];
        bool used = false;
        for (size_t p = 0; p < e->problem_count; p++)
            used |= strcmp(problem_name(e->problems[p]->problem), kernel_problem(k->kernel)) == 0;
        if (!used)
            submission_warn(e->s, "%s is for the problem `%s`, which is not in the campaign: left out", k->path,
                            kernel_problem(k->kernel));
    }
}

static void warn_problems(struct expansion *e) {
    for (size_t p = 0; p < e->problem_count; p++) {
        const char *name = problem_name(e->problems[p]->problem);
        bool used = false;
        for (size_t i = 0; i < e->count; i++) used |= strcmp(e->rows[i].problem, name) == 0;
        if (!used) submission_warn(e->s, "no kernel tries the problem `%s`", name);
    }
}

static int store_policies(struct expansion *e, struct error *err) {
    char hash[HASH_SIZE];
    for (size_t i = 0; i < e->policy_count; i++) {
        sha256_hex(e->policies[i], strlen(e->policies[i]), hash);
        if (store_policy_put(e->core->store, hash, e->policies[i], err) != 0) return -1;
    }
    return 0;
}

static int store_texts(struct expansion *e, struct error *err) {
    int ordinal = 0;
    for (size_t p = 0; p < e->problem_count; p++) {
        const struct suite_problem *item = e->problems[p];
        if (store_problem_put(e->core->store, item->hash, problem_text(item->problem), err) != 0 ||
            store_input_add(e->core->store, e->campaign, ordinal++, INPUT_PROBLEM, item->hash, item->path, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < e->s->kernel_count; i++) {
        const struct submission_kernel *k = &e->s->kernels[i];
        if (store_kernel_put(e->core->store, k->hash, kernel_yaml(k->kernel), kernel_source(k->kernel), err) != 0 ||
            store_input_add(e->core->store, e->campaign, ordinal++, INPUT_KERNEL, k->hash, k->path, err) != 0)
            return -1;
    }
    return store_policies(e, err);
}

static int store_rows(struct expansion *e, struct campaign *campaign, int64_t *ret_added, struct error *err) {
    *ret_added = 0;
    for (size_t i = 0; i < e->count; i++) {
        bool is_new = false;
        if (store_task_insert(e->core->store, &e->rows[i], &is_new, err) != 0) return -1;
        if (!is_new) continue;
        core_task_add(e->core, campaign, &e->rows[i]);
        ++*ret_added;
    }
    return 0;
}

static void fill_campaign(const struct expansion *e, const char *id, bool is_try, struct row_campaign *row) {
    const struct campaign_file *file = e->s->file;
    memset(row, 0, sizeof *row);
    snprintf(row->id, sizeof row->id, "%s", id);
    snprintf(row->name, sizeof row->name, "%s",
             is_try && e->s->kernel_count ? kernel_name(e->s->kernels[0].kernel) : file->name);
    snprintf(row->purpose, sizeof row->purpose, "%s", e->purpose);
    row->exit_status = -1;
    row->priority = file->priority;
    row->weight = file->weight;
    row->deadline_ms = file->deadline_ms;
    row->force = e->s->force;
    row->created_ms = core_wall_ms(e->core);
    row->submitted_ms = clocks_up_ms(e->core);
}

static int submit(struct expansion *e, bool is_try, struct plan_summary *ret, struct error *err) {
    struct row_campaign row;
    struct core *core = e->core;
    fill_campaign(e, e->campaign, is_try, &row);
    if (store_campaign_insert(core->store, &row, e->s->filename, e->s->file->text, err) != 0 ||
        store_texts(e, err) != 0)
        return -1;
    struct campaign *campaign = core_campaign_add(core, &row);
    if (store_rows(e, campaign, &ret->cells, err) != 0) return -1;
    ret->tasks = campaign->counts[TASK_QUEUED];
    if (dedupe_campaign(core, campaign, &ret->known, err) != 0) return -1;
    snprintf(ret->campaign, sizeof ret->campaign, "%s", row.id);
    log_info("campaign %s (%s): %lld tasks", row.id, row.name, (long long)ret->tasks);
    if (campaign_publish(core, campaign, err) != 0) return -1;
    return plan_deadlines(core, err);
}

int plan_submit(struct core *core, struct submission *s, bool is_try, struct plan_summary *ret, struct error *err) {
    char id[CAMPAIGN_ID_SIZE];
    campaign_id_new(is_try, id);
    CLEANUP(expansion_done)
    struct expansion e = {.core = core, .s = s, .campaign = id, .purpose = is_try ? "try" : "campaign"};
    CLEANUP(target_choices_done) struct target_choices targets = {0};
    memset(ret, 0, sizeof *ret);
    if (expand_problems(&e, err) != 0 || targets_expand(core, s->file, &targets, err) != 0) return -1;
    if (expand_tasks(&e, &targets, NULL, NULL, err) != 0) return -1;
    warn_kernels(&e);
    warn_problems(&e);
    for (size_t i = 0; i < targets.count; i++) targets_warn_unserved(core, s, &targets.items[i]);
    if (e.count == 0) {
        char where[CAMPAIGN_POSITION_SIZE];
        campaign_position(s->file, s->filename, "kernels", NULL, where);
        error_set(err, ERR_INVALID, "%s: plans no task: no kernel is for one of its problems", where);
        return error_hint(err, "`kernels:` names the kernel files; strategy `search` needs one with a `tune:` section");
    }
    return submit(&e, is_try, ret, err);
}

/* --- again, when a device joins --------------------------------------------------------------- */
struct replan {
    struct core *core;
    struct campaign *campaign;
    struct submission *s;
    struct map *planned; /* "problem\ntarget" of cells that do not wait */
};

static char *cell_key(const char *problem, const char *target) {
    return xasprintf("%s\n%s", problem, target);
}

static struct map *planned_cells(struct campaign *campaign) {
    struct map *planned = map_new();
    for (size_t i = 0; i < campaign->task_count; i++) {
        const struct row_task *row = &campaign->tasks[i]->row;
        if (row->state == TASK_WAITING) continue;
        CLEANUP_FREE char *key = cell_key(row->problem, row->target);
        map_put(planned, key, campaign);
    }
    return planned;
}

static int load_input(void *context, enum input_kind kind, const char *hash, const char *path, struct error *err) {
    struct replan *r = context;
    CLEANUP_FREE char *source = NULL;
    CLEANUP_FREE char *yaml = kind == INPUT_PROBLEM ? store_problem_get(r->core->store, hash, err)
                                                    : store_kernel_get(r->core->store, hash, &source, err);
    if (!yaml) return -1;
    if (kind == INPUT_PROBLEM) return suite_add(r->s->uploaded, yaml, strlen(yaml), path, err);
    return submission_add_kernel(r->s, yaml, source, path, err);
}

static struct submission *reload(struct replan *r, struct error *err) {
    CLEANUP_FREE char *filename = NULL;
    CLEANUP_FREE char *definition = store_campaign_definition(r->core->store, r->campaign->row.id, &filename, err);
    if (!definition) return NULL;
    CLEANUP(cleanup_submission) struct submission *s = submission_new(filename);
    s->file = campaign_parse(definition, strlen(definition), filename, err);
    r->s = s;
    if (!s->file || store_inputs(r->core->store, r->campaign->row.id, load_input, r, err) != 0) return NULL;
    return TAKE(s);
}

/* What has tasks already stays as it was planned, whatever devices there are now. */
static bool is_planned(void *context, const char *problem, const char *target) {
    const struct replan *r = context;
    CLEANUP_FREE char *key = cell_key(problem, target);
    return map_get(r->planned, key) != NULL;
}

/* A cell that waited for a target, or stood for a selector, gives way once a device serves it. */
static int drop_placeholders(struct replan *r, const struct target_choices *targets, struct error *err) {
    for (size_t i = r->campaign->task_count; i-- > 0;) {
        struct task *task = r->campaign->tasks[i];
        bool waits = task->row.state == TASK_WAITING, stands = waits, known = false;
        for (size_t t = 0; t < targets->count; t++) {
            if (strcmp(targets->items[t].name, task->row.target) != 0) continue;
            known = true;
            stands = waits && targets->items[t].device_count > 0;
        }
        /* Selectors that match are expanded into names: their own text is no target any more. */
        if (!known) stands = waits || task->row.state == TASK_NO_DEVICE;
        if (!stands) continue;
        if (store_task_delete(r->core->store, task->row.id, err) != 0) return -1;
        core_task_drop(r->core, task);
    }
    return 0;
}

static int next_ordinal(const struct campaign *campaign) {
    int ordinal = 0;
    for (size_t i = 0; i < campaign->task_count; i++)
        if (campaign->tasks[i]->row.ordinal >= ordinal) ordinal = campaign->tasks[i]->row.ordinal + 1;
    return ordinal;
}

static int plan_campaign_again(struct core *core, struct campaign *campaign, struct error *err) {
    CLEANUP(cleanup_map) struct map *planned = planned_cells(campaign);
    struct replan r = {.core = core, .campaign = campaign, .planned = planned};
    CLEANUP(cleanup_submission) struct submission *s = reload(&r, err);
    if (!s) return -1;
    CLEANUP(expansion_done)
    struct expansion e = {.core = core, .s = s, .campaign = campaign->row.id, .purpose = campaign->row.purpose};
    CLEANUP(target_choices_done) struct target_choices targets = {0};
    int64_t added = 0;
    if (targets_expand(core, s->file, &targets, err) != 0) return -1;
    for (size_t i = 0; i < s->uploaded->count; i++) {
        e.problems = xrealloc(e.problems, (e.problem_count + 1) * sizeof *e.problems);
        e.problems[e.problem_count++] = &s->uploaded->items[i];
    }
    if (expand_tasks(&e, &targets, is_planned, &r, err) != 0) return -1;
    if (drop_placeholders(&r, &targets, err) != 0) return -1;
    int ordinal = next_ordinal(campaign);
    for (size_t i = 0; i < e.count; i++) e.rows[i].ordinal = ordinal++;
    int64_t known = 0;
    if (store_policies(&e, err) != 0 || store_rows(&e, campaign, &added, err) != 0 ||
        dedupe_campaign(core, campaign, &known, err) != 0)
        return -1;
    if (added == 0) return core_campaign_check(core, campaign, err);
    log_info("campaign %s: %lld more cells planned", campaign->row.id, (long long)added);
    return campaign_publish(core, campaign, err);
}

/* What is known of a target's cells: some are planned, or all wait. */
static char cells_wait, cells_planned; /* values of the map: their addresses */

static struct map *cells_by_target(const struct campaign *campaign) {
    struct map *cells = map_new();
    for (size_t i = 0; i < campaign->task_count; i++) {
        const struct row_task *row = &campaign->tasks[i]->row;
        if (row->state != TASK_WAITING)
            map_put(cells, row->target, &cells_planned);
        else if (!map_get(cells, row->target))
            map_put(cells, row->target, &cells_wait);
    }
    return cells;
}

/* A target has devices and no planned cells; or what stood for a selector is no target any more. */
static bool differs(const struct map *cells, const struct target_choices *targets) {
    size_t cursor = 0, waiting = 0;
    const char *name;
    void *value;
    while (map_next(cells, &cursor, &name, &value)) waiting += value == &cells_wait;
    for (size_t i = 0; i < targets->count; i++) {
        const void *now = map_get(cells, targets->items[i].name);
        if (now != &cells_planned && targets->items[i].device_count > 0) return true;
        waiting -= now == &cells_wait;
    }
    return waiting > 0;
}

/* Looks before anything is read and expanded: nodes come by the thousand, and say so twice. */
static bool may_gain(struct core *core, struct campaign *campaign) {
    const struct campaign_file *file = campaign->row.state == CAMPAIGN_RUNNING ? definition_of(core, campaign) : NULL;
    bool open = file && campaign->counts[TASK_WAITING] > 0;
    for (size_t i = 0; file && i < file->n_targets && !open; i++) open = file->targets[i].name == NULL;
    if (!open) return false;
    CLEANUP(target_choices_done) struct target_choices targets = {0};
    if (targets_expand(core, file, &targets, NULL) != 0) return true; /* to be told */
    CLEANUP(cleanup_map) struct map *cells = cells_by_target(campaign);
    return differs(cells, &targets);
}

int plan_again(struct core *core, struct error *err) {
    size_t cursor = 0;
    void *value;
    core->plan_wanted = false;
    while (map_next(core->campaigns, &cursor, NULL, &value)) {
        struct error problem = ERROR_INIT;
        struct campaign *campaign = value;
        if (!may_gain(core, campaign) || plan_campaign_again(core, campaign, &problem) == 0) continue;
        if (problem.code == ERR_IO || problem.code == ERR_NOMEM) {
            if (err) *err = problem;
            return -1;
        }
        log_warn("campaign %s cannot be planned again: %s", campaign->row.id, problem.text);
    }
    return 0;
}

/* --- deadlines -------------------------------------------------------------------------------- */
bool plan_settled(const struct core *core) {
    return core->linked && core_mono_ms(core) - core->linked_mono_ms >= core->config.settle_ms;
}

int plan_deadlines(struct core *core, struct error *err) {
    size_t cursor = 0;
    void *value;
    if (!plan_settled(core)) return 0;
    while (map_next(core->campaigns, &cursor, NULL, &value)) {
        struct campaign *campaign = value;
        if (campaign->counts[TASK_WAITING] == 0) continue;
        if (clocks_up_ms(core) < campaign->row.submitted_ms + campaign->row.deadline_ms) continue;
        for (size_t i = 0; i < campaign->task_count; i++)
            if (campaign->tasks[i]->row.state == TASK_WAITING &&
                core_task_set(core, campaign->tasks[i], TASK_NO_DEVICE, err) != 0)
                return -1;
    }
    return 0;
}
