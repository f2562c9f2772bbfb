#include "coordinator/plan/definition.h"

#include <string.h>

const struct campaign_file *definition_of(struct core *core, struct campaign *campaign) {
    if (campaign->file_read) return campaign->file;
    campaign->file_read = true;
    CLEANUP_FREE char *text = store_campaign_definition(core->store, campaign->row.id, NULL, NULL);
    /* It was parsed when it was submitted; what does not parse is no campaign file. */
    if (text) campaign->file = campaign_parse(text, strlen(text), "campaign", NULL);
    return campaign->file;
}

struct campaign_limits definition_limits(struct core *core, struct campaign *campaign) {
    const struct campaign_file *file = definition_of(core, campaign);
    return file ? file->limits : campaign_limits_default();
}

void definition_place(struct core *core, struct campaign *campaign, const char *key, char out[DEFINITION_PLACE_SIZE]) {
    char place[CAMPAIGN_POSITION_SIZE];
    CLEANUP_FREE char *filename = NULL;
    const struct campaign_file *file = definition_of(core, campaign);
    CLEANUP_FREE char *text = file ? store_campaign_definition(core->store, campaign->row.id, &filename, NULL) : NULL;
    snprintf(out, DEFINITION_PLACE_SIZE, "the default");
    if (!text) return;
    campaign_position(file, filename, key, NULL, place);
    /* A position is more than the file's name: the key is there. */
    size_t len = strlen(place);
    if (len == strlen(filename)) return;
    /* Cut in front: the line is at its end. */
    const char *from = len < DEFINITION_PLACE_SIZE ? place : place + len + 1 - DEFINITION_PLACE_SIZE;
    memcpy(out, from, strlen(from) + 1);
}

void definition_forget(struct campaign *campaign) {
    campaign_free(campaign->file);
    campaign->file = NULL;
    campaign->file_read = false;
}
