/* GET /metrics in Prometheus' text format. Names follow its conventions: base units, `_total` for counters, which begin
 * with the process. Labels have values from fixed lists only: no node, campaign or kernel is a label, so the number of
 * series does not grow with the fleet. tests/integration/stream.sh has promtool look at it. */
#include "common/clock.h"
#include "coordinator/api/figures.h"
#include "coordinator/api/internal.h"
#include "coordinator/sweep/webhook.h"

static void head(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP portolan_%s %s\n# TYPE portolan_%s %s\n", name, help, name, type);
}

static void metric(struct buf *out, const char *name, const char *type, const char *help, int64_t value) {
    head(out, name, type, help);
    buf_printf(out, "portolan_%s %lld\n", name, (long long)value);
}

static void labelled(struct buf *out, const char *name, const char *state, int64_t value) {
    buf_printf(out, "portolan_%s{state=\"%s\"} %lld\n", name, state, (long long)value);
}

static void process(struct buf *out, const struct figures *f, int64_t started_mono_ms) {
    double started_s = (double)(clock_wall_ms() - (clock_mono_ms() - started_mono_ms)) / 1000;
    head(out, "build_info", "gauge", "1; the label is the version of the coordinator.");
    buf_printf(out, "portolan_build_info{version=\"%s\"} 1\n", PORTOLAN_VERSION);
    head(out, "start_time_seconds", "gauge", "Unix time at which this coordinator started.");
    buf_printf(out, "portolan_start_time_seconds %.3f\n", started_s);
    metric(out, "epoch", "gauge", "Number of this start of the coordinator.", f->epoch);
    metric(out, "broker_up", "gauge", "1 while a Kafka broker answers.", f->linked);
    if (*f->registry.url)
        metric(out, "schema_registry_up", "gauge", "0 while results wait for the external schema registry.",
               !f->registry.waiting);
    metric(out, "store_size_bytes", "gauge", "Size of the store's file.", f->store_bytes);
}

static void fleet(struct buf *out, const struct figures *f) {
    head(out, "nodes", "gauge", "Nodes by state.");
    for (int state = 0; state < SERVICE_UNCHECKED; state++)
        labelled(out, "nodes", service_name((enum service)state), f->nodes[state]);
    metric(out, "devices", "gauge", "Devices of all nodes.", f->devices);
    metric(out, "devices_quarantined", "gauge", "Devices in quarantine of their own.", f->devices_quarantined);
    metric(out, "devices_failing", "gauge", "Devices that fail their known-answer check.", f->devices_failing);
    metric(out, "quarantines_total", "counter", "Quarantines of nodes and devices.", f->metrics.quarantines);
}

static void work(struct buf *out, const struct figures *f) {
    metric(out, "campaigns_running", "gauge", "Campaigns and tries that have not ended.", f->campaigns);
    head(out, "tasks", "gauge", "Tasks of running campaigns by state.");
    for (int state = 0; state < TASK_STATE_COUNT; state++)
        labelled(out, "tasks", task_state_name((enum task_state)state), f->tasks[state]);
    head(out, "attempts_total", "counter", "Attempts that came into a state.");
    for (int state = 0; state < ATTEMPT_STATE_COUNT; state++)
        labelled(out, "attempts_total", attempt_state_name((enum attempt_state)state), f->metrics.attempts[state]);
    metric(out, "lease_lapses_total", "counter", "Leases that ran out.", f->metrics.lapses);
    metric(out, "ticks_total", "counter", "Rounds of ticks read back: stands still while the broker is away.",
           f->metrics.ticks);
}

static void stream(struct buf *out, const struct figures *f) {
    metric(out, "results_stored", "gauge", "Results in the store.", f->results);
    metric(out, "results_total", "counter", "Results and revisions of results.", f->metrics.results);
    metric(out, "outbox_records", "gauge", "Records that wait to be published.", f->outbox);
    metric(out, "records_published_total", "counter", "Records of the outbox that Kafka has taken.",
           f->metrics.published);
    metric(out, "deadletters_total", "counter", "Dead letters.", f->metrics.deadletters);
}

/* Webhooks are of the configuration, 16 at most; their names are no label all the same. */
static void telling(struct buf *out, const struct figures *f) {
    struct webhook_status status[WEBHOOKS_MAX];
    size_t n = webhooks_status(f->webhooks, status);
    int64_t sent = 0, failed = 0, waiting = 0, failing = 0;
    for (size_t i = 0; i < n; i++) {
        sent += status[i].sent;
        failed += status[i].failed;
        waiting += status[i].waiting;
        failing += *status[i].last_error != 0;
    }
    metric(out, "webhooks_failing", "gauge", "Webhooks whose latest try failed.", failing);
    metric(out, "webhook_digests_waiting", "gauge", "Digests of sweeps that wait for their webhook.", waiting);
    metric(out, "webhook_digests_sent_total", "counter", "Digests of sweeps that were delivered.", sent);
    metric(out, "webhook_failures_total", "counter", "Tries to deliver a digest that failed.", failed);
    metric(out, "webhook_digests_dropped_total", "counter",
           "Digests that were dropped: too many waited, they were too old, or their webhook is not configured.",
           f->digests_dropped);
}

enum MHD_Result api_metrics(struct request *request) {
    struct error err = ERROR_INIT;
    struct figures f = {0};
    CLEANUP(buf_done) struct buf out = BUF_INIT;
    if (loop_call(request->api->loop, figures_gather, &f, &err) != 0) return api_error(request, &err);
    process(&out, &f, request->api->started_mono_ms);
    fleet(&out, &f);
    work(&out, &f);
    stream(&out, &f);
    telling(&out, &f);
    return api_text(request, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", out.data);
}
