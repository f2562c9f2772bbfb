/* /v1/sweeps/NAME/findings, /ack, /mute: docs/api.md. */
#include <math.h>
#include <string.h>

#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/sweep/cause.h"
#include "coordinator/sweep/findings.h"
#include "coordinator/sweep/sweep.h"

#define FINDINGS_DEFAULT 50
#define FINDINGS_MOST 1000
#define ACK_IDS_MAX 1000
#define MUTES_MAX 256

struct ask {
    struct request *request;
    json_t *json;
    int64_t limit;
    bool open_only;
};

static enum MHD_Result answer(struct request *request, loop_fn *fn, struct ask *ask) {
    struct error err = ERROR_INIT;
    ask->request = request;
    if (loop_call(request->api->loop, fn, ask, &err) == 0) return api_json(request, MHD_HTTP_OK, ask->json);
    json_decref(ask->json);
    return api_error(request, &err);
}

static int series_json(void *context, const struct row_finding_series *row, const struct row_series *series,
                       struct error *err) {
    (void)err;
    json_array_append_new(
        context,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:f}", "problem", series->problem, "kernel",
                  series->kernel, "size", series->size, "node", series->node, "device", series->device, "target",
                  series->target, "role", series->role, "effect", row->effect, "norm_ns",
                  isfinite(row->norm_ns) ? row->norm_ns : 0.0, "band", row->band, "p_value", row->p_value));
    return 0;
}

static json_t *finding_json(const struct row_finding *row) {
    return json_pack("{s:I, s:s, s:s, s:I, s:s, s:s, s:s, s:b, s:f, s:s, s:s, s:s, s:I, s:[]}", "id",
                     (json_int_t)row->id, "sweep", row->sweep, "run", row->run, "night_s", (json_int_t)row->night_s,
                     "state", finding_state_name(row->state), "cause", row->cause, "cause_text",
                     cause_text(cause_from_name(row->cause)), "faster", row->faster, "effect", row->effect, "device",
                     row->device, "kernel", row->kernel, "note", row->note, "changed_ms", (json_int_t)row->changed_ms,
                     "series");
}

struct listing {
    struct row_finding *rows;
    size_t count;
};

static int add_row(void *context, const struct row_finding *row, struct error *err) {
    struct listing *listing = context;
    (void)err;
    listing->rows = xrealloc(listing->rows, (listing->count + 1) * sizeof *listing->rows);
    listing->rows[listing->count++] = *row;
    return 0;
}

static int add_mute(void *context, const struct row_mute *row, struct error *err) {
    (void)err;
    json_array_append_new(context, json_pack("{s:s, s:I, s:s}", "pattern", row->pattern, "until_ms",
                                             (json_int_t)row->until_ms, "reason", row->reason));
    return 0;
}

static int list(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct listing listing = {0};
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep) return -1;
    json_t *findings = json_array(), *mutes = json_array();
    ask->json = json_pack("{s:s, s:o, s:o}", "sweep", sweep->row.name, "findings", findings, "muted", mutes);
    int status = store_findings(core->store, sweep->row.name, ask->open_only, (int)ask->limit, add_row, &listing, err);
    for (size_t i = 0; status == 0 && i < listing.count; i++) {
        json_t *json = finding_json(&listing.rows[i]);
        json_array_append_new(findings, json);
        status =
            store_finding_series(core->store, listing.rows[i].id, series_json, json_object_get(json, "series"), err);
    }
    free(listing.rows);
    return status == 0 ? store_mutes(core->store, sweep->row.name, add_mute, mutes, err) : -1;
}

enum MHD_Result api_sweep_findings(struct request *request) {
    struct error err = ERROR_INIT;
    struct ask ask = {0};
    const char *open = api_argument(request, "open");
    if (api_number(request, "limit", FINDINGS_DEFAULT, &ask.limit, &err) != 0) return api_error(request, &err);
    if (ask.limit < 1 || ask.limit > FINDINGS_MOST) ask.limit = FINDINGS_MOST;
    ask.open_only = open && strcmp(open, "true") == 0;
    return answer(request, list, &ask);
}

/* --- POST .../ack ----------------------------------------------------------------------------- */
static int ack_open(struct core *core, const char *sweep, const char *note, json_t *done, struct error *err) {
    struct listing listing = {0};
    int status = store_findings(core->store, sweep, true, ACK_IDS_MAX, add_row, &listing, err);
    for (size_t i = 0; status == 0 && i < listing.count; i++) {
        status = findings_ack(core, sweep, listing.rows[i].id, note, err);
        if (status == 0) json_array_append_new(done, json_integer(listing.rows[i].id));
    }
    free(listing.rows);
    return status;
}

static bool all_numbers(const json_t *list) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (!json_is_integer(item)) return false;
    }
    return true;
}

static int ack(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep) return -1;
    const json_t *ids = json_object_get(ask->request->json, "ids");
    const char *note = json_string_value(json_object_get(ask->request->json, "note"));
    bool all = json_is_true(json_object_get(ask->request->json, "all"));
    if (all == json_is_array(ids) || json_array_size(ids) > ACK_IDS_MAX || !all_numbers(ids))
        return error_set(err, ERR_USAGE, "body: either `ids`, a list of at most %d numbers, or `all`: true",
                         ACK_IDS_MAX);
    json_t *done = json_array();
    ask->json = json_pack("{s:s, s:o}", "sweep", sweep->row.name, "acknowledged", done);
    if (all) return ack_open(core, sweep->row.name, note, done, err);
    /* all or none: what is refused is found before anything is written */
    for (size_t i = 0; i < json_array_size(ids); i++) {
        struct row_finding row;
        if (store_finding_get(core->store, json_integer_value(json_array_get(ids, i)), &row, err) != 0) return -1;
        if (strcmp(row.sweep, sweep->row.name) != 0 || row.state != FINDING_OPEN)
            return error_set(err, ERR_CONFLICT,
                             "finding %lld is of sweep %s and %s; open ones of %s can be acknowledged",
                             (long long)row.id, row.sweep, finding_state_name(row.state), sweep->row.name);
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        int64_t id = json_integer_value(json_array_get(ids, i));
        /* twice in one list is once */
        struct error again = ERROR_INIT;
        if (findings_ack(core, sweep->row.name, id, note, &again) == 0)
            json_array_append_new(done, json_integer(id));
        else if (again.code != ERR_CONFLICT)
            return error_set(err, again.code, "%s", again.text);
    }
    return 0;
}

enum MHD_Result api_sweep_ack(struct request *request) {
    return answer(request, ack, &(struct ask){0});
}

/* --- POST .../mute ---------------------------------------------------------------------------- */
static int count_mute(void *context, const struct row_mute *row, struct error *err) {
    (void)row, (void)err;
    ++*(int *)context;
    return 0;
}

static int mute(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    const json_t *body = ask->request->json;
    struct sweep *sweep = sweep_find(core, ask->request->id, err);
    if (!sweep) return -1;
    const char *pattern = json_string_value(json_object_get(body, "pattern"));
    const char *reason = json_string_value(json_object_get(body, "reason"));
    int64_t for_ms = json_integer_value(json_object_get(body, "for_ms"));
    struct row_mute row = {.until_ms = for_ms > 0 ? core_wall_ms(core) + for_ms : 0};
    int count = 0;
    if (!pattern || !*pattern || strlen(pattern) >= sizeof row.pattern)
        return error_set(err, ERR_USAGE, "body: `pattern` must be text like \"softmax/*@node-3/*\", or \"*\"");
    if (for_ms < 0 || for_ms > 366LL * 86400000)
        return error_set(err, ERR_USAGE, "body: `for_ms` is from 0 (until it is taken back) to a year");
    ask->json = json_pack("{s:s, s:s, s:b}", "sweep", sweep->row.name, "pattern", pattern, "muted",
                          !json_is_true(json_object_get(body, "off")));
    if (json_is_true(json_object_get(body, "off")))
        return store_mute_delete(core->store, sweep->row.name, pattern, err);
    if (store_mutes(core->store, sweep->row.name, count_mute, &count, err) != 0) return -1;
    if (count >= MUTES_MAX)
        return error_set(err, ERR_LIMIT, "sweep %s has %d patterns muted already", sweep->row.name, count);
    snprintf(row.sweep, sizeof row.sweep, "%s", sweep->row.name);
    snprintf(row.pattern, sizeof row.pattern, "%s", pattern);
    snprintf(row.reason, sizeof row.reason, "%.127s", reason ? reason : "");
    return store_mute_put(core->store, &row, err);
}

enum MHD_Result api_sweep_mute(struct request *request) {
    return answer(request, mute, &(struct ask){0});
}
