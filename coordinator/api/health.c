/* GET /v1/health and /metrics */
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "coordinator/api/internal.h"
#include "coordinator/api/json.h"
#include "coordinator/schedule/quarantine.h"
#include "coordinator/schedule/service.h"

struct figures {
    int64_t nodes[SERVICE_COUNT], devices_quarantined, devices_failing, tasks[TASK_STATE_COUNT], outbox, results, epoch;
    struct link_status link;
    struct metrics metrics;
    bool linked;
};

static void count_node(struct figures *f, const struct fleet_node *node) {
    f->nodes[node_service(node)]++;
    for (size_t i = 0; i < node->device_count; i++) f->devices_quarantined += node->devices[i].health->row.quarantined;
    f->devices_failing += (int64_t)node->info->failing.count;
}

static int gather(struct core *core, void *context, struct error *err) {
    struct figures *f = context;
    size_t cursor = 0;
    void *value;
    (void)err;
    while (map_next(core->nodes, &cursor, NULL, &value)) count_node(f, value);
    for (cursor = 0; map_next(core->campaigns, &cursor, NULL, &value);) {
        const struct campaign *campaign = value;
        if (campaign->row.finished_ms) continue;
        for (int state = 0; state < TASK_STATE_COUNT; state++) f->tasks[state] += campaign->counts[state];
    }
    f->outbox = store_outbox_count(core->store);
    f->results = store_result_count(core->store);
    f->epoch = store_epoch(core->store);
    f->link = core->link;
    f->linked = core->linked;
    f->metrics = core->metrics;
    return 0;
}

static json_t *broker_json(const struct figures *f) {
    json_t *json = json_object();
    json_object_set_new(json, "state", json_string(f->linked ? "connected" : f->link.tried ? "absent" : "connecting"));
    json_object_set_new(json, "bootstrap", json_string(f->link.bootstrap));
    json_object_set_new(json, "embedded", json_boolean(f->link.embedded));
    json_object_set_new(json, "cluster_id", json_null_or(f->link.cluster_id));
    json_object_set_new(json, "last_error", json_string(f->link.last_error));
    return json;
}

enum MHD_Result api_health(struct request *request) {
    struct error err = ERROR_INIT;
    struct figures f = {0};
    if (loop_call(request->api->loop, gather, &f, &err) != 0) return api_error(request, &err);
    json_t *json = json_object(), *nodes = json_object(), *tasks = json_object();
    json_object_set_new(json, "status", json_string(f.linked ? "ok" : "degraded"));
    json_object_set_new(json, "version", json_string(PORTOLAN_VERSION));
    json_object_set_new(json, "epoch", json_integer(f.epoch));
    json_object_set_new(json, "pid", json_integer(getpid()));
    json_object_set_new(json, "uptime_ms", json_integer(clock_mono_ms() - request->api->started_mono_ms));
    json_object_set_new(json, "broker", broker_json(&f));
    for (int state = 0; state < SERVICE_UNCHECKED; state++)
        json_object_set_new(nodes, service_name((enum service)state), json_integer(f.nodes[state]));
    for (int state = TASK_WAITING; state < TASK_DONE; state++)
        json_object_set_new(tasks, task_state_name((enum task_state)state), json_integer(f.tasks[state]));
    json_object_set_new(json, "nodes", nodes);
    json_object_set_new(json, "tasks", tasks);
    json_object_set_new(json, "outbox", json_integer(f.outbox));
    return api_json(request, MHD_HTTP_OK, json);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help, int64_t value) {
    buf_printf(out, "# HELP portolan_%s %s\n# TYPE portolan_%s %s\nportolan_%s %lld\n", name, help, name, type, name,
               (long long)value);
}

static void head(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP portolan_%s %s\n# TYPE portolan_%s %s\n", name, help, name, type);
}

enum MHD_Result api_metrics(struct request *request) {
    struct error err = ERROR_INIT;
    struct figures f = {0};
    CLEANUP(buf_done) struct buf out = BUF_INIT;
    if (loop_call(request->api->loop, gather, &f, &err) != 0) return api_error(request, &err);
    metric(&out, "epoch", "gauge", "Number of this start of the coordinator.", f.epoch);
    metric(&out, "broker_up", "gauge", "1 while a broker answers.", f.linked);
    head(&out, "nodes", "gauge", "Nodes by state.");
    for (int state = 0; state < SERVICE_UNCHECKED; state++)
        buf_printf(&out, "portolan_nodes{state=\"%s\"} %lld\n", service_name((enum service)state),
                   (long long)f.nodes[state]);
    metric(&out, "devices_quarantined", "gauge", "Devices in quarantine of their own.", f.devices_quarantined);
    metric(&out, "devices_failing", "gauge", "Devices that fail their known-answer check.", f.devices_failing);
    metric(&out, "quarantines_total", "counter", "Quarantines of nodes and devices since the start.",
           f.metrics.quarantines);
    head(&out, "tasks", "gauge", "Tasks of running campaigns by state.");
    for (int state = 0; state < TASK_STATE_COUNT; state++)
        buf_printf(&out, "portolan_tasks{state=\"%s\"} %lld\n", task_state_name((enum task_state)state),
                   (long long)f.tasks[state]);
    metric(&out, "outbox_records", "gauge", "Records that wait to be published.", f.outbox);
    metric(&out, "results_stored", "gauge", "Results in the store.", f.results);
    metric(&out, "results_total", "counter", "Results since the start.", f.metrics.results);
    head(&out, "attempts_total", "counter", "Attempts that came into a state, since the start.");
    for (int state = 0; state < ATTEMPT_STATE_COUNT; state++)
        buf_printf(&out, "portolan_attempts_total{state=\"%s\"} %lld\n", attempt_state_name((enum attempt_state)state),
                   (long long)f.metrics.attempts[state]);
    metric(&out, "deadletters_total", "counter", "Dead letters since the start.", f.metrics.deadletters);
    metric(&out, "lease_lapses_total", "counter", "Leases that ran out since the start.", f.metrics.lapses);
    metric(&out, "ticks_total", "counter", "Rounds of ticks read back since the start.", f.metrics.ticks);
    return api_text(request, MHD_HTTP_OK, "text/plain; version=0.0.4", out.data);
}
