/* portolan-agent bench: the baselines of a problem, and a kernel beside them, in detail. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/commands/commands.h"
#include "agent-node/commands/local.h"
#include "agent-node/commands/show_attempt.h"
#include "agent-node/worker/discovery.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/table.h"
#include "schemas/codec.h"

static const char *cell_time(bool has, double ns, char out[32]) {
    if (has) show_time(ns, out);
    return has ? out : "-";
}

static void add_row(struct table *table, const struct rec_measured *m) {
    char p10[32], p50[32], p90[32], gflops[32] = "-", gbps[32] = "-", light[32] = "-", speedup[64] = "-";
    if (m->has_gflops) snprintf(gflops, sizeof gflops, "%.4g", m->gflops);
    if (m->has_gbps) snprintf(gbps, sizeof gbps, "%.4g", m->gbps);
    if (m->has_speed_of_light) snprintf(light, sizeof light, "%.0f %%", 100 * m->speed_of_light);
    if (m->has_speedup)
        snprintf(speedup, sizeof speedup, "%.3f (%.3f to %.3f)", m->speedup, m->speedup_low, m->speedup_high);
    table_rowf(table, m->role, m->kernel, cell_time(m->has_time_ns_p10, m->time_ns_p10, p10),
               cell_time(m->has_time_ns_p50, m->time_ns_p50, p50), cell_time(m->has_time_ns_p90, m->time_ns_p90, p90),
               gflops, gbps, light, speedup);
}

static double median_of(const json_t *list) {
    double value[256];
    size_t n = 0;
    for (; n < json_array_size(list) && n < 256; n++) value[n] = json_number_value(json_array_get(list, n));
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && value[k] < value[k - 1]; k--) {
            double keep = value[k];
            value[k] = value[k - 1];
            value[k - 1] = keep;
        }
    return n ? (value[(n - 1) / 2] + value[n / 2]) / 2 : 0;
}

/* Mean over a set's windows of both sides, in per cent of the machine; "-" where it is not known. */
static const char *foreign_of(const json_t *set, char out[32]) {
    static const char *const sides[] = {"baseline_foreign", "candidate_foreign"};
    double sum = 0, n = 0;
    for (int s = 0; s < 2; s++) {
        size_t i;
        json_t *value;
        json_array_foreach(json_object_get(set, sides[s]), i, value) {
            if (!json_is_number(value)) continue;
            sum += json_number_value(value) / 10;
            n++;
        }
    }
    snprintf(out, 32, "%.1f", n > 0 && sum > 0 ? sum / n : 0);
    return n > 0 ? out : "-";
}

/* A sensor behind the set's windows. */
static const char *sensor_of(const json_t *set, const char *name, char out[32]) {
    const json_t *value = json_object_get(json_array_get(json_object_get(set, "sensors"), 1), name);
    snprintf(out, 32, "%.4g", json_number_value(value));
    return value ? out : "-";
}

/* A row a set: what the spread over fresh runners is, and what went on around them. */
static void show_sets(const struct rec_attempt *a) {
    json_t *root = json_loads(a->samples, 0, NULL);
    const json_t *sets = json_object_get(root, "sets");
    static const char *const headers[] = {">set",           ">baseline", ">candidate", ">ratio", ">others %",
                                          ">quads dropped", ">MHz",      ">C",         NULL};
    struct table *table = table_new(headers);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const json_t *set = json_array_get(sets, i);
        char no[24], base[32], cand[32], ratio[32], foreign[32], dropped[24], clock[32], temperature[32];
        snprintf(no, sizeof no, "%zu", i + 1);
        show_time(median_of(json_object_get(set, "baseline")), base);
        show_time(median_of(json_object_get(set, "candidate")), cand);
        snprintf(ratio, sizeof ratio, "%.4f", json_number_value(json_object_get(set, "ratio")));
        snprintf(dropped, sizeof dropped, "%zu", json_array_size(json_object_get(set, "dropped")));
        table_rowf(table, no, base, cand, ratio, foreign_of(set, foreign), dropped, sensor_of(set, "clock_mhz", clock),
                   sensor_of(set, "temperature_c", temperature));
    }
    if (json_array_size(sets) > 0) table_print(table, stdout);
    table_free(table);
    json_decref(root);
}

/* Whether the device can be timed on at all. */
static void show_clock(const struct rec_device *d) {
    struct error err = ERROR_INIT;
    char text[64] = "";
    CLEANUP_FREE char *cache = dir_standard("cache", &err);
    if (cache) worker_self_test_remembered(cache, d, text, sizeof text);
    if (text[0]) printf("  clock's self-test: %s; 2 within 5 %%\n", text);
}

static void report(const struct rec_device *d, const struct local_job *job, const struct rec_attempt *a,
                   void *context) {
    const struct rec_task *task = &job->task;
    json_t *json = context;
    if (json) {
        json_array_append_new(json, codec_to_json(&rec_attempt_desc, a));
        return;
    }
    static const char *const headers[] = {"role",     "kernel", ">p10",      ">median",  ">p90",
                                          ">GFLOP/s", ">GB/s",  ">of light", ">speedup", NULL};
    bool ok = a->verdict && strcmp(a->verdict, "correct") == 0;
    if (ok)
        printf("%s: %s, size %s\n", d->id, task->problem, task->size);
    else
        show_attempt(d, task, a, stdout);
    struct table *table = table_new(headers);
    for (size_t i = 0; i < a->measured.count; i++) add_row(table, &a->measured.items[i]);
    if (a->measured.count) table_print(table, stdout);
    table_free(table);
    show_sets(a);
    if (ok) show_load(a, stdout);
    show_clock(d);
    show_phases(a, stdout);
    fflush(stdout);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(discovery_list_done) struct rec_list_device devices = {0};
    char **files = NULL;
    size_t n = options_args(opts, &files);
    if (n < 1 || n > 2) {
        error_set(&err, ERR_USAGE, "bench takes a problem file and perhaps a kernel file");
        return program_fail(PROGRAM, &err);
    }
    struct local_job job;
    int status = local_job(opts, files[0], n == 2 ? files[1] : NULL, &job, &err);
    if (status == 0) status = local_devices(opts, job.task.policy.sets > 0, &devices, &err);
    if (status != 0) {
        local_job_done(&job);
        return program_fail(PROGRAM, &err);
    }
    json_t *json = options_flag(opts, "json") ? json_array() : NULL;
    struct local_run how = {.run = n == 2 ? worker_run : worker_run_baselines, .report = report, .context = json};
    int exit_status = local_run_all(&devices, &job, 1, &how);
    if (json) {
        json_dumpf(json, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(json);
    }
    local_job_done(&job);
    return exit_status;
}

static const struct option_spec options[] = {
    {"device", 'd', OPTION_LIST, "NAME", NULL, NULL, "Only devices whose id or driver contains NAME; may be repeated."},
    {"size", 's', OPTION_STRING, "SIZE", NULL, NULL, "Size to time; `small` where the problem has it, else its first."},
    {"json", 'j', OPTION_FLAG, NULL, NULL, NULL, "Print everything as JSON, every window's time included."},
    {"sets", 'k', OPTION_INT, "N", NULL, NULL, "Fresh sets of runners to time with (10)."},
    {"quads", 0, OPTION_INT, "N", NULL, NULL, "ABBA quads in each set (8)."},
    {"timeout", 't', OPTION_INT, "SECONDS", NULL, NULL, "Limit of a compilation, and of a run (60)."},
    {"busy", 0, OPTION_STRING, "WHAT", "busy", NULL,
     "On a machine that others use: `refuse` gives the verdict without times (the default; exit status 13), `note` "
     "keeps "
     "them and tells the load."},
    {"window-ms", 0, OPTION_DOUBLE, "MS", NULL, NULL, "Least length of a timed window (10)."},
    {"baseline", 'b', OPTION_LIST, "NAME", NULL, NULL,
     "Baseline to measure; may be repeated. All of them when not given."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

const struct command command_bench = {
    .name = "bench",
    .usage = "bench PROBLEM.yaml [KERNEL.yaml] [options]",
    .summary = "time a problem's baselines, and a kernel beside them, in detail",
    .details =
        "Without a kernel each baseline is verified and timed against the fastest one. Shows every set of runners, "
        "rates, and where the time went.\n\n"
        "Example:\n  portolan-agent bench problems/level1/matmul.yaml --size medium --device pocl",
    .options = options,
    .run = run};
