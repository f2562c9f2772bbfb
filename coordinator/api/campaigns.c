/* Submitting, listing, looking at and cancelling campaigns. */
#include <string.h>

#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/plan/admit.h"
#include "coordinator/plan/plan.h"
#include "coordinator/schedule/cancel.h"

#define LIST_DEFAULT 100
#define LIST_MAX 10000
#define SUMMARIES_MAX 20000
#define CELLS_AT_A_TIME 1000

/* What a handler and its part on the loop's thread share. */
struct ask {
    struct request *request;
    json_t *json; /* the answer */
    int64_t number;
    const char *text;
};

static enum MHD_Result answer(struct request *request, loop_fn *fn, struct ask *ask, unsigned status) {
    struct error err = ERROR_INIT;
    ask->request = request;
    if (loop_call(request->api->loop, fn, ask, &err) == 0) return api_json(request, status, ask->json);
    json_decref(ask->json);
    return api_error(request, &err);
}

/* --- POST /v1/campaigns ----------------------------------------------------------------------- */
struct submitting {
    struct submission *s;
    struct plan_summary summary;
};

static int submit(struct core *core, void *context, struct error *err) {
    struct submitting *submitting = context;
    return plan_submit(core, submitting->s, false, &submitting->summary, err);
}

enum MHD_Result api_submit(struct request *request) {
    struct error err = ERROR_INIT;
    struct submitting submitting = {0};
    /* Parsing and admission need no state: they happen here, so that a large submission does not hold the loop up. */
    CLEANUP(cleanup_submission) struct submission *s = submission_from_json(request->json, &err);
    submitting.s = s;
    if (!s || submission_admit(s, &err) != 0) return api_error(request, &err);
    if (loop_call(request->api->loop, submit, &submitting, &err) != 0) return api_error(request, &err);
    json_t *json = json_object();
    json_object_set_new(json, "campaign", json_string(submitting.summary.campaign));
    json_object_set_new(json, "name", json_string(s->file->name));
    json_object_set_new(json, "tasks", json_integer(submitting.summary.tasks));
    json_object_set_new(json, "cells", json_integer(submitting.summary.cells));
    json_object_set_new(json, "known", json_integer(submitting.summary.known));
    json_object_set(json, "warnings", s->warnings);
    return api_json(request, MHD_HTTP_CREATED, json);
}

/* --- GET /v1/campaigns ------------------------------------------------------------------------ */
struct ids {
    char (*items)[CAMPAIGN_ID_SIZE];
    size_t count;
};

static int collect_id(void *context, const struct row_campaign *row, struct error *err) {
    struct ids *ids = context;
    (void)err;
    ids->items = xrealloc(ids->items, (ids->count + 1) * sizeof *ids->items);
    memcpy(ids->items[ids->count++], row->id, CAMPAIGN_ID_SIZE);
    return 0;
}

/* Ended campaigns do not change: their summary is made once, so that a list does not read all their tasks and results.
 */
static json_t *summary_of(struct core *core, const char *id, struct error *err) {
    const char *kept = map_get(core->summaries, id);
    if (kept) return json_loads(kept, 0, NULL);
    CLEANUP(cleanup_campaign_view) struct campaign *campaign = core_campaign_view(core, id, err);
    if (!campaign) return NULL;
    json_t *summary = json_summary(core, campaign);
    if (campaign->row.finished_ms && map_count(core->summaries) < SUMMARIES_MAX)
        map_put(core->summaries, id, json_dumps(summary, JSON_COMPACT));
    return summary;
}

static int list(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    struct ids ids = {0};
    json_t *summaries = json_array();
    ask->json = json_object();
    json_object_set_new(ask->json, "campaigns", summaries);
    int status = store_campaigns(core->store, false, ask->text ? ask->text : "campaign", (int)ask->number, collect_id,
                                 &ids, err);
    for (size_t i = 0; i < ids.count && status == 0; i++) {
        status = json_array_append_new(summaries, summary_of(core, ids.items[i], err));
    }
    free(ids.items);
    return status;
}

enum MHD_Result api_campaigns(struct request *request) {
    struct error err = ERROR_INIT;
    struct ask ask = {.text = api_argument(request, "purpose")};
    if (api_number(request, "limit", LIST_DEFAULT, &ask.number, &err) != 0) return api_error(request, &err);
    if (ask.number < 1 || ask.number > LIST_MAX) ask.number = LIST_MAX;
    return answer(request, list, &ask, MHD_HTTP_OK);
}

/* --- GET /v1/campaigns/ID --------------------------------------------------------------------- */
/* A campaign may have 100,000 cells, nearly a kilobyte each: written as text some at a time, so that neither the loop
 * is held up for seconds nor all of them stand in memory as JSON. */
struct showing {
    struct request *request;
    struct buf out;
    size_t next;
    bool ended;
};

static int put_json(struct buf *out, json_t *json, bool open_ended) {
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!text) return -1;
    buf_append(out, text, strlen(text) - open_ended);
    free(text);
    return 0;
}

static int begin_campaign(struct core *core, const struct campaign *campaign, struct buf *out, struct error *err) {
    CLEANUP_FREE char *definition = store_campaign_definition(core->store, campaign->row.id, NULL, err);
    if (!definition) return -1;
    json_t *summary = json_summary(core, campaign);
    json_object_set_new(summary, "definition", json_string(definition));
    if (put_json(out, summary, true) != 0) return error_set(err, ERR_INTERNAL, "campaign %s", campaign->row.id);
    buf_puts(out, ",\"cells\":[");
    return 0;
}

static int show_some(struct core *core, void *context, struct error *err) {
    struct showing *showing = context;
    CLEANUP(cleanup_campaign_view)
    struct campaign *campaign = core_campaign_view(core, showing->request->id, err);
    if (!campaign || (showing->out.len == 0 && begin_campaign(core, campaign, &showing->out, err) != 0)) return -1;
    size_t n = 0;
    for (; showing->next < campaign->task_count && (n < CELLS_AT_A_TIME || campaign->detached); n++) {
        if (showing->next > 0) buf_putc(&showing->out, ',');
        if (put_json(&showing->out, json_cell(campaign->tasks[showing->next++]), false) != 0)
            return error_set(err, ERR_INTERNAL, "a cell of campaign %s", campaign->row.id);
    }
    showing->ended = showing->next >= campaign->task_count;
    if (showing->ended) buf_puts(&showing->out, "]}");
    return 0;
}

enum MHD_Result api_campaign(struct request *request) {
    struct error err = ERROR_INIT;
    struct showing showing = {.request = request};
    while (!showing.ended)
        if (loop_call(request->api->loop, show_some, &showing, &err) != 0) {
            buf_done(&showing.out);
            return api_error(request, &err);
        }
    return api_owned(request, MHD_HTTP_OK, "application/json", buf_take(&showing.out));
}

/* --- POST /v1/campaigns/ID/cancel ------------------------------------------------------------- */
static int cancel(struct core *core, void *context, struct error *err) {
    struct ask *ask = context;
    int64_t cancelled = 0;
    CLEANUP(cleanup_campaign_view) struct campaign *campaign = core_campaign_view(core, ask->request->id, err);
    if (!campaign) return -1;
    if (campaign->detached)
        return error_set(err, ERR_CONFLICT, "campaign %s is %s already", campaign->row.id,
                         campaign_state_name(campaign->row.state));
    if (campaign_cancel(core, campaign, ask->text, &cancelled, err) != 0) return -1;
    ask->json = json_object();
    json_object_set_new(ask->json, "campaign", json_string(campaign->row.id));
    json_object_set_new(ask->json, "state", json_string(campaign_state_name(campaign->row.state)));
    json_object_set_new(ask->json, "cancelled", json_integer(cancelled));
    return 0;
}

enum MHD_Result api_cancel(struct request *request) {
    const char *reason = json_string_value(json_object_get(request->json, "reason"));
    struct ask ask = {.text = reason && *reason ? reason : "cancelled by request"};
    return answer(request, cancel, &ask, MHD_HTTP_OK);
}
