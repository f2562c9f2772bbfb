/* GET /v1/tasks/ID, POST /v1/tasks/ID/cancel */
#include <string.h>

#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/why.h"

struct asking {
    const char *id, *reason;
    json_t *json;
};

struct listing {
    const struct task *task;
    json_t *attempts;
};

static int add_attempt(void *context, const struct row_attempt *stored, struct error *err) {
    struct listing *listing = context;
    const struct attempt *live = task_attempt(listing->task, stored->n);
    const struct row_attempt *row = live ? &live->row : stored; /* not every change of a live one is written */
    json_t *json = json_object();
    (void)err;
    json_object_set_new(json, "attempt_id", json_sprintf("%s.%d", row->task, row->n));
    json_object_set_new(json, "node", json_string(row->node));
    json_object_set_new(json, "device", json_string(row->device));
    json_object_set_new(json, "incarnation", json_string(row->incarnation));
    json_object_set_new(json, "epoch", json_integer(row->epoch));
    json_object_set_new(json, "state", json_string(attempt_state_name(row->state)));
    json_object_set_new(json, "outcome", json_null_or(row->outcome));
    json_object_set_new(json, "verdict", json_null_or(row->verdict));
    json_object_set_new(json, "reason", json_string(row->reason));
    json_object_set_new(json, "published_ms", json_integer(row->published_ms));
    json_object_set_new(json, "finished_ms", row->finished_ms ? json_integer(row->finished_ms) : json_null());
    json_object_set_new(json, "duration_ms", json_real(row->duration_ms));
    json_array_append_new(listing->attempts, json);
    return 0;
}

static int fill(struct core *core, struct asking *asking, const struct task *task, struct error *err) {
    char text[WHY_SIZE];
    json_t *attempts = json_array();
    asking->json = json_cell(task);
    enum why why = task_why(core, task, text);
    json_object_set_new(asking->json, "why", json_string(text));
    json_object_set_new(asking->json, "why_code", json_string(why_code(why)));
    json_object_set_new(asking->json, "attempt_list", attempts);
    struct listing listing = {.task = task, .attempts = attempts};
    if (store_attempts(core->store, task->row.id, add_attempt, &listing, err) != 0) return -1;
    return json_add_details(core, task, asking->json, err);
}

static int show(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    struct row_task row;
    if (store_task_find(core->store, asking->id, &row, err) != 0) return -1;
    CLEANUP(cleanup_campaign_view) struct campaign *campaign = core_campaign_view(core, row.campaign, err);
    if (!campaign) return -1;
    for (size_t i = 0; i < campaign->task_count; i++)
        if (strcmp(campaign->tasks[i]->row.id, row.id) == 0) return fill(core, asking, campaign->tasks[i], err);
    return error_set(err, ERR_NOT_FOUND, "task %s does not exist", row.id);
}

enum MHD_Result api_task(struct request *request) {
    struct error err = ERROR_INIT;
    struct asking asking = {.id = request->id};
    if (loop_call(request->api->loop, show, &asking, &err) == 0) return api_json(request, MHD_HTTP_OK, asking.json);
    json_decref(asking.json);
    return api_error(request, &err);
}

/* --- POST /v1/tasks/ID/cancel ----------------------------------------------------------------- */
static int cancel(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    struct row_task row;
    if (store_task_find(core->store, asking->id, &row, err) != 0) return -1;
    struct task *task = core_task(core, row.id);
    if (!task) return error_set(err, ERR_CONFLICT, "task %s has ended already: %s", row.id, task_state_name(row.state));
    if (task_cancel(core, task, asking->reason, err) != 0) return -1;
    asking->json = json_object();
    json_object_set_new(asking->json, "task", json_string(row.id));
    json_object_set_new(asking->json, "campaign", json_string(row.campaign));
    json_object_set_new(asking->json, "state", json_string(task_state_name(task->row.state)));
    return 0;
}

enum MHD_Result api_task_cancel(struct request *request) {
    struct error err = ERROR_INIT;
    const char *reason = json_string_value(json_object_get(request->json, "reason"));
    struct asking asking = {.id = request->id, .reason = reason && *reason ? reason : "cancelled by request"};
    if (loop_call(request->api->loop, cancel, &asking, &err) == 0) return api_json(request, MHD_HTTP_OK, asking.json);
    json_decref(asking.json);
    return api_error(request, &err);
}
