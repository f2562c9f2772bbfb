/* GET /v1/nodes, GET /v1/nodes/NAME, POST /v1/nodes/NAME/ACTION */
#include <string.h>

#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/schedule/node_admin.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/schedule/quarantine.h"

#define REASON_SIZE 600

/* --- what runs where: "node/device" to attempt ------------------------------------------------ */
static struct map *running_attempts(const struct core *core) {
    struct map *map = map_new();
    char name[2 * LABEL_SIZE];
    for (size_t i = 0; i < core->open_count; i++) {
        struct attempt *a = core->open[i];
        if (!a->holds_slot || a->task->row.state != TASK_RUNNING || !a->row.ran) continue;
        snprintf(name, sizeof name, "%s/%s", a->row.node, a->row.device);
        map_put(map, name, a);
    }
    return map;
}

static json_t *runs_json(const struct core *core, const struct attempt *a) {
    const struct task *task = a->task;
    json_t *json = json_object();
    json_object_set_new(json, "attempt", json_sprintf("%s.%d", a->row.task, (int)a->row.n));
    json_object_set_new(json, "task", json_string(task->row.id));
    json_object_set_new(json, "campaign", json_string(task->row.campaign));
    json_object_set_new(json, "kernel", json_string(task->row.kernel));
    json_object_set_new(json, "problem", json_string(task->row.problem));
    json_object_set_new(json, "phase", json_null_or(task->phase));
    json_object_set_new(json, "progress", json_real(task->progress));
    /* Not known of what began before this start of the coordinator. */
    json_object_set_new(json, "for_ms",
                        a->ran_mono_ms ? json_integer(core_mono_ms(core) - a->ran_mono_ms) : json_null());
    return json;
}

/* --- health ----------------------------------------------------------------------------------- */
static json_t *quarantine_json(const struct core *core, const struct health *health) {
    if (!health->row.quarantined) return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "reason", json_string(health->row.reason));
    json_object_set_new(json, "since_ms", json_integer(health->row.since_ms));
    json_object_set_new(json, "left_ms", json_integer(health_left_ms(core, health)));
    json_object_set_new(json, "in_a_row", json_integer(health->row.rounds));
    return json;
}

static const char *device_word(const struct device *device) {
    enum service service = device_service(device);
    if (device->held) return "busy";
    return service == SERVICE_IN_SERVICE ? "idle" : service_name(service);
}

static void device_health_json(const struct core *core, const struct device *device, json_t *json) {
    char reason[REASON_SIZE];
    int64_t checks = device->info->health_checks;
    device_service_reason(core, device, reason, sizeof reason);
    json_object_set_new(json, "state", json_string(device_word(device)));
    json_object_set_new(json, "reason", json_string(reason));
    json_object_set_new(json, "failures", json_integer(device->health->row.streak));
    json_object_set_new(json, "quarantine", quarantine_json(core, device->health));
    json_object_set_new(json, "health_checks", checks >= 0 ? json_integer(checks) : json_null());
}

static json_t *failing_json(const struct rec_node *info) {
    json_t *list = json_array();
    for (size_t i = 0; i < info->failing.count; i++) {
        const struct rec_failing_device *f = &info->failing.items[i];
        json_t *json = json_object();
        json_object_set_new(json, "id", json_string(f->id));
        json_object_set_new(json, "target", json_string(f->target));
        json_object_set_new(json, "reason", json_string(f->reason));
        json_object_set_new(json, "since_ms", json_integer(f->since_ms));
        json_array_append_new(list, json);
    }
    return list;
}

/* --- devices and nodes ------------------------------------------------------------------------ */
static json_t *device_json(const struct core *core, const struct device *device, const struct map *running) {
    const struct rec_device *d = device->info;
    char name[2 * LABEL_SIZE];
    snprintf(name, sizeof name, "%s/%s", device->node->row.name, d->id);
    const struct attempt *attempt = map_get(running, name);
    json_t *json = json_object(), *runs = attempt ? runs_json(core, attempt) : json_null();
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
    device_health_json(core, device, json);
    json_object_set_new(json, "held", json_integer(device->held));
    json_object_set_new(json, "limit", json_integer(device_in_service(device) ? device_window(core, device) : 0));
    json_object_set_new(json, "running",
                        attempt ? json_sprintf("%s.%d", attempt->row.task, (int)attempt->row.n) : json_null());
    json_object_set_new(json, "runs", runs);
    return json;
}

static void node_state_json(const struct core *core, const struct fleet_node *node, json_t *json) {
    char reason[REASON_SIZE];
    enum service service = node_service(node);
    node_service_reason(core, node, reason, sizeof reason);
    json_object_set_new(json, "state", json_string(service_name(service)));
    json_object_set_new(json, "reason", json_string(reason));
    json_object_set_new(json, "ready", json_boolean(service == SERVICE_IN_SERVICE));
    json_object_set_new(json, "admin", json_string(node_admin_name(node->row.admin)));
    json_object_set_new(json, "admin_reason", json_string(node->row.admin_reason));
    json_object_set_new(json, "presence", json_string(node_presence_name(node->row.presence)));
    json_object_set_new(json, "failures", json_integer(node->health->row.streak));
    json_object_set_new(json, "quarantine", quarantine_json(core, node->health));
    json_object_set_new(json, "trouble", json_null_or(node->info->trouble));
    json_object_set_new(json, "held", json_integer(node_held(node)));
}

static json_t *string_list(const struct rec_list_string *list) {
    json_t *json = json_array();
    for (size_t i = 0; i < list->count; i++) json_array_append_new(json, json_string(list->items[i]));
    return json;
}

static json_t *node_json(const struct core *core, const struct fleet_node *node, const struct map *running) {
    const struct rec_node *info = node->info;
    json_t *json = json_object(), *devices = json_array(), *labels = json_array();
    for (size_t i = 0; i < node->device_count; i++)
        json_array_append_new(devices, device_json(core, &node->devices[i], running));
    for (size_t i = 0; i < info->labels.count; i++) json_array_append_new(labels, json_string(info->labels.items[i]));
    json_object_set_new(json, "node", json_string(node->row.name));
    json_object_set_new(json, "incarnation", json_string(node->row.incarnation));
    node_state_json(core, node, json);
    json_object_set_new(json, "agent_version", json_string(info->agent_version));
    json_object_set_new(json, "protocol", json_integer(info->protocol));
    json_object_set_new(json, "host", json_string(info->host));
    json_object_set_new(json, "os", json_string(info->os));
    json_object_set_new(json, "cpu", json_string(info->cpu));
    json_object_set_new(json, "cores", json_integer(info->cores));
    json_object_set_new(json, "memory_bytes", json_integer(info->memory_bytes));
    json_object_set_new(json, "labels", labels);
    json_object_set_new(json, "only", string_list(&info->only));
    json_object_set_new(json, "refuse", string_list(&info->refuse));
    json_object_set_new(json, "sandbox", json_string(info->sandbox));
    json_object_set_new(json, "mailbox", json_sprintf("%s%s", core->config.prefix, node->row.mailbox));
    json_object_set_new(json, "mailbox_partition", json_integer(node->row.mailbox_partition));
    json_object_set_new(json, "heartbeat_age_ms",
                        node->heard ? json_integer(core_mono_ms(core) - node->heard_mono_ms) : json_null());
    json_object_set_new(json, "load_1m", json_real(node->load_1m));
    json_object_set_new(json, "devices", devices);
    json_object_set_new(json, "failing", failing_json(info));
    return json;
}

/* --- listing ---------------------------------------------------------------------------------- */
struct listing {
    bool one_state;
    enum service state;
    json_t *json;
};

static int by_name(const void *a, const void *b) {
    const struct fleet_node *const *x = a, *const *y = b;
    return strcmp((*x)->row.name, (*y)->row.name);
}

static int list(struct core *core, void *context, struct error *err) {
    struct listing *listing = context;
    json_t *nodes = json_array();
    CLEANUP_FREE struct fleet_node **sorted = xcalloc(map_count(core->nodes) + 1, sizeof *sorted);
    struct map *running = running_attempts(core);
    size_t cursor = 0, n = 0;
    void *node;
    (void)err;
    while (map_next(core->nodes, &cursor, NULL, &node))
        if (!listing->one_state || node_service(node) == listing->state) sorted[n++] = node;
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++) json_array_append_new(nodes, node_json(core, sorted[i], running));
    map_free(running);
    listing->json = json_object();
    json_object_set_new(listing->json, "nodes", nodes);
    return 0;
}

enum MHD_Result api_nodes(struct request *request) {
    struct error err = ERROR_INIT;
    struct listing listing = {0};
    const char *state = api_argument(request, "state");
    listing.one_state = state != NULL;
    if (state && service_parse(state, &listing.state, &err) != 0) return api_error(request, &err);
    if (loop_call(request->api->loop, list, &listing, &err) != 0) return api_error(request, &err);
    return api_json(request, MHD_HTTP_OK, listing.json);
}

/* --- one node --------------------------------------------------------------------------------- */
struct one {
    const char *name, *reason;
    bool act, force;
    enum node_action action;
    json_t *json;
};

static int one_node(struct core *core, void *context, struct error *err) {
    struct one *one = context;
    if (one->act && node_act(core, one->name, one->action, one->reason, one->force, err) != 0) return -1;
    const struct fleet_node *node = core_node(core, one->name);
    if (!node) {
        error_set(err, ERR_NOT_FOUND, "there is no node `%.63s`", one->name);
        return error_hint(err, "`portolan nodes` lists those that have registered");
    }
    struct map *running = running_attempts(core);
    one->json = node_json(core, node, running);
    map_free(running);
    return 0;
}

enum MHD_Result api_node(struct request *request) {
    struct error err = ERROR_INIT;
    struct one one = {.name = request->id};
    if (loop_call(request->api->loop, one_node, &one, &err) != 0) return api_error(request, &err);
    return api_json(request, MHD_HTTP_OK, one.json);
}

static int read_order(const struct request *request, struct one *one, struct error *err) {
    const json_t *reason = json_object_get(request->json, "reason"), *force = json_object_get(request->json, "force");
    if (node_action_parse(request->id2, &one->action, err) != 0) return -1;
    if (request->json && !json_is_object(request->json)) return error_set(err, ERR_USAGE, "the body must be an object");
    if (reason && !json_is_string(reason)) return error_set(err, ERR_USAGE, "`reason` must be a text");
    if (force && !json_is_boolean(force)) return error_set(err, ERR_USAGE, "`force` must be true or false");
    one->reason = json_string_value(reason);
    one->force = json_is_true(force);
    return 0;
}

enum MHD_Result api_node_act(struct request *request) {
    struct error err = ERROR_INIT;
    struct one one = {.name = request->id, .act = true};
    if (read_order(request, &one, &err) != 0) return api_error(request, &err);
    if (loop_call(request->api->loop, one_node, &one, &err) != 0) return api_error(request, &err);
    return api_json(request, MHD_HTTP_OK, one.json);
}
