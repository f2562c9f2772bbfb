/* GET /v1/nodes */
#include <string.h>

#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/schedule/nodes.h"

static const char *running_on(const struct core *core, const struct device *device, char out[64]) {
    for (size_t i = 0; i < core->open_count; i++) {
        const struct attempt *a = core->open[i];
        if (!a->holds_slot || a->task->row.state != TASK_RUNNING || !a->row.ran) continue;
        if (strcmp(a->row.node, device->node->row.name) != 0 || strcmp(a->row.device, device->info->id) != 0) continue;
        snprintf(out, 64, "%s.%d", a->row.task, a->row.n);
        return out;
    }
    return NULL;
}

static json_t *device_json(const struct core *core, const struct device *device) {
    const struct rec_device *d = device->info;
    char name[64];
    json_t *json = json_object();
    json_object_set_new(json, "id", json_string(d->id));
    json_object_set_new(json, "target", json_string(device->target));
    json_object_set_new(json, "vendor", json_string(d->vendor));
    json_object_set_new(json, "name", json_string(d->name));
    json_object_set_new(json, "driver_version", json_string(d->driver_version));
    json_object_set_new(json, "kind", json_string(d->kind));
    json_object_set_new(json, "backend", json_string(d->backend));
    json_object_set_new(json, "memory_bytes", json_integer(d->memory_bytes));
    json_object_set_new(json, "compute_units", json_integer(d->compute_units));
    json_object_set_new(json, "copy_gbps", json_real(d->copy_gbps));
    json_object_set_new(json, "fma_gflops", json_real(d->fma_gflops));
    json_object_set_new(json, "domain", json_string(d->domain));
    json_object_set_new(json, "fingerprint", json_string(d->fingerprint));
    json_object_set_new(json, "state",
                        json_string(!device_in_service(device) ? "absent"
                                    : device->held             ? "busy"
                                                               : "idle"));
    json_object_set_new(json, "held", json_integer(device->held));
    json_object_set_new(json, "running", json_null_or(running_on(core, device, name)));
    return json;
}

static json_t *node_json(const struct core *core, const struct fleet_node *node) {
    const struct rec_node *info = node->info;
    json_t *json = json_object(), *devices = json_array(), *labels = json_array();
    for (size_t i = 0; i < node->device_count; i++)
        json_array_append_new(devices, device_json(core, &node->devices[i]));
    for (size_t i = 0; i < info->labels.count; i++) json_array_append_new(labels, json_string(info->labels.items[i]));
    json_object_set_new(json, "node", json_string(node->row.name));
    json_object_set_new(json, "incarnation", json_string(node->row.incarnation));
    json_object_set_new(json, "state", json_string(node_state_name(node->row.state)));
    json_object_set_new(json, "reason", json_string(node->row.reason));
    json_object_set_new(json, "ready",
                        json_boolean(node->row.state == NODE_IN_SERVICE && node->heard && node->mailbox_ready));
    json_object_set_new(json, "agent_version", json_string(info->agent_version));
    json_object_set_new(json, "host", json_string(info->host));
    json_object_set_new(json, "os", json_string(info->os));
    json_object_set_new(json, "cpu", json_string(info->cpu));
    json_object_set_new(json, "cores", json_integer(info->cores));
    json_object_set_new(json, "memory_bytes", json_integer(info->memory_bytes));
    json_object_set_new(json, "labels", labels);
    json_object_set_new(json, "sandbox", json_string(info->sandbox));
    json_object_set_new(json, "mailbox", json_sprintf("%s%s", core->config.prefix, node->row.mailbox));
    json_object_set_new(json, "mailbox_partition", json_integer(node->row.mailbox_partition));
    json_object_set_new(json, "heartbeat_age_ms",
                        node->heard ? json_integer(core_mono_ms(core) - node->heard_mono_ms) : json_null());
    json_object_set_new(json, "load_1m", json_real(node->load_1m));
    json_object_set_new(json, "devices", devices);
    return json;
}

static int by_name(const void *a, const void *b) {
    const struct fleet_node *const *x = a, *const *y = b;
    return strcmp((*x)->row.name, (*y)->row.name);
}

static int list(struct core *core, void *context, struct error *err) {
    json_t **ret = context, *nodes = json_array();
    CLEANUP_FREE struct fleet_node **sorted = xcalloc(map_count(core->nodes) + 1, sizeof *sorted);
    size_t cursor = 0, n = 0;
    void *node;
    (void)err;
    while (map_next(core->nodes, &cursor, NULL, &node)) sorted[n++] = node;
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++) json_array_append_new(nodes, node_json(core, sorted[i]));
    *ret = json_object();
    json_object_set_new(*ret, "nodes", nodes);
    return 0;
}

enum MHD_Result api_nodes(struct request *request) {
    struct error err = ERROR_INIT;
    json_t *json = NULL;
    if (loop_call(request->api->loop, list, &json, &err) != 0) return api_error(request, &err);
    return api_json(request, MHD_HTTP_OK, json);
}
