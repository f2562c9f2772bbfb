/* What is printed: statistics as NDJSON at the end, and the trace. */
#include <jansson.h>
#include <string.h>

#include "common/clock.h"
#include "tests/sim/sim.h"

static const struct {
    const char *name;
    size_t offset;
} counters[] = {
#define COUNTER(field) \
    { #field, offsetof(struct sim_stats, field) }
    COUNTER(starts),      COUNTER(ready),          COUNTER(deaths),  COUNTER(leaves),    COUNTER(freezes),
    COUNTER(fenced),      COUNTER(refused),        COUNTER(tasks),   COUNTER(repeated),  COUNTER(stale),
    COUNTER(begun),       COUNTER(commands),       COUNTER(cancels), COUNTER(cancelled), COUNTER(health_checks),
    COUNTER(verdicts),    COUNTER(infrastructure), COUNTER(busy),    COUNTER(returned),  COUNTER(silent),
    COUNTER(lost),        COUNTER(late),           COUNTER(sent),    COUNTER(delivered), COUNTER(resent),
    COUNTER(undelivered), COUNTER(beats),
#undef COUNTER
};
#define COUNTERS (sizeof counters / sizeof *counters)

static int64_t *counter(struct sim_stats *stats, size_t i) {
    return (int64_t *)(void *)((char *)stats + counters[i].offset);
}

static void merge(struct sim_stats *to, struct sim_stats *from) {
    for (size_t i = 0; i < COUNTERS; i++) *counter(to, i) += *counter(from, i);
    for (int i = 0; i < LIE_COUNT; i++) to->lies[i] += from->lies[i];
    if (from->most_held > to->most_held) to->most_held = from->most_held;
    latency_merge(&to->to_node, &from->to_node);
    latency_merge(&to->queued, &from->queued);
}

static json_t *latency_json(const struct sim_latency *latency) {
    return json_pack("{s:I,s:f,s:f,s:f}", "n", (json_int_t)latency->n, "p50", latency_quantile(latency, 0.5), "p99",
                     latency_quantile(latency, 0.99), "most", latency->most_ms);
}

static void print_line(const char *group, int64_t nodes, int64_t devices, struct sim_stats *stats, int64_t took_ms,
                       FILE *out) {
    json_t *line = json_pack("{s:s,s:I,s:I,s:I}", "group", group, "nodes", (json_int_t)nodes, "devices",
                             (json_int_t)devices, "took_ms", (json_int_t)took_ms);
    for (size_t i = 0; i < COUNTERS; i++) json_object_set_new(line, counters[i].name, json_integer(*counter(stats, i)));
    json_object_set_new(line, "most_held", json_integer(stats->most_held));
    json_t *lies = json_object();
    for (int i = 0; i < LIE_COUNT; i++)
        json_object_set_new(lies, sim_lie_name((enum sim_lie)i), json_integer(stats->lies[i]));
    json_object_set_new(line, "lies", lies);
    json_object_set_new(line, "to_node_ms", latency_json(&stats->to_node));
    json_object_set_new(line, "queued_ms", latency_json(&stats->queued));
    json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(5));
    fputc('\n', out);
    json_decref(line);
}

void report_print(const struct sim *sim, FILE *out, int64_t took_ms) {
    static struct sim_stats all;
    int64_t nodes = 0, devices = 0;
    memset(&all, 0, sizeof all);
    for (size_t i = 0; i < sim->group_count; i++) {
        struct sim_group *group = &sim->groups[i];
        print_line(group->name, group->nodes, group->devices, &group->stats, took_ms, out);
        merge(&all, &group->stats);
        nodes += group->nodes;
        devices += group->nodes * group->devices;
    }
    print_line("*", nodes, devices, &all, took_ms, out);
    fflush(out);
}

static const char *or_empty(const char *text) {
    return text ? text : "";
}

void report_trace(const struct sim_node *node, const struct rec_task *task, const char *what) {
    if (!node->sim->trace) return;
    fprintf(node->sim->trace,
            "{\"at_ms\":%lld,\"what\":\"%s\",\"node\":\"%s\",\"life\":%u,\"device\":\"%s\",\"attempt\":\"%s\","
            "\"task\":\"%s\",\"kernel\":\"%s\"}\n",
            (long long)clock_mono_ms(), what, node->name, (unsigned)node->lives, task->device,
            or_empty(task->attempt_id), or_empty(task->task_id), or_empty(task->kernel));
}
