#include "coordinator/publish/schemas.h"

#include <string.h>

#include "common/buf.h"
#include "fleet/bus/topics.h"

static int learn(void *context, const struct row_schema *row, struct error *err) {
    struct core *core = context;
    return codec_learn_id(core->codec, (uint32_t)row->id, row->text, err);
}

static int register_one(struct core *core, const char *subject, const struct rec_desc *desc, int32_t *ret_id,
                        struct error *err) {
    return store_schema_id(core->store, subject, desc->text, ret_id, err);
}

/* Public ones first, so that they have small ids; the internal ones because stored rows are decoded with the schemas
 * they were written with. */
int schemas_register(struct core *core, struct error *err) {
    CLEANUP_FREE char *results = xasprintf("%s" TOPIC_RESULTS "-value", core->config.prefix);
    CLEANUP_FREE char *measurements = xasprintf("%s" TOPIC_MEASUREMENTS "-value", core->config.prefix);
    if (register_one(core, results, &rec_result_desc, &core->schema_result, err) != 0 ||
        register_one(core, measurements, &rec_measurement_desc, &core->schema_measurement, err) != 0)
        return -1;
    for (size_t i = 0; i < rec_top_level_count; i++) {
        const struct rec_desc *desc = rec_top_level[i];
        int32_t id = 0;
        if (desc == &rec_result_desc || desc == &rec_measurement_desc) continue;
        CLEANUP_FREE char *subject = xasprintf(SCHEMA_INTERNAL "%s", desc->name);
        if (register_one(core, subject, desc, &id, err) != 0) return -1;
    }
    return store_schemas(core->store, learn, core, err);
}
