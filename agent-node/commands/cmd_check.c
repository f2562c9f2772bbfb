/* portolan-agent check: kernels on this machine's devices, without broker or daemon. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/commands/batch.h"
#include "agent-node/commands/commands.h"
#include "agent-node/commands/local.h"
#include "agent-node/commands/show_attempt.h"
#include "agent-node/worker/discovery.h"
#include "agent-node/worker/verdict.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/display.h"
#include "common/table.h"
#include "schemas/codec.h"

#define RETRIES_MAX 100

/* --- output ----------------------------------------------------------------------------------- */
struct output {
    json_t *json; /* array, or NULL */
    bool ndjson, phases;
    size_t n_jobs;
    const char *device; /* whose verdicts are counted at the moment; borrowed */
    size_t count[VERDICT_COUNT], other;
};

static json_t *attempt_json(const struct local_job *job, const struct rec_attempt *a) {
    json_t *o = codec_to_json(&rec_attempt_desc, a);
    json_object_set_new(o, "file", json_string(job->file));
    json_object_set_new(o, "kernel", json_string(job->task.kernel));
    json_object_set_new(o, "problem", json_string(job->task.problem));
    json_object_set_new(o, "size", json_string(job->task.size));
    return o;
}

static void print_line(const struct local_job *job, const struct rec_attempt *a) {
    json_t *o = attempt_json(job, a);
    json_dumpf(o, stdout, JSON_COMPACT);
    fputc('\n', stdout);
    json_decref(o);
}

/* "pocl-cpu: 26 kernels: 20 wrong_output, 4 correct" */
static void show_counts(struct output *o) {
    if (!o->device || o->n_jobs < 2) return;
    size_t n = o->other;
    for (int v = 0; v < VERDICT_COUNT; v++) n += o->count[v];
    printf("%s%s%s: %zu kernels:", colour_on(stdout, COLOUR_BOLD), o->device, colour_off(stdout), n);
    const char *between = " ";
    for (int v = 0; v < VERDICT_COUNT; v++) {
        if (o->count[v] == 0) continue;
        printf("%s%zu %s", between, o->count[v], verdict_name((enum verdict)v));
        between = ", ";
    }
    if (o->other) printf("%s%zu without a verdict", between, o->other);
    fputc('\n', stdout);
}

static void count_for(struct output *o, const struct rec_device *d, const struct rec_attempt *a) {
    if (o->device != d->id) {
        show_counts(o);
        memset(o->count, 0, sizeof o->count);
        o->other = 0;
        o->device = d->id;
    }
    int v = strcmp(a->outcome, "verdict") == 0 && a->verdict ? verdict_from_name(a->verdict) : -1;
    if (v >= 0)
        o->count[v]++;
    else
        o->other++;
}

static void show(const struct rec_device *d, const struct local_job *job, const struct rec_attempt *a,
                 struct output *o) {
    count_for(o, d, a);
    CLEANUP_FREE char *file = display_line(job->file); /* files of a folder are named by whoever made it */
    if (o->n_jobs > 1)
        printf("%s%s%s, problem %s, size %s\n", colour_on(stdout, COLOUR_BOLD), file, colour_off(stdout),
               job->task.problem, job->task.size);
    show_attempt(d, &job->task, a, stdout);
    if (o->phases) show_phases(a, stdout);
}

static void report(const struct rec_device *d, const struct local_job *job, const struct rec_attempt *a,
                   void *context) {
    struct output *o = context;
    if (o->json)
        json_array_append_new(o->json, attempt_json(job, a));
    else if (o->ndjson)
        print_line(job, a);
    else
        show(d, job, a, o);
    fflush(stdout);
}

static void finish(struct output *o) {
    if (o->json) {
        json_dumpf(o->json, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(o->json);
    } else if (!o->ndjson) {
        show_counts(o);
    }
}

/* --- jobs ------------------------------------------------------------------------------------- */
struct jobs {
    struct local_job *job;
    size_t n;
};

static void jobs_done(struct jobs *j) {
    for (size_t i = 0; i < j->n; i++) local_job_done(&j->job[i]);
    free(j->job);
}

static int make_jobs(const struct options *opts, const struct batch *batch, struct jobs *ret, struct error *err) {
    ret->job = xcalloc(batch->n, sizeof *ret->job);
    for (size_t i = 0; i < batch->n; i++) {
        struct local_job *job = &ret->job[ret->n++];
        if (local_job(opts, batch->kernel[i].problem_file, batch->kernel[i].file, job, err) != 0) return -1;
        if (options_flag(opts, "no-timing")) job->task.policy.sets = 0;
        if (options_flag(opts, "audit")) job->task.policy.audit = true;
        if (options_flag(opts, "search")) rec_set(&job->task.kind, "search");
    }
    return 0;
}

static int check_options(const struct options *opts, struct error *err) {
    if (options_flag(opts, "json") && options_flag(opts, "ndjson"))
        return error_set(err, ERR_USAGE, "--json and --ndjson exclude each other");
    long long retries = options_int(opts, "retries");
    if (retries < 0 || retries > RETRIES_MAX)
        return error_set(err, ERR_USAGE, "--retries is 0 to %d, not %lld", RETRIES_MAX, retries);
    return 0;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(discovery_list_done) struct rec_list_device devices = {0};
    CLEANUP(batch_done) struct batch batch = {0};
    CLEANUP(jobs_done) struct jobs jobs = {0};
    char **files = NULL;
    size_t n = options_args(opts, &files);
    if (check_options(opts, &err) != 0 || batch_collect(files, n, &batch, &err) != 0 ||
        make_jobs(opts, &batch, &jobs, &err) != 0 ||
        local_devices(opts, jobs.job[0].task.policy.sets > 0, &devices, &err) != 0)
        return program_fail(PROGRAM, &err);
    struct output o = {.json = options_flag(opts, "json") ? json_array() : NULL,
                       .ndjson = options_flag(opts, "ndjson"),
                       .phases = options_flag(opts, "phases"),
                       .n_jobs = jobs.n};
    struct local_run how = {
        .run = worker_run, .report = report, .context = &o, .retries = (int)options_int(opts, "retries")};
    int exit_status = local_run_all(&devices, jobs.job, jobs.n, &how);
    finish(&o);
    return exit_status;
}

static const struct option_spec options[] = {
    {"device", 'd', OPTION_LIST, "NAME", NULL, NULL, "Only devices whose id or driver contains NAME; may be repeated."},
    {"size", 's', OPTION_STRING, "SIZE", NULL, NULL, "Size to time; `small` where the problem has it, else its first."},
    {"json", 'j', OPTION_FLAG, NULL, NULL, NULL, "Print all attempts as one JSON array at the end."},
    {"ndjson", 0, OPTION_FLAG, NULL, NULL, NULL, "Print each attempt as a line of JSON when it ends."},
    {"sets", 'k', OPTION_INT, "N", NULL, NULL, "Fresh sets of runners to time with (10)."},
    {"quads", 0, OPTION_INT, "N", NULL, NULL, "ABBA quads in each set (8)."},
    {"timeout", 't', OPTION_INT, "SECONDS", NULL, NULL, "Limit of a compilation, and of a run (60)."},
    {"busy", 0, OPTION_STRING, "WHAT", "busy", NULL,
     "On a machine that others use: `refuse` gives the verdict without times (the default; exit status 13), `note` "
     "keeps "
     "them and tells the load."},
    {"window-ms", 0, OPTION_DOUBLE, "MS", NULL, NULL, "Least length of a timed window (10)."},
    {"baseline", 'b', OPTION_LIST, "NAME", NULL, NULL,
     "Baseline to measure beside it; may be repeated. All of them when not given."},
    {"retries", 0, OPTION_INT, "N", NULL, "2", "Times a measurement that a busy machine spoilt is repeated."},
    {"search", 0, OPTION_FLAG, NULL, NULL, NULL, "Search the kernel's tuning space and measure the best."},
    {"audit", 0, OPTION_FLAG, NULL, NULL, NULL,
     "Run it under Oclgrind too: races, unwritten values, reads outside buffers."},
    {"no-timing", 0, OPTION_FLAG, NULL, NULL, NULL, "Verify only."},
    {"phases", 0, OPTION_FLAG, NULL, NULL, NULL, "Show where the time went."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

const struct command command_check = {
    .name = "check",
    .usage = "check FILE-OR-FOLDER... [options]",
    .summary = "verify and time kernels on the devices of this machine",
    .details =
        "Takes problem files and kernel files, in any order, and folders, which stand for the problem and kernel files "
        "in them; each kernel finds its problem by name. Verifies each kernel as every task is verified, times it "
        "against the baselines, and prints a verdict with its evidence for each device.\n\n"
        "Several kernels run one after the other in one worker a device, which makes test data, their answers and "
        "binaries once; one that hangs, crashes or takes its runner over does not keep the next from running. The "
        "verdicts are counted at the end.\n\n"
        "The exit status is that of the most severe verdict: 0 when all are correct, from 40 on for the others "
        "(docs/verification.md).\n\n"
        "Example:\n  portolan-agent check problems/level1/softmax.yaml softmax.yaml --device pocl\n"
        "  portolan-agent check problems/level1 my-kernels --no-timing --ndjson",
    .options = options,
    .run = run};
