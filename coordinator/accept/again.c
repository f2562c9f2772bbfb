/* Publishing everything once more: an embedded broker came up empty. Same contents, same revisions. */
#include "coordinator/accept/result.h"
#include "coordinator/publish/campaigns.h"
#include "fleet/bus/topics.h"

#define PAGE 200

struct page {
    struct core *core;
    int64_t last;
    int count;
};

static int publish_row(void *context, const struct row_result *row, struct error *err) {
    struct page *page = context;
    struct rec_result result;
    page->last = row->revision;
    page->count++;
    if (store_outbox_add(page->core->store, TOPIC_RESULTS, row->task, row->record, row->len, err) != 0) return -1;
    if (codec_decode_as(page->core->codec, row->record, row->len, &rec_result_desc, &result, err) != 0) return -1;
    int status = measurements_publish_stored(page->core, &result, err);
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
