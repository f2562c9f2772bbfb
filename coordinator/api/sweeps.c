/* /v1/sweeps: adding, looking at and steering sweeps (docs/api.md). */
#include <string.h>

#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/sweep/due.h"
#include "coordinator/sweep/run.h"
#include "coordinator/sweep/subjects.h"
#include "coordinator/sweep/webhook.h"

#define RUNS_DEFAULT 30
#define UPCOMING 5

struct ask {
    struct request *request;
    json_t *json; /* the answer */
    int64_t number;
    const char *text;
    bool flag;
    struct sweep_file *file;
};

static enum MHD_Result answer(struct request *request, loop_fn *fn, struct ask *ask, unsigned status) {
    struct error err = ERROR_INIT;
    ask->request = request;
    if (loop_call(request->api->loop, fn, ask, &err) == 0) return api_json(request, status, ask->json);
    json_decref(ask->json);
    return api_error(request, &err);
}

/* --- shapes ----------------------------------------------------------------------------------- */
static json_t *when_json(const struct sweep *sweep, int64_t at_s) {
    char text[ZONE_TEXT_SIZE];
    if (!sweep->file || at_s < 0) return json_null();
    zone_text(sweep->file->zone, at_s, text);
    return json_pack("{s:I, s:s}", "s", (json_int_t)at_s, "local", text);
}

static json_t *ms_or_null(int64_t ms) {
    return ms ? json_integer(ms) : json_null();
}

static json_t *run_json(const struct sweep *sweep, const struct row_sweep_run *run) {
    json_t *json = json_object();
    json_object_set_new(json, "due", when_json(sweep, run->due_s));
    json_object_set_new(json, "due_s", json_integer(run->due_s));
    json_object_set_new(json, "cause", json_string(run->cause));
    json_object_set_new(json, "state", json_string(sweep_run_state_name(run->state)));
    json_object_set_new(json, "again", json_boolean(run->again));
    json_object_set_new(json, "campaign", json_null_or(run->campaign));
    json_object_set_new(json, "started_ms", ms_or_null(run->started_ms));
    json_object_set_new(json, "finished_ms", ms_or_null(run->finished_ms));
    json_object_set_new(json, "ends_ms", ms_or_null(run->ends_ms));
    json_object_set_new(json, "planned", json_integer(run->planned));
    json_object_set_new(json, "measured", json_integer(run->measured));
    json_object_set_new(json, "wrong", json_integer(run->wrong));
    json_object_set_new(json, "suspects", json_integer(run->suspects));
    json_object_set_new(json, "confirmed", json_integer(run->confirmed));
    json_object_set_new(json, "recovered", json_integer(run->recovered));
    json_object_set_new(json, "reason", json_string(run->reason));
    return json;
}

/* The open run as it stands now. */
static json_t *open_json(const struct core *core, const struct sweep *sweep) {
    if (!sweep->open) return json_null();
    json_t *json = run_json(sweep, &sweep->run);
    const struct campaign *campaign = map_get(core->campaigns, sweep->run.campaign);
    int64_t ended = 0;
    for (int state = TASK_DONE; campaign && state < TASK_STATE_COUNT; state++) ended += campaign->counts[state];
    json_object_set_new(json, "tasks", json_integer(campaign ? (json_int_t)campaign->task_count : 0));
    json_object_set_new(json, "ended", json_integer(ended));
    return json;
}

static int keep_run(void *context, const struct row_sweep_run *row, struct error *err) {
    (void)err;
    *(struct row_sweep_run *)context = *row;
    return 0;
}

static int last_json(struct core *core, const struct sweep *sweep, json_t *json, struct error *err) {
    struct row_sweep_run last = {0};
    if (store_sweep_runs(core->store, sweep->row.name, false, 1, keep_run, &last, err) != 0) return -1;
    json_object_set_new(json, "last", last.seq ? run_json(sweep, &last) : json_null());
    return 0;
}

static const char *state_of(const struct sweep *sweep) {
    if (!sweep->file) return "broken";
    if (sweep->open) return "running";
    return sweep->row.paused ? "paused" : "waiting";
}

static json_t *sweep_json(struct core *core, const struct sweep *sweep, struct error *err) {
    const struct sweep_file *file = sweep->file;
    json_t *json = json_object();
    bool due = file && !sweep->row.paused;
    json_object_set_new(json, "sweep", json_string(sweep->row.name));
    json_object_set_new(json, "state", json_string(state_of(sweep)));
    json_object_set_new(json, "paused", json_boolean(sweep->row.paused));
    json_object_set_new(json, "reason", json_string(file ? sweep->row.reason : sweep->problem));
    json_object_set_new(json, "cron", file ? json_string(file->cron_text) : json_null());
    json_object_set_new(json, "time_zone", file ? json_string(file->zone_name) : json_null());
    json_object_set_new(json, "next", due ? when_json(sweep, sweep->next_s) : json_null());
    json_object_set_new(json, "open", open_json(core, sweep));
    json_object_set_new(json, "filename", json_string(sweep->filename));
    json_object_set_new(json, "created_ms", json_integer(sweep->row.created_ms));
    json_object_set_new(json, "changed_ms", json_integer(sweep->row.changed_ms));
    if (last_json(core, sweep, json, err) == 0) return json;
    json_decref(json);
    return NULL;
}

/* --- GET /v1/sweeps --------------------------------------------------------------------------- */
static int list(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    json_t *sweeps = json_array();
    ask->json = json_pack("{s:o}", "sweeps", sweeps);
    for (size_t i = 0; i < core->sweeps->count; i++)
        if (json_array_append_new(sweeps, sweep_json(core, core->sweeps->items[i], err)) != 0) return -1;
    return 0;
}

enum MHD_Result api_sweeps(struct request *request) {
    return answer(request, list, &(struct ask){0}, MHD_HTTP_OK);
}

/* --- GET /v1/sweeps/NAME ---------------------------------------------------------------------- */
static json_t *rules_json(const struct sweep_file *file) {
    json_t *json = json_object();
    json_object_set_new(json, "deadline_ms", json_integer(file->deadline_ms));
    json_object_set_new(json, "overlap", json_string(sweep_overlap_name(file->overlap)));
    json_object_set_new(json, "catch_up", json_string(sweep_catch_up_name(file->catch_up)));
    json_object_set_new(json, "catch_up_limit",
                        file->catch_up == SWEEP_CATCH_UP_ALL ? json_integer(file->catch_up_limit) : json_null());
    json_object_set_new(json, "promoted", json_string(file->all_promoted ? "all" : "best"));
    json_object_set_new(json, "priority", json_integer(file->priority));
    json_object_set_new(json, "webhook", json_null_or(file->notify.webhook));
    return json;
}

/* How its webhook does; null without one. */
static json_t *notify_json(const struct core *core, const struct sweep_file *file) {
    struct webhook_status status;
    if (!*file->notify.webhook) return json_null();
    if (webhooks_find(core->webhooks, file->notify.webhook, &status)) return webhook_json(&status);
    return json_pack("{s:s, s:s}", "name", file->notify.webhook, "state", "unconfigured");
}

static json_t *upcoming_json(const struct sweep *sweep) {
    json_t *list_ = json_array();
    int64_t at_s = sweep->next_s;
    for (int i = 0; i < UPCOMING && at_s >= 0; i++) {
        json_array_append_new(list_, when_json(sweep, at_s));
        at_s = due_next(&sweep->file->cron, sweep->file->zone, at_s);
    }
    return list_;
}

static json_t *kernel_json(const struct rec_result *r, const struct subject_devices *devices) {
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "problem", r->problem, "kernel", r->kernel, "size", r->size,
                             "target", r->target, "task", r->task_id);
    json_t *on = json_array();
    json_object_set_new(json, "speedup", json_number_or(r->has_speedup, r->speedup));
    for (size_t i = 0; i < devices->count; i++)
        if (strcmp(devices->items[i]->target, r->target) == 0)
            json_array_append_new(
                on, json_sprintf("%s/%s", devices->items[i]->node->row.name, devices->items[i]->info->id));
    json_object_set_new(json, "devices", on);
    return json;
}

/* What the next run would measure, as things are. */
static int subjects_json(struct core *core, const struct sweep *sweep, json_t *json, struct error *err) {
    struct subjects kernels;
    struct subject_devices devices;
    json_t *measures = json_array();
    json_object_set_new(json, "measures", measures);
    if (subjects_load(core, sweep->file, &kernels, err) != 0) return -1;
    subject_devices(core, sweep->file, &devices);
    for (size_t i = 0; i < kernels.count; i++) json_array_append_new(measures, kernel_json(kernels.items[i], &devices));
    json_object_set_new(json, "left_out", json_string(devices.left_out.len ? devices.left_out.data : ""));
    subject_devices_done(&devices);
    subjects_done(&kernels);
    return 0;
}

static int show(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep || !(ask->json = sweep_json(core, sweep, err))) return -1;
    if (!sweep->file) return 0;
    json_object_set_new(ask->json, "definition", json_string(sweep->file->text));
    json_object_set_new(ask->json, "rules", rules_json(sweep->file));
    json_object_set_new(ask->json, "notify", notify_json(core, sweep->file));
    json_object_set_new(ask->json, "upcoming", sweep->row.paused ? json_array() : upcoming_json(sweep));
    return subjects_json(core, sweep, ask->json, err);
}

enum MHD_Result api_sweep(struct request *request) {
    return answer(request, show, &(struct ask){0}, MHD_HTTP_OK);
}

/* --- GET /v1/sweeps/NAME/runs ----------------------------------------------------------------- */
struct collecting {
    const struct sweep *sweep;
    json_t *runs;
};

static int collect_run(void *context, const struct row_sweep_run *row, struct error *err) {
    struct collecting *c = context;
    (void)err;
    json_array_append_new(c->runs, run_json(c->sweep, row));
    return 0;
}

static int runs(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct collecting c = {.sweep = sweep_find(core, ask->request->id, err)};
    if (!c.sweep) return -1;
    c.runs = json_array();
    ask->json = json_pack("{s:s, s:o}", "sweep", c.sweep->row.name, "runs", c.runs);
    return store_sweep_runs(core->store, c.sweep->row.name, false, (int)ask->number, collect_run, &c, err);
}

enum MHD_Result api_sweep_runs(struct request *request) {
    struct error err = ERROR_INIT;
    struct ask ask = {0};
    if (api_number(request, "limit", RUNS_DEFAULT, &ask.number, &err) != 0) return api_error(request, &err);
    if (ask.number < 1 || ask.number > SWEEP_RUNS_KEPT) ask.number = SWEEP_RUNS_KEPT;
    return answer(request, runs, &ask, MHD_HTTP_OK);
}

/* --- POST /v1/sweeps -------------------------------------------------------------------------- */
static int add(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct sweep *sweep = NULL;
    json_t *warnings = json_array();
    struct sweep_file *file = TAKE(ask->file);
    if (sweep_add(core, file, ask->text, ask->flag, warnings, &sweep, err) == 0)
        ask->json = sweep_json(core, sweep, err);
    if (ask->json) json_object_set(ask->json, "warnings", warnings);
    json_decref(warnings);
    return ask->json ? 0 : -1;
}

static const char *plain_text(const json_t *json, const char *key, struct error *err) {
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);
    if (text && strlen(text) == json_string_length(value)) return text;
    error_set(err, ERR_USAGE, "body: `%s` must be a string without NUL bytes", key);
    return NULL;
}

enum MHD_Result api_sweep_add(struct request *request) {
    struct error err = ERROR_INIT;
    const json_t *replace = json_object_get(request->json, "replace");
    const char *text = plain_text(request->json, "definition", &err);
    const char *filename = text ? plain_text(request->json, "filename", &err) : NULL;
    if (filename && replace && !json_is_null(replace) && !json_is_boolean(replace)) {
        error_set(&err, ERR_USAGE, "body: `replace` must be true or false");
        filename = NULL;
    }
    if (!filename) return api_error(request, &err);
    struct ask ask = {.text = filename, .flag = json_is_true(replace)};
    ask.file = sweep_file_parse(text, strlen(text), filename, &err);
    if (!ask.file) return api_error(request, &err);
    enum MHD_Result result = answer(request, add, &ask, MHD_HTTP_CREATED);
    sweep_file_free(ask.file); /* where the loop did not take it */
    return result;
}

/* --- POST /v1/sweeps/NAME/ACTION -------------------------------------------------------------- */
static int start(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep || sweep_start(core, sweep, err) != 0) return -1;
    ask->json = sweep_json(core, sweep, err);
    return ask->json ? 0 : -1;
}

enum MHD_Result api_sweep_run(struct request *request) {
    return answer(request, start, &(struct ask){0}, MHD_HTTP_CREATED);
}

static int pause_(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep || sweep_pause(core, sweep, ask->text, err) != 0) return -1;
    ask->json = sweep_json(core, sweep, err);
    return ask->json ? 0 : -1;
}

enum MHD_Result api_sweep_pause(struct request *request) {
    const char *reason = json_string_value(json_object_get(request->json, "reason"));
    return answer(request, pause_, &(struct ask){.text = reason ? reason : ""}, MHD_HTTP_OK);
}

static int resume(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep || sweep_resume(core, sweep, err) != 0) return -1;
    ask->json = sweep_json(core, sweep, err);
    return ask->json ? 0 : -1;
}

enum MHD_Result api_sweep_resume(struct request *request) {
    return answer(request, resume, &(struct ask){0}, MHD_HTTP_OK);
}

static int remove_(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep) return -1;
    ask->json = json_pack("{s:s, s:b}", "sweep", sweep->row.name, "removed", 1);
    return sweep_remove(core, sweep, err);
}

enum MHD_Result api_sweep_remove(struct request *request) {
    return answer(request, remove_, &(struct ask){0}, MHD_HTTP_OK);
}
