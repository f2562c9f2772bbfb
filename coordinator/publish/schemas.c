#include "coordinator/publish/schemas.h"

#include <string.h>

#include "common/buf.h"
#include "fleet/bus/topics.h"

static int learn(void *context, const struct row_schema *row, struct error *err) {
    struct core *core = context;
    return codec_learn_id(core->codec, (uint32_t)row->id, row->text, err);
}

/* Stored rows are decoded with the schemas they were written with, so internal ones are kept too. */
int schemas_register(struct core *core, struct error *err) {
    for (size_t i = 0; i < rec_top_level_count; i++) {
        const struct rec_desc *desc = rec_top_level[i];
        int32_t id = 0;
        bool result = desc == &rec_result_desc, measurement = desc == &rec_measurement_desc;
        CLEANUP_FREE char *subject = result        ? xasprintf("%s" TOPIC_RESULTS "-value", core->config.prefix)
                                     : measurement ? xasprintf("%s" TOPIC_MEASUREMENTS "-value", core->config.prefix)
                                                   : xasprintf(SCHEMA_INTERNAL "%s", desc->name);
        if (store_schema_id(core->store, subject, desc->text, &id, err) != 0) return -1;
        if (result) core->schema_result = id;
        if (measurement) core->schema_measurement = id;
    }
    return store_schemas(core->store, learn, core, err);
}
