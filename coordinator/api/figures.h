/* What /v1/health and /metrics both tell: counted on the loop's thread in one go. */
#pragma once
#include "coordinator/core.h"
#include "coordinator/schedule/service.h"

struct figures {
    int64_t nodes[SERVICE_COUNT], devices, devices_quarantined, devices_failing, tasks[TASK_STATE_COUNT], campaigns;
    int64_t outbox, results, store_bytes, epoch;
    struct link_status link;
    struct registry_status registry;
    struct metrics metrics;
    struct webhooks *webhooks; /* as long as requests are answered */
    int64_t digests_dropped;
    bool linked;
};
/* A loop_fn over a struct figures of zeros. */
int figures_gather(struct core *core, void *figures, struct error *err);
