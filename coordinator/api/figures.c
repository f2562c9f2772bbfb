#include "coordinator/api/figures.h"

#include "coordinator/map.h"
#include "coordinator/schedule/quarantine.h"

static void count_node(struct figures *f, const struct fleet_node *node) {
    f->nodes[node_service(node)]++;
    f->devices += (int64_t)node->device_count;
    for (size_t i = 0; i < node->device_count; i++) f->devices_quarantined += node->devices[i].health->row.quarantined;
    f->devices_failing += (int64_t)node->info->failing.count;
}

int figures_gather(struct core *core, void *figures, struct error *err) {
    struct figures *f = figures;
    size_t cursor = 0;
    void *value;
    (void)err;
    while (map_next(core->nodes, &cursor, NULL, &value)) count_node(f, value);
    for (cursor = 0; map_next(core->campaigns, &cursor, NULL, &value);) {
        const struct campaign *campaign = value;
        if (campaign->row.finished_ms) continue;
        f->campaigns++;
        for (int state = 0; state < TASK_STATE_COUNT; state++) f->tasks[state] += campaign->counts[state];
    }
    f->outbox = store_outbox_count(core->store);
    f->results = store_result_count(core->store);
    f->store_bytes = store_size_bytes(core->store);
    f->epoch = store_epoch(core->store);
    f->link = core->link;
    f->registry = core->registry;
    f->linked = core->linked;
    f->webhooks = core->webhooks;
    f->digests_dropped = core->digests_dropped;
    f->metrics = core->metrics;
    return 0;
}
