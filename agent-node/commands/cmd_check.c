/* portolan-agent check: one kernel on this machine's devices, without broker or daemon. */
#include <jansson.h>
#include <stdlib.h>

#include "agent-node/commands/commands.h"
#include "agent-node/commands/local.h"
#include "agent-node/commands/show_attempt.h"
#include "agent-node/worker/discovery.h"
#include "common/cleanup.h"
#include "schemas/codec.h"

struct output {
    json_t *json; /* array, or NULL for text */
    bool phases;
};

static void report(const struct rec_device *d, const struct rec_task *task, const struct rec_attempt *a,
                   void *context) {
    const struct output *o = context;
    if (o->json) {
        json_array_append_new(o->json, codec_to_json(&rec_attempt_desc, a));
        return;
    }
    show_attempt(d, task, a, stdout);
    if (o->phases) show_phases(a, stdout);
    fflush(stdout);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(discovery_list_done) struct rec_list_device devices = {0};
    char **files = NULL;
    if (options_args(opts, &files) != 2) {
        error_set(&err, ERR_USAGE, "check takes a problem file and a kernel file");
        return program_fail(PROGRAM, &err);
    }
    struct rec_task task;
    int status = local_task(opts, files[0], files[1], &task, &err);
    if (options_flag(opts, "no-timing")) task.policy.sets = 0;
    if (options_flag(opts, "search")) rec_set(&task.kind, "search");
    if (status == 0) status = local_devices(opts, task.policy.sets > 0, &devices, &err);
    if (status != 0) {
        rec_task_done(&task);
        return program_fail(PROGRAM, &err);
    }
    struct output o = {.json = options_flag(opts, "json") ? json_array() : NULL,
                       .phases = options_flag(opts, "phases")};
    int exit_status = local_run_all(&devices, &task, worker_run, report, &o);
    if (o.json) {
        json_dumpf(o.json, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(o.json);
    }
    rec_task_done(&task);
    return exit_status;
}

static const struct option_spec options[] = {
    {"device", 'd', OPTION_LIST, "NAME", NULL, NULL, "Only devices whose id or driver contains NAME; may be repeated."},
    {"size", 's', OPTION_STRING, "SIZE", NULL, NULL, "Size to time; `small` where the problem has it, else its first."},
    {"json", 'j', OPTION_FLAG, NULL, NULL, NULL, "Print the attempts as JSON."},
    {"sets", 'k', OPTION_INT, "N", NULL, NULL, "Fresh sets of runners to time with (5)."},
    {"quads", 0, OPTION_INT, "N", NULL, NULL, "ABBA quads in each set (8)."},
    {"timeout", 't', OPTION_INT, "SECONDS", NULL, NULL, "Limit of a compilation, and of a run (60)."},
    {"window-ms", 0, OPTION_DOUBLE, "MS", NULL, NULL, "Least length of a timed window (10)."},
    {"baseline", 'b', OPTION_LIST, "NAME", NULL, NULL,
     "Baseline to measure beside it; may be repeated. All of them when not given."},
    {"search", 0, OPTION_FLAG, NULL, NULL, NULL, "Search the kernel's tuning space and measure the best."},
    {"no-timing", 0, OPTION_FLAG, NULL, NULL, NULL, "Verify only."},
    {"phases", 0, OPTION_FLAG, NULL, NULL, NULL, "Show where the time went."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

const struct command command_check = {
    .name = "check",
    .usage = "check PROBLEM.yaml KERNEL.yaml [options]",
    .summary = "verify and time one kernel on the devices of this machine",
    .details =
        "Verifies the kernel as every task is verified, times it against the baselines, and prints a verdict with its "
        "evidence for each device. "
        "The exit status is that of the most severe verdict: 0 for correct, from 40 on for the others "
        "(docs/verification.md).\n\n"
        "Example:\n  portolan-agent check problems/level1/softmax.yaml softmax.yaml --device pocl",
    .options = options,
    .run = run};
