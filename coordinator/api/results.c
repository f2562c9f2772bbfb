/* GET /v1/results and /v1/measurements: pages through the store, so that neither memory nor the loop is held by a large
 * answer. */
#include <string.h>

#include "common/suggest.h"
#include "coordinator/accept/result.h"
#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"

#define PAGE 200
#define PAGE_MEASURED 20 /* results whose attempts are decoded, too */
#define ARRAY_MAX 10000  /* results in one JSON array: it is built in memory */

struct results {
    struct loop *loop;
    char campaign[CAMPAIGN_ID_SIZE], problem[LABEL_SIZE], target[TARGET_SIZE];
    char kernel[LABEL_SIZE], verdict[LABEL_SIZE], status[LABEL_SIZE], purpose[LABEL_SIZE]; /* "": any */
    int64_t since, from_ms, until_ms, left;
    bool measured;             /* the rows of measurements in place of the results themselves */
    size_t page;               /* results that are read at once */
    bool brief;                /* without what only a replay needs */
    bool follow, begun, ended; /* the campaign has ended and all was read */
    uint64_t seen;
    size_t got; /* rows of the last page, whether they were wanted or not */
    struct buf *out;
    json_t *array; /* in place of lines */
};

static void make_brief(json_t *json) {
    static const char *const texts[] = {"problem_yaml", "kernel_yaml", "kernel_source",
                                        "policy",       "seeds",       "record_check"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) json_object_del(json, texts[i]);
}

static bool is_one(const json_t *json, const char *key, const char *wanted) {
    const char *text = json_string_value(json_object_get(json, key));
    return !*wanted || strcmp(text ? text : "", wanted) == 0;
}

/* What the store has no column for. A verdict may be asked for by its outcome: `gave_up` and `cancelled` have none. */
static bool is_wanted(const struct results *r, const json_t *json) {
    return is_one(json, "kernel", r->kernel) && is_one(json, "status", r->status) &&
           is_one(json, "purpose", r->purpose) &&
           (is_one(json, "verdict", r->verdict) || is_one(json, "outcome", r->verdict));
}

static int add_measurement(void *context, const char *key, const struct rec_measurement *row, struct error *err) {
    struct results *r = context;
    (void)key, (void)err;
    if (r->left <= 0) return 0;
    r->left--;
    api_line(r->out, codec_to_json(&rec_measurement_desc, row));
    return 0;
}

static int add_measurements(struct core *core, struct results *r, const struct row_result *row, struct error *err) {
    struct rec_result result;
    if (codec_decode_as(core->codec, row->record, row->len, &rec_result_desc, &result, err) != 0) return -1;
    int status = measurements_stored(core, &result, add_measurement, r, err);
    rec_result_done(&result);
    return status;
}

static int add_row(void *context, const struct row_result *row, struct error *err) {
    void **both = context;
    struct results *r = both[1];
    json_t *json = json_result_row(both[0], row, err);
    if (!json) return -1;
    r->since = row->revision;
    r->got++;
    bool wanted = r->left > 0 && is_wanted(r, json);
    if (!wanted || r->measured) {
        json_decref(json);
        return wanted ? add_measurements(both[0], r, row, err) : 0;
    }
    if (r->brief) make_brief(json);
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
                                 .from_ms = r->from_ms,
                                 .until_ms = r->until_ms,
                                 .limit = (int)r->page};
    r->got = 0;
    r->seen = core->change;
    if (r->left > 0 && store_results(core->store, &query, add_row, both, err) != 0) return -1;
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

static bool next_lines(void *context, struct buf *out) {
    struct results *r = context;
    struct error err = ERROR_INIT;
    r->out = out;
    if (r->left <= 0) return false;
    if (r->begun && r->got < r->page) {
        if (!r->follow || r->ended) return false;
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
    } while (r->got == r->page && r->left > 0);
    json_t *array = r->array;
    free(r);
    return api_json(request, MHD_HTTP_OK, array);
}

struct filter {
    const char *name;
    char *to;
    size_t size;
    const char *const *known; /* NULL: any name */
};

static const char *const STATUSES[] = {"provisional", "confirmed", "retracted", NULL};
static const char *const PURPOSES[] = {"campaign", "try", "sweep", NULL};
static const char *const ENDS[] = {
#define X(id, name, status, text) name,
#include "schemas/verdicts.def"
#undef X
    "gave_up", "cancelled", NULL};

/* A slip would be answered with nothing, which reads like an answer. */
static int check_known(const struct filter *filter, const char *value, struct error *err) {
    for (const char *const *known = filter->known; known && *known; known++)
        if (strcmp(value, *known) == 0) return 0;
    if (!filter->known || !*value) return 0;
    const char *nearest = suggest_nearest(value, filter->known);
    error_set(err, ERR_USAGE, "no result has the %s `%.60s`", filter->name, value);
    if (nearest) return error_hint(err, "did you mean `%s`?", nearest);
    return filter->known == ENDS
               ? error_hint(err, "a verdict (docs/verification.md), gave_up or cancelled")
               : error_hint(err, "%s, %s or %s", filter->known[0], filter->known[1], filter->known[2]);
}

static int read_filters(struct request *request, struct results *r, struct error *err) {
    const struct filter filters[] = {
        {"problem", r->problem, sizeof r->problem, NULL},  {"target", r->target, sizeof r->target, NULL},
        {"kernel", r->kernel, sizeof r->kernel, NULL},     {"verdict", r->verdict, sizeof r->verdict, ENDS},
        {"status", r->status, sizeof r->status, STATUSES}, {"purpose", r->purpose, sizeof r->purpose, PURPOSES}};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const char *value = api_argument(request, filters[i].name);
        if (!value) continue;
        if (strlen(value) >= filters[i].size)
            return error_set(err, ERR_USAGE, "`%s` is longer than any name", filters[i].name);
        if (check_known(&filters[i], value, err) != 0) return -1;
        snprintf(filters[i].to, filters[i].size, "%s", value);
    }
    if (api_number(request, "since", 0, &r->since, err) != 0 ||
        api_number(request, "from_ms", 0, &r->from_ms, err) != 0 ||
        api_number(request, "until_ms", 0, &r->until_ms, err) != 0)
        return -1;
    return 0;
}

static bool is_set(const struct request *request, const char *name) {
    const char *value = api_argument(request, name);
    return value && strcmp(value, "0") != 0;
}

/* Sets *ret_lines: NDJSON, of which there may be any number, and not one array. */
static int read_form(struct request *request, struct results *r, bool *ret_lines, struct error *err) {
    const char *format = api_argument(request, "format");
    r->follow = is_set(request, "follow");
    r->brief = is_set(request, "brief");
    if (format && strcmp(format, "ndjson") != 0 && (strcmp(format, "json") != 0 || r->measured))
        return error_set(err, ERR_USAGE, "`format` is %sndjson", r->measured ? "" : "json or ");
    *ret_lines = r->follow || r->measured || (format && strcmp(format, "ndjson") == 0);
    if (api_number(request, "limit", *ret_lines ? INT64_MAX : ARRAY_MAX, &r->left, err) != 0) return -1;
    if (r->left >= 0 && (*ret_lines || r->left <= ARRAY_MAX)) return 0;
    error_set(err, ERR_USAGE, "`limit` must lie between 0 and %d", ARRAY_MAX);
    return error_hint(err,
                      "format=ndjson has no such limit; or go on page by page with since=REVISION of the last one");
}

static int read_arguments(struct request *request, struct results *r, bool *ret_lines, struct error *err) {
    const char *campaign = api_argument(request, "campaign");
    if (read_filters(request, r, err) != 0 || read_form(request, r, ret_lines, err) != 0) return -1;
    if (!campaign) return 0;
    if (strlen(campaign) >= sizeof r->campaign)
        return error_set(err, ERR_NOT_FOUND, "campaign `%.64s` does not exist", campaign);
    snprintf(r->campaign, sizeof r->campaign, "%s", campaign);
    return loop_call(r->loop, find_campaign, r, err);
}

static enum MHD_Result answer(struct request *request, bool measured) {
    struct error err = ERROR_INIT;
    struct results *r = xcalloc(1, sizeof *r);
    bool lines = false;
    r->loop = request->api->loop;
    r->measured = measured;
    r->page = measured ? PAGE_MEASURED : PAGE;
    if (read_arguments(request, r, &lines, &err) != 0) {
        free(r);
        return api_error(request, &err);
    }
    return lines ? api_stream(request, next_lines, free, r) : answer_array(request, r);
}

enum MHD_Result api_results(struct request *request) {
    return answer(request, false);
}

enum MHD_Result api_measurements(struct request *request) {
    return answer(request, true);
}
