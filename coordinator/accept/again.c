/* Publishing everything once more: an embedded broker came up empty. Same contents, same revisions. */
#include <string.h>

#include "coordinator/accept/result.h"
#include "coordinator/publish/campaigns.h"
#include "coordinator/schedule/attempts.h"
#include "fleet/bus/topics.h"

#define PAGE 200

struct page {
    struct core *core;
    int64_t last;
    int count;
};

/* Of the attempt called `name`, "task.n"; NULL for none. */
static int publish_measurements(struct core *core, const struct rec_result *result, const char *name,
                                struct error *err) {
    char task[TASK_ID_SIZE];
    int n = 0;
    uint8_t *data = NULL;
    size_t len = 0;
    struct rec_attempt attempt;
    struct error problem = ERROR_INIT;
    if (!name || !attempt_name_split(name, task, &n)) return 0;
    if (store_attempt_record_get(core->store, task, n, &data, &len, &problem) != 0) {
        if (err) *err = problem;
        return problem.code == ERR_NOT_FOUND ? 0 : -1;
    }
    int status = codec_decode_as(core->codec, data, len, &rec_attempt_desc, &attempt, err);
    free(data);
    if (status != 0) return -1;
    status = measurements_publish(core, result, &attempt, err);
    rec_attempt_done(&attempt);
    return status;
}

/* A result that was told again may have been promoted here since, or have come with its origin's promotion. */
static bool promotion_of_campaign(struct core *core, const struct rec_result *result) {
    struct row_task row;
    return result->promotion && store_task_find(core->store, result->promotion, &row, NULL) == 0 &&
           strcmp(row.campaign, result->campaign) == 0;
}

static int publish_row(void *context, const struct row_result *row, struct error *err) {
    struct page *page = context;
    struct rec_result result;
    page->last = row->revision;
    page->count++;
    if (store_outbox_add(page->core->store, TOPIC_RESULTS, row->task, row->record, row->len, err) != 0) return -1;
    if (codec_decode_as(page->core->codec, row->record, row->len, &rec_result_desc, &result, err) != 0) return -1;
    /* Those of a result that was told again are its origin's, and come with that. */
    bool own = !result.deduplicated_from;
    int status = own ? publish_measurements(page->core, &result, result.result_id, err) : 0;
    if (status == 0 && (own || promotion_of_campaign(page->core, &result)))
        status = publish_measurements(page->core, &result, result.promotion_id, err);
    rec_result_done(&result);
    return status;
}

int results_publish_again(struct core *core, struct error *err) {
    struct page page = {.core = core};
    do {
        struct result_query query = {.since = page.last, .limit = PAGE};
        page.count = 0;
        if (store_results(core->store, &query, publish_row, &page, err) != 0) return -1;
    } while (page.count == PAGE);
    size_t cursor = 0;
    void *campaign;
    while (map_next(core->campaigns, &cursor, NULL, &campaign))
        if (campaign_publish(core, campaign, err) != 0) return -1;
    return 0;
}
