/* portolan-agent replay: a record of the results topic once more on this machine's devices, without broker or daemon.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/commands/commands.h"
#include "agent-node/commands/local.h"
#include "agent-node/worker/discovery.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "fleet/replay/compare.h"
#include "fleet/replay/record.h"

#define RETRIES 2 /* of what a busy machine spoilt */

struct output {
    const struct rec_result *recorded;
    json_t *json; /* array of comparisons, or NULL for text */
    bool differs;
};

static const struct rec_measured *candidate_of(const struct rec_attempt *a) {
    for (size_t i = 0; i < a->measured.count; i++)
        if (strcmp(a->measured.items[i].role, "candidate") == 0) return &a->measured.items[i];
    return NULL;
}

/* What a comparison looks at. */
static void result_of(const struct rec_device *d, const struct rec_attempt *a, struct rec_result *ret) {
    const struct rec_measured *m = candidate_of(a);
    rec_result_init(ret);
    rec_set(&ret->verdict, a->verdict);
    rec_set(&ret->evidence, a->evidence);
    rec_set(&ret->node, "here");
    rec_set(&ret->device, d->id);
    rec_set(&ret->fingerprint, a->fingerprint);
    rec_set(&ret->seeds, a->seeds);
    if (!m || !a->verdict || strcmp(a->verdict, "correct") != 0) return;
    REC_COPY_OPTIONAL(ret, m, time_ns_p50);
    REC_COPY_OPTIONAL(ret, m, speedup);
    REC_COPY_OPTIONAL(ret, m, speedup_low);
    REC_COPY_OPTIONAL(ret, m, speedup_high);
}

static void report(const struct rec_device *d, const struct local_job *job, const struct rec_attempt *a,
                   void *context) {
    struct output *o = context;
    struct rec_result now;
    (void)job;
    if (!a->verdict) {
        fprintf(stderr, "%s: no verdict: %s\n", d->id, a->infrastructure ? a->infrastructure : a->outcome);
        o->differs = true;
        return;
    }
    result_of(d, a, &now);
    json_t *comparison = replay_compare(o->recorded, &now);
    rec_result_done(&now);
    o->differs |= !json_is_true(json_object_get(comparison, "agrees"));
    if (o->json) {
        json_array_append_new(o->json, comparison);
        return;
    }
    printf("%s: ", d->id);
    replay_print(comparison, stdout);
    json_decref(comparison);
    fflush(stdout);
}

static int read_record(const char *path, struct rec_result *ret, struct error *err) {
    json_t *json = replay_record_read(path, err);
    int status = json ? replay_record_parse(json, ret, err) : -1;
    json_decref(json);
    return status;
}

static int run_record(const struct options *opts, const struct rec_result *record, struct error *err) {
    CLEANUP(discovery_list_done) struct rec_list_device devices = {0};
    struct local_job job = {.file = NULL};
    struct output o = {.recorded = record, .json = options_flag(opts, "json") ? json_array() : NULL};
    struct local_run how = {.run = worker_run, .report = report, .context = &o, .retries = RETRIES};
    int status = replay_task(record, &job.task, err);
    rec_set(&job.task.campaign, "local");
    if (status == 0) status = local_devices(opts, job.task.policy.sets > 0, &devices, err);
    if (status == 0) local_run_all(&devices, &job, 1, &how);
    local_job_done(&job);
    if (status == 0 && o.json) {
        json_dumpf(o.json, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    }
    json_decref(o.json);
    return status != 0 ? -1 : o.differs;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    struct rec_result record;
    char **files = NULL;
    if (options_args(opts, &files) != 1) {
        error_set(&err, ERR_USAGE, "replay takes one file with a record as JSON, or - for standard input");
        return program_fail(PROGRAM, &err);
    }
    if (read_record(files[0], &record, &err) != 0) return program_fail(PROGRAM, &err);
    int status = run_record(opts, &record, &err);
    rec_result_done(&record);
    return status < 0 ? program_fail(PROGRAM, &err) : status;
}

static const struct option_spec options[] = {
    {"device", 'd', OPTION_LIST, "NAME", NULL, NULL, "Only devices whose id or driver contains NAME; may be repeated."},
    {"json", 'j', OPTION_FLAG, NULL, NULL, NULL, "Print the comparisons as JSON."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

const struct command command_replay = {
    .name = "replay",
    .usage = "replay RECORD.json [options]",
    .summary = "run a recorded result again on the devices of this machine, and compare",
    .details =
        "RECORD.json is one record of the results topic (`portolan results --json`). Kernel, data, size, configuration "
        "and policy are the record's. The exit status is 0 when every device agrees with the record, else 1.\n\n"
        "Example:\n  portolan results --json | head -n 1 | portolan-agent replay - --device pocl",
    .options = options,
    .run = run};
