#include "coordinator/publish/campaigns.h"

#include <string.h>

#include "fleet/bus/topics.h"

static int64_t results_of(const struct campaign *campaign) {
    return campaign->counts[TASK_DONE] + campaign->counts[TASK_GAVE_UP] + campaign->counts[TASK_CANCELLED];
}

int campaign_publish(struct core *core, const struct campaign *campaign, struct error *err) {
    if (strcmp(campaign->row.purpose, "try") == 0) return 0;
    struct rec_campaign rec;
    CLEANUP_FREE uint8_t *value = NULL;
    size_t len = 0;
    CLEANUP_FREE char *definition = store_campaign_definition(core->store, campaign->row.id, NULL, err);
    if (!definition) return -1;
    rec_campaign_init(&rec);
    rec.epoch = store_epoch(core->store);
    rec_set(&rec.campaign, campaign->row.id);
    rec_set(&rec.name, campaign->row.name);
    rec_set(&rec.state, campaign_state_name(campaign->row.state));
    rec_set(&rec.definition_yaml, definition);
    rec.tasks = (int64_t)campaign->task_count - campaign->counts[TASK_NO_DEVICE] - campaign->counts[TASK_WAITING];
    rec.results = results_of(campaign);
    rec.created_ms = campaign->row.created_ms;
    int status = codec_encode(&rec_campaign_desc, &rec, CODEC_SINGLE_OBJECT, 0, &value, &len, err);
    rec_campaign_done(&rec);
    if (status != 0) return -1;
    return store_outbox_add(core->store, TOPIC_CAMPAIGNS, campaign->row.id, value, len, err);
}
