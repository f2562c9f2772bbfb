#include "coordinator/sweep/sweep.h"

#include <jansson.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/suggest.h"
#include "coordinator/plan/plan.h"
#include "coordinator/sweep/due.h"
#include "coordinator/sweep/run.h"
#include "coordinator/sweep/subjects.h"
#include "coordinator/sweep/sweep.h"
#include "coordinator/sweep/webhook.h"

static int64_t now_s(const struct core *core) {
    return core_wall_ms(core) / 1000;
}

static void sweep_free(struct sweep *sweep) {
    if (!sweep) return;
    sweep_file_free(sweep->file);
    free(sweep->filename);
    free(sweep);
}

void sweeps_free(struct sweeps *sweeps) {
    if (!sweeps) return;
    for (size_t i = 0; i < sweeps->count; i++) sweep_free(sweeps->items[i]);
    free(sweeps->items);
    free(sweeps);
}

/* --- finding ---------------------------------------------------------------------------------- */
static struct sweep *find(const struct sweeps *sweeps, const char *name) {
    for (size_t i = 0; i < sweeps->count; i++)
        if (strcmp(sweeps->items[i]->row.name, name) == 0) return sweeps->items[i];
    return NULL;
}

struct sweep *sweep_find(struct core *core, const char *name, struct error *err) {
    const struct sweeps *sweeps = core->sweeps;
    struct sweep *sweep = find(sweeps, name);
    if (sweep) return sweep;
    const char *names[SWEEPS_MAX + 1] = {NULL};
    for (size_t i = 0; i < sweeps->count; i++) names[i] = sweeps->items[i]->row.name;
    const char *nearest = suggest_nearest(name, names);
    error_set(err, ERR_NOT_FOUND, "there is no sweep `%.80s`", name);
    if (nearest)
        error_hint(err, "did you mean `%s`?", nearest);
    else
        error_hint(err, "`portolan sweep list` shows those there are");
    return NULL;
}

static void keep(struct sweeps *sweeps, struct sweep *sweep) {
    size_t i = 0;
    while (i < sweeps->count && strcmp(sweeps->items[i]->row.name, sweep->row.name) < 0) i++;
    sweeps->items = xrealloc(sweeps->items, (sweeps->count + 1) * sizeof *sweeps->items);
    memmove(&sweeps->items[i + 1], &sweeps->items[i], (sweeps->count++ - i) * sizeof *sweeps->items);
    sweeps->items[i] = sweep;
}

/* --- loading ---------------------------------------------------------------------------------- */
static int load_sweep(void *context, const struct row_sweep *row, const char *filename, const char *definition,
                      struct error *err) {
    struct core *core = context;
    struct error problem = ERROR_INIT;
    (void)err;
    struct sweep *sweep = xcalloc(1, sizeof *sweep);
    sweep->row = *row;
    sweep->filename = xstrdup(filename);
    sweep->file = sweep_file_parse(definition, strlen(definition), filename, &problem);
    sweep->next_s = -1;
    if (sweep->file) {
        sweep->next_s = due_next(&sweep->file->cron, sweep->file->zone, row->handled_s);
    } else {
        snprintf(sweep->problem, sizeof sweep->problem, "%.255s", problem.text);
        log_warn("sweep %s cannot run: %s", row->name, problem.text);
    }
    keep(core->sweeps, sweep);
    return 0;
}

struct loading {
    struct core *core;
    struct sweep *sweep;
};

static int load_run(void *context, const struct row_sweep_run *row, struct error *err) {
    struct loading *l = context;
    (void)err;
    if (row->state != SWEEP_RUN_RUNNING) return 0;
    l->sweep->run = *row;
    l->sweep->open = true;
    return 0;
}

/* A store that was put together by hand may have lost the campaign of an open run. */
static int mend_run(struct core *core, struct sweep *sweep, struct error *err) {
    if (!sweep->open || core_campaign(core, sweep->run.campaign)) return 0;
    return run_end(core, sweep, SWEEP_RUN_CANCELLED, "its campaign is gone", err);
}

int sweeps_load(struct core *core, struct error *err) {
    core->sweeps = xcalloc(1, sizeof *core->sweeps);
    if (store_sweeps(core->store, load_sweep, core, err) != 0) return -1;
    for (size_t i = 0; i < core->sweeps->count; i++) {
        struct loading l = {core, core->sweeps->items[i]};
        if (store_sweep_runs(core->store, l.sweep->row.name, true, 0, load_run, &l, err) != 0 ||
            mend_run(core, l.sweep, err) != 0)
            return -1;
    }
    return 0;
}

/* --- adding ----------------------------------------------------------------------------------- */
static bool is_pattern(const char *text) {
    return strpbrk(text, "*?[") != NULL;
}

/* Those of all promoted results that `of` picks, each once, NULL-terminated; names are the results'. */
static const char **names_of(const struct subjects *all, const char *(*of)(const struct rec_result *r)) {
    const char **names = xcalloc(all->count + 1, sizeof *names);
    for (size_t i = 0; i < all->count; i++) names[i] = of(all->items[i]);
    return names;
}

static const char *problem_of(const struct rec_result *r) {
    return r->problem;
}

static const char *kernel_of(const struct rec_result *r) {
    return r->kernel;
}

static bool is_listed(const char *const *names, const char *name) {
    while (*names && strcmp(*names, name) != 0) names++;
    return *names != NULL;
}

struct naming {
    const struct sweep_file *file;
    const char *filename, *key; /* problems or kernels */
    char *const *list;
    size_t n;
};

/* A name that nothing promoted has is a slip or too early, and would be quiet for ever. */
static int check_names(const struct naming *naming, const char *const *names, struct error *err) {
    for (size_t i = 0; i < naming->n; i++) {
        const char *text = naming->list[i], *nearest = suggest_nearest(text, names);
        char where[CAMPAIGN_POSITION_SIZE];
        if (is_pattern(text) || is_listed(names, text)) continue;
        sweep_file_position(naming->file, naming->filename, naming->key, text, where);
        error_set(err, ERR_INVALID, "%s: `%s`: nothing of the name `%.80s` was promoted", where, naming->key, text);
        if (nearest) return error_hint(err, "did you mean `%s`?", nearest);
        return error_hint(
            err,
            "a sweep measures what campaigns with `promote: true` confirmed; a pattern, as `%.60s*`, may come first",
            text);
    }
    return 0;
}

static int check_known(struct core *core, const struct sweep_file *file, const char *filename, struct error *err) {
    struct subjects all;
    if (file->n_problems + file->n_kernels == 0) return 0;
    if (subjects_load(core, NULL, &all, err) != 0) return -1;
    CLEANUP_FREE const char **problems = names_of(&all, problem_of), **kernels = names_of(&all, kernel_of);
    struct naming p = {file, filename, "problems", file->problems, file->n_problems};
    struct naming k = {file, filename, "kernels", file->kernels, file->n_kernels};
    int status = check_names(&p, problems, err);
    if (status == 0) status = check_names(&k, kernels, err);
    subjects_done(&all);
    return status;
}

/* What would be measured if it were due now. */
static int warn(struct core *core, const struct sweep_file *file, json_t *warnings, struct error *err) {
    struct subjects kernels;
    struct subject_devices devices;
    if (subjects_load(core, file, &kernels, err) != 0) return -1;
    subject_devices(core, file, &devices);
    if (kernels.count == 0)
        json_array_append_new(warnings,
                              json_string("nothing was promoted that it could measure: runs are empty until a "
                                          "campaign with `promote: true` confirms a kernel"));
    if (kernels.unusable > 0)
        json_array_append_new(
            warnings, json_sprintf("%zu promoted kernels are of portolan 0.1, whose records cannot be measured again",
                                   kernels.unusable));
    if (devices.count == 0) json_array_append_new(warnings, json_string("no device of its targets takes work now"));
    if (devices.left_out.len)
        json_array_append_new(warnings, json_sprintf("not measured as things are: %s", devices.left_out.data));
    struct webhook_status webhook;
    if (*file->notify.webhook && !webhooks_find(core->webhooks, file->notify.webhook, &webhook))
        json_array_append_new(
            warnings, json_sprintf("the coordinator has no webhook `%s`: what is found is told to nobody until it is "
                                   "started with `--webhook %s=FILE`",
                                   file->notify.webhook, file->notify.webhook));
    subject_devices_done(&devices);
    subjects_done(&kernels);
    return 0;
}

static int check_new(struct core *core, const struct sweep_file *file, const char *filename, bool replace,
                     struct error *err) {
    if (find(core->sweeps, file->name)) {
        if (replace) return check_known(core, file, filename, err);
        error_set(err, ERR_CONFLICT, "there is a sweep `%s` already", file->name);
        return error_hint(err, "`portolan sweep add --replace` changes it and keeps its history");
    }
    if (core->sweeps->count == SWEEPS_MAX) return error_set(err, ERR_LIMIT, "there are %d sweeps already", SWEEPS_MAX);
    return check_known(core, file, filename, err);
}

static struct sweep *sweep_named(struct core *core, const char *name) {
    struct sweep *sweep = find(core->sweeps, name);
    if (sweep) return sweep;
    sweep = xcalloc(1, sizeof *sweep);
    snprintf(sweep->row.name, sizeof sweep->row.name, "%s", name);
    sweep->row.created_ms = core_wall_ms(core);
    keep(core->sweeps, sweep);
    return sweep;
}

int sweep_add(struct core *core, struct sweep_file *taken, const char *filename, bool replace, json_t *warnings,
              struct sweep **ret, struct error *err) {
    CLEANUP(cleanup_sweep_file) struct sweep_file *file = taken;
    if (check_new(core, file, filename, replace, err) != 0 || warn(core, file, warnings, err) != 0) return -1;
    struct sweep *sweep = sweep_named(core, file->name);
    sweep_file_free(sweep->file);
    free(sweep->filename);
    sweep->file = TAKE(file);
    sweep->filename = xstrdup(filename);
    sweep->problem[0] = 0;
    /* Its past is no past of this schedule. */
    sweep->row.handled_s = now_s(core);
    sweep->row.changed_ms = core_wall_ms(core);
    sweep->next_s = due_next(&sweep->file->cron, sweep->file->zone, sweep->row.handled_s);
    core->change++;
    *ret = sweep;
    log_info("sweep %s: %s %s", sweep->row.name, sweep->file->cron_text, sweep->file->zone_name);
    return store_sweep_put(core->store, &sweep->row, filename, sweep->file->text, err);
}

/* --- what is due ------------------------------------------------------------------------------ */
static struct row_sweep_run run_of(const struct sweep *sweep, int64_t due_s, const char *cause) {
    struct row_sweep_run row = {.due_s = due_s};
    snprintf(row.sweep, sizeof row.sweep, "%s", sweep->row.name);
    snprintf(row.cause, sizeof row.cause, "%s", cause);
    return row;
}

/* A run that did not come to be, for the history. */
static int note(struct core *core, const struct sweep *sweep, int64_t due_s, enum sweep_run_state state,
                const char *reason, struct error *err) {
    struct row_sweep_run row = run_of(sweep, due_s, "schedule");
    row.state = state;
    row.finished_ms = core_wall_ms(core);
    snprintf(row.reason, sizeof row.reason, "%s", reason);
    log_warn("sweep %s: %s: %s", sweep->row.name, sweep_run_state_name(state), reason);
    core->change++;
    return store_sweep_run_insert(core->store, &row, err);
}

static int put_off(struct core *core, const struct sweep *sweep, int64_t due_s, struct error *err) {
    struct row_sweep_run row = run_of(sweep, due_s, "catch_up");
    row.state = SWEEP_RUN_PENDING;
    core->change++;
    return store_sweep_run_insert(core->store, &row, err);
}

static int note_missed(struct core *core, const struct sweep *sweep, const struct due_list *due, size_t missed,
                       struct error *err) {
    char first[ZONE_TEXT_SIZE], reason[200];
    size_t hidden = due->total - due->count; /* that are not in the list, all missed */
    if (hidden + missed == 0) return 0;
    zone_text(sweep->file->zone, due->at_s[0], first);
    if (hidden + missed == 1)
        snprintf(reason, sizeof reason, "nobody could start it: coordinator or broker was away");
    else
        snprintf(reason, sizeof reason, "%s%zu times nobody could start it, the coordinator or the broker was away%s%s",
                 due->total == DUE_COUNT_MAX ? "at least " : "", hidden + missed, hidden ? "" : "; first ",
                 hidden ? "" : first);
    return note(core, sweep, due->at_s[missed ? missed - 1 : 0], SWEEP_RUN_MISSED, reason, err);
}

static int start_now(struct core *core, struct sweep *sweep, int64_t due_s, const char *cause, struct error *err) {
    char reason[200];
    if (sweep->open && sweep->file->overlap == SWEEP_OVERLAP_SKIP) {
        snprintf(reason, sizeof reason, "its run %s was still open", sweep->run.campaign);
        return note(core, sweep, due_s, SWEEP_RUN_SKIPPED, reason, err);
    }
    if (sweep->open && run_end(core, sweep, SWEEP_RUN_CANCELLED, "the next run was due, and replaces it", err) != 0)
        return -1;
    struct row_sweep_run row = run_of(sweep, due_s, cause);
    return run_start(core, sweep, &row, err);
}

/* Times that are due, all in the past; the latest may be on time. */
static int handle_due(struct core *core, struct sweep *sweep, int64_t now, struct error *err) {
    const struct sweep_file *file = sweep->file;
    struct due_list due;
    bool all = file->catch_up == SWEEP_CATCH_UP_ALL;
    due_between(&file->cron, file->zone, sweep->row.handled_s, now, all ? (size_t)file->catch_up_limit + 1 : 2, &due);
    if (due.count == 0) return 0;
    int64_t latest = due.at_s[due.count - 1];
    bool on_time = now - latest <= SWEEP_LATE_S;
    /* How many of the list, from its end, are run after all. */
    size_t runs = on_time || file->catch_up != SWEEP_CATCH_UP_NONE ? 1 : 0;
    if (all) runs = due.count > (size_t)file->catch_up_limit && !on_time ? (size_t)file->catch_up_limit : due.count;
    if (note_missed(core, sweep, &due, due.count - runs, err) != 0) return -1;
    for (size_t i = due.count - runs; i + 1 < due.count; i++)
        if (put_off(core, sweep, due.at_s[i], err) != 0) return -1;
    sweep->row.handled_s = latest;
    sweep->next_s = due_next(&file->cron, file->zone, latest);
    if (store_sweep_update(core->store, &sweep->row, err) != 0) return -1;
    if (runs == 0) return 0;
    if (on_time && runs == 1) return start_now(core, sweep, latest, "schedule", err);
    /* After those that are made up for, in the order of their times. */
    return runs == 1 && !sweep->open ? start_now(core, sweep, latest, "catch_up", err)
                                     : put_off(core, sweep, latest, err);
}

struct first_pending {
    struct row_sweep_run row;
    bool found;
};

static int take_pending(void *context, const struct row_sweep_run *row, struct error *err) {
    struct first_pending *first = context;
    (void)err;
    if (first->found || row->state != SWEEP_RUN_PENDING) return 0;
    first->row = *row;
    first->found = true;
    return 0;
}

static int start_pending(struct core *core, struct sweep *sweep, struct error *err) {
    struct first_pending first = {0};
    if (store_sweep_runs(core->store, sweep->row.name, true, 0, take_pending, &first, err) != 0) return -1;
    return first.found ? run_start(core, sweep, &first.row, err) : 0;
}

static int work(struct core *core, struct sweep *sweep, struct error *err) {
    int64_t now = now_s(core);
    if (sweep->open && core_wall_ms(core) >= sweep->run.ends_ms &&
        run_end(core, sweep, SWEEP_RUN_OVERDUE, "its deadline was over", err) != 0)
        return -1;
    if (sweep->row.paused || !sweep->file || !plan_settled(core)) return 0;
    if (!sweep->open && start_pending(core, sweep, err) != 0) return -1;
    return sweep->next_s >= 0 && sweep->next_s <= now ? handle_due(core, sweep, now, err) : 0;
}

int sweeps_work(struct core *core, struct error *err) {
    for (size_t i = 0; i < core->sweeps->count; i++) {
        struct error problem = ERROR_INIT;
        struct sweep *sweep = core->sweeps->items[i];
        if (work(core, sweep, &problem) == 0) continue;
        if (core_is_broken(&problem)) {
            if (err) *err = problem;
            return -1;
        }
        log_warn("sweep %s: %s", sweep->row.name, problem.text);
    }
    return 0;
}

/* --- what people decide ----------------------------------------------------------------------- */
int sweep_start(struct core *core, struct sweep *sweep, struct error *err) {
    if (!sweep->file)
        return error_set(err, ERR_UNSUPPORTED, "sweep %s cannot run: %s", sweep->row.name, sweep->problem);
    if (sweep->open) {
        error_set(err, ERR_CONFLICT, "a run of sweep %s is open: %s", sweep->row.name, sweep->run.campaign);
        return error_hint(err, "`portolan status %s` shows it, `portolan cancel %s` ends it", sweep->run.campaign,
                          sweep->run.campaign);
    }
    if (!plan_settled(core)) {
        error_set(err, ERR_BUSY, "the coordinator has not heard of its nodes yet");
        return error_hint(err, "ask again in a few seconds; `portolan nodes` shows who is there");
    }
    struct row_sweep_run row = run_of(sweep, now_s(core), "manual");
    return run_start(core, sweep, &row, err);
}

static int decide(struct core *core, struct sweep *sweep, bool paused, const char *reason, struct error *err) {
    if (sweep->row.paused == paused)
        return error_set(err, ERR_CONFLICT, "sweep %s is %s already", sweep->row.name,
                         paused ? "paused" : "not paused");
    sweep->row.paused = paused;
    snprintf(sweep->row.reason, sizeof sweep->row.reason, "%s", reason);
    sweep->row.changed_ms = core_wall_ms(core);
    core->change++;
    return store_sweep_update(core->store, &sweep->row, err);
}

int sweep_pause(struct core *core, struct sweep *sweep, const char *reason, struct error *err) {
    return decide(core, sweep, true, reason, err);
}

int sweep_resume(struct core *core, struct sweep *sweep, struct error *err) {
    int64_t now = now_s(core);
    if (sweep->row.paused && sweep->row.handled_s < now) sweep->row.handled_s = now;
    if (sweep->file) sweep->next_s = due_next(&sweep->file->cron, sweep->file->zone, sweep->row.handled_s);
    return decide(core, sweep, false, "", err);
}

int sweep_remove(struct core *core, struct sweep *sweep, struct error *err) {
    struct sweeps *sweeps = core->sweeps;
    sweep->removing = true;
    if (sweep->open && run_end(core, sweep, SWEEP_RUN_CANCELLED, "its sweep was removed", err) != 0) return -1;
    if (store_sweep_delete(core->store, sweep->row.name, err) != 0) return -1;
    size_t i = 0;
    while (sweeps->items[i] != sweep) i++;
    memmove(&sweeps->items[i], &sweeps->items[i + 1], (--sweeps->count - i) * sizeof *sweeps->items);
    log_info("sweep %s is removed", sweep->row.name);
    sweep_free(sweep);
    core->change++;
    return 0;
}
