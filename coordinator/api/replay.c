/* POST /v1/replay, GET /v1/results/ID */
#include <string.h>

#include "coordinator/api/json.h"
#include "coordinator/api/watch.h"
#include "coordinator/plan/replay.h"
#include "coordinator/schedule/attempts.h"
#include "fleet/replay/record.h"

/* --- one result ------------------------------------------------------------------------------- */
struct asking {
    const char *id;
    json_t *json;
};

/* By task, or by an attempt of it ("task.n"), as `result_id` has it. */
static int find(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    CLEANUP_FREE uint8_t *data = NULL;
    struct row_task task;
    struct row_result row = {.len = 0};
    char id[API_PATH_MAX];
    snprintf(id, sizeof id, "%.*s", (int)strcspn(asking->id, "."), asking->id);
    if (store_task_find(core->store, id, &task, err) != 0) return -1;
    /* What a promotion found out is in its parent's result. */
    const char *of = *task.parent ? task.parent : task.id;
    if (store_result_get(core->store, of, &data, &row.len, err) != 0) return -1;
    row.record = data;
    asking->json = json_result_row(core, &row, err);
    return asking->json ? 0 : -1;
}

enum MHD_Result api_result(struct request *request) {
    struct error err = ERROR_INIT;
    struct asking asking = {.id = request->id};
    if (loop_call(request->api->loop, find, &asking, &err) != 0) return api_error(request, &err);
    return api_json(request, MHD_HTTP_OK, asking.json);
}

/* --- replay ----------------------------------------------------------------------------------- */
struct replaying {
    struct rec_result record;
    char campaign[CAMPAIGN_ID_SIZE];
};

static int plan(struct core *core, void *context, struct error *err) {
    struct replaying *r = context;
    return plan_replay(core, &r->record, r->campaign, err);
}

enum MHD_Result api_replay(struct request *request) {
    struct error err = ERROR_INIT;
    struct replaying replaying;
    const json_t *record = json_object_get(request->json, "record");
    if (!record) {
        error_set(&err, ERR_USAGE, "`record` must be an object: a record of the results topic");
        return api_error(request, &err);
    }
    if (replay_record_parse(record, &replaying.record, &err) != 0) return api_error(request, &err);
    int status = loop_call(request->api->loop, plan, &replaying, &err);
    rec_result_done(&replaying.record);
    if (status != 0) return api_error(request, &err);
    return api_try_stream(request, replaying.campaign);
}
