/* GET /v1/results: pages through the store, so that neither memory nor the loop is held by a large answer. */
#include <string.h>

#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"

#define PAGE 200
#define LIMIT_DEFAULT 100000

struct results {
    struct loop *loop;
    char campaign[CAMPAIGN_ID_SIZE], problem[LABEL_SIZE], target[TARGET_SIZE];
    int64_t since, left;
    bool brief;                /* without what only a replay needs */
    bool follow, begun, ended; /* the campaign has ended and all was read */
    uint64_t seen;
    size_t got; /* of the last page */
    struct buf *out;
    json_t *array; /* in place of lines */
};

static void make_brief(json_t *json) {
    static const char *const texts[] = {"problem_yaml", "kernel_yaml", "kernel_source",
                                        "policy",       "seeds",       "record_check"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) json_object_del(json, texts[i]);
}

static int add_row(void *context, const struct row_result *row, struct error *err) {
    void **both = context;
    struct results *r = both[1];
    json_t *json = json_result_row(both[0], row, err);
    if (!json) return -1;
    if (r->brief) make_brief(json);
    r->since = row->revision;
    r->got++;
    r->left--;
    if (r->array)
        json_array_append_new(r->array, json);
    else
        api_line(r->out, json);
    return 0;
}

static int read_page(struct core *core, void *context, struct error *err) {
    struct results *r = context;
    void *both[2] = {core, r};
    struct row_campaign row;
    struct result_query query = {.campaign = *r->campaign ? r->campaign : NULL,
                                 .problem = *r->problem ? r->problem : NULL,
                                 .target = *r->target ? r->target : NULL,
                                 .since = r->since,
                                 .limit = r->left < PAGE ? (int)r->left : PAGE};
    r->got = 0;
    r->seen = core->change;
    if (query.limit > 0 && store_results(core->store, &query, add_row, both, err) != 0) return -1;
    if (!*r->campaign) return 0;
    if (store_campaign_find(core->store, r->campaign, &row, err) != 0) return -1;
    r->ended = row.finished_ms != 0;
    return 0;
}

static int find_campaign(struct core *core, void *context, struct error *err) {
    struct results *r = context;
    struct row_campaign row;
    (void)core;
    if (store_campaign_find(core->store, r->campaign, &row, err) != 0) return -1;
    memcpy(r->campaign, row.id, sizeof r->campaign);
    return 0;
}

static bool follow(void *context, struct buf *out) {
    struct results *r = context;
    struct error err = ERROR_INIT;
    r->out = out;
    if (r->left <= 0) return false;
    if (r->begun && r->got < PAGE) {
        if (r->ended) return false;
        loop_wait_change(r->loop, r->seen, 1000);
    }
    r->begun = true;
    return loop_call(r->loop, read_page, r, &err) == 0;
}

static enum MHD_Result answer_array(struct request *request, struct results *r) {
    struct error err = ERROR_INIT;
    r->array = json_array();
    do {
        if (loop_call(r->loop, read_page, r, &err) == 0) continue;
        json_decref(r->array);
        free(r);
        return api_error(request, &err);
    } while (r->got == PAGE && r->left > 0);
    json_t *array = r->array;
    free(r);
    return api_json(request, MHD_HTTP_OK, array);
}

static int read_arguments(struct request *request, struct results *r, struct error *err) {
    const char *campaign = api_argument(request, "campaign"), *problem = api_argument(request, "problem");
    const char *target = api_argument(request, "target"), *following = api_argument(request, "follow");
    if (problem) snprintf(r->problem, sizeof r->problem, "%s", problem);
    if (target) snprintf(r->target, sizeof r->target, "%s", target);
    r->follow = following && strcmp(following, "0") != 0;
    const char *brief = api_argument(request, "brief");
    r->brief = brief && strcmp(brief, "0") != 0;
    if (api_number(request, "since", 0, &r->since, err) != 0) return -1;
    if (api_number(request, "limit", r->follow ? INT64_MAX : LIMIT_DEFAULT, &r->left, err) != 0) return -1;
    if (!campaign) return 0;
    if (strlen(campaign) >= sizeof r->campaign)
        return error_set(err, ERR_NOT_FOUND, "campaign `%.64s` does not exist", campaign);
    snprintf(r->campaign, sizeof r->campaign, "%s", campaign);
    return loop_call(r->loop, find_campaign, r, err);
}

enum MHD_Result api_results(struct request *request) {
    struct error err = ERROR_INIT;
    struct results *r = xcalloc(1, sizeof *r);
    r->loop = request->api->loop;
    if (read_arguments(request, r, &err) != 0) {
        free(r);
        return api_error(request, &err);
    }
    return r->follow ? api_stream(request, follow, free, r) : answer_array(request, r);
}
