/* GET /v1/health */
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "coordinator/api/figures.h"
#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/sweep/webhook.h"

static json_t *broker_json(const struct figures *f) {
    json_t *json = json_object();
    json_object_set_new(json, "state", json_string(f->linked ? "connected" : f->link.tried ? "absent" : "connecting"));
    json_object_set_new(json, "bootstrap", json_string(f->link.bootstrap));
    json_object_set_new(json, "embedded", json_boolean(f->link.embedded));
    json_object_set_new(json, "cluster_id", json_null_or(f->link.cluster_id));
    json_object_set_new(json, "last_error", json_string(f->link.last_error));
    return json;
}

/* null: this coordinator is the registry of its topics. */
static json_t *registry_json(const struct figures *f) {
    if (!*f->registry.url) return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "url", json_string(f->registry.url));
    json_object_set_new(json, "state", json_string(f->registry.waiting ? "waiting" : "ok"));
    json_object_set_new(json, "last_error", json_string(f->registry.last_error));
    return json;
}

enum MHD_Result api_health(struct request *request) {
    struct error err = ERROR_INIT;
    struct figures f = {0};
    if (loop_call(request->api->loop, figures_gather, &f, &err) != 0) return api_error(request, &err);
    json_t *json = json_object(), *nodes = json_object(), *tasks = json_object();
    json_object_set_new(json, "status", json_string(f.linked && !f.registry.waiting ? "ok" : "degraded"));
    json_object_set_new(json, "version", json_string(PORTOLAN_VERSION));
    json_object_set_new(json, "epoch", json_integer(f.epoch));
    json_object_set_new(json, "pid", json_integer(getpid()));
    json_object_set_new(json, "uptime_ms", json_integer(clock_mono_ms() - request->api->started_mono_ms));
    json_object_set_new(json, "broker", broker_json(&f));
    json_object_set_new(json, "schema_registry", registry_json(&f));
    for (int state = 0; state < SERVICE_UNCHECKED; state++)
        json_object_set_new(nodes, service_name((enum service)state), json_integer(f.nodes[state]));
    for (int state = TASK_WAITING; state < TASK_DONE; state++)
        json_object_set_new(tasks, task_state_name((enum task_state)state), json_integer(f.tasks[state]));
    json_object_set_new(json, "nodes", nodes);
    json_object_set_new(json, "tasks", tasks);
    json_object_set_new(json, "outbox", json_integer(f.outbox));
    json_object_set_new(json, "webhooks", webhooks_json(f.webhooks));
    return api_json(request, MHD_HTTP_OK, json);
}
