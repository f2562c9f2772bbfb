/* Tasks made of files, and the devices of this machine. */
#include "agent-node/commands/local.h"

#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/discovery.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "problems/kernel/kernel.h"

DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)
DEFINE_CLEANUP(cleanup_kernel, struct kernel *, kernel_free)

int local_devices(const struct options *opts, bool measured, struct rec_list_device *ret, struct error *err) {
    const char *const *only = NULL;
    CLEANUP_FREE char *cache = dir_standard("cache", err);
    if (!cache) return -1;
    size_t n = options_list(opts, "device", &only);
    struct discovery_config c = {
        .cache_dir = cache, .sandbox = true, .measure = measured, .only = only, .only_count = n};
    if (discovery_run(&c, ret, err) != 0) return -1;
    if (ret->count > 0) return 0;
    error_set(err, ERR_NOT_FOUND, n ? "no device is called %s" : "no device found%s", n ? only[0] : "");
    return error_hint(err, "`portolan-agent devices` lists what is here");
}

/* --- the task --------------------------------------------------------------------------------- */
static const char *default_size(const struct problem *p) {
    for (size_t i = 0; i < problem_size_count(p); i++)
        if (strcmp(problem_size_name(p, i), "small") == 0) return "small";
    return problem_size_name(p, 0);
}

static void set_policy(const struct options *opts, struct rec_policy *p) {
    if (options_given(opts, "sets")) p->sets = (int32_t)options_int(opts, "sets");
    if (options_given(opts, "quads")) p->quads = (int32_t)options_int(opts, "quads");
    if (options_given(opts, "window-ms")) p->window_ms = options_double(opts, "window-ms");
    if (options_given(opts, "timeout")) p->compile_timeout_ms = p->run_timeout_ms = options_int(opts, "timeout") * 1000;
    if (options_string(opts, "busy")) rec_set(&p->busy, options_string(opts, "busy"));
    const char *rules = getenv("PORTOLAN_TEST_SOURCE_RULES"); /* the worker asks for PORTOLAN_TEST_HOOKS too */
    if (rules && strcmp(rules, "off") == 0) p->source_rules = false;
}

static int check_policy(const struct rec_policy *p, struct error *err) {
    if (p->sets < 0 || p->sets > 64) return error_set(err, ERR_USAGE, "--sets is 0 to 64, not %d", p->sets);
    if (p->quads < 1 || p->quads > 32) return error_set(err, ERR_USAGE, "--quads is 1 to 32, not %d", p->quads);
    if (!(p->window_ms >= 1 && p->window_ms <= 1000)) return error_set(err, ERR_USAGE, "--window-ms is 1 to 1000");
    if (strcmp(p->busy, "refuse") != 0 && strcmp(p->busy, "note") != 0)
        return error_set(err, ERR_USAGE, "--busy is refuse or note, not %s", p->busy);
    if (p->run_timeout_ms < 1000 || p->run_timeout_ms > 3600000)
        return error_set(err, ERR_USAGE, "--timeout is 1 to 3600 seconds");
    return 0;
}

static int set_problem(const struct options *opts, const char *path, struct rec_task *t, struct error *err) {
    CLEANUP(cleanup_problem) struct problem *p = problem_load(path, err);
    if (!p) return -1;
    char hash[65];
    problem_hash(p, hash);
    rec_set(&t->problem, problem_name(p));
    rec_set(&t->problem_hash, hash);
    rec_set(&t->problem_yaml, problem_text(p));
    const char *size = options_string(opts, "size");
    rec_set(&t->size, size ? size : default_size(p));
    struct bound *b = problem_bind(p, t->size, err); /* a mistyped size is the user's, not the device's */
    bound_free(b);
    return b ? 0 : -1;
}

static int set_kernel(const char *path, struct rec_task *t, struct error *err) {
    CLEANUP(cleanup_kernel) struct kernel *k = kernel_load(path, err);
    if (!k) return -1;
    char hash[65];
    kernel_hash(k, hash);
    rec_set(&t->kernel, kernel_name(k));
    rec_set(&t->kernel_hash, hash);
    rec_set(&t->kernel_yaml, kernel_yaml(k));
    rec_set(&t->kernel_source, kernel_source(k));
    return 0;
}

/* A kernel file that does not hold what it should is judged, like any other; one that cannot be read is an error. */
static int add_kernel(const char *path, struct local_job *job, struct error *err) {
    if (set_kernel(path, &job->task, &job->bad) == 0) return 0;
    enum error_code code = job->bad.code;
    if (code == ERR_INVALID || code == ERR_LIMIT || code == ERR_UNSUPPORTED) {
        rec_set(&job->task.kernel, path_basename(path));
        return 0;
    }
    *err = job->bad;
    return -1;
}

void local_job_done(struct local_job *job) {
    rec_task_done(&job->task);
}

int local_job(const struct options *opts, const char *problem_path, const char *kernel_path, struct local_job *ret,
              struct error *err) {
    const char *const *baselines = NULL;
    struct rec_task *t = &ret->task;
    *ret = (struct local_job){.file = kernel_path};
    rec_task_init(t);
    size_t n = options_list(opts, "baseline", &baselines);
    for (size_t i = 0; i < n; i++) rec_list_string_push(&t->baselines, baselines[i]);
    rec_set(&t->kind, "measure");
    rec_set(&t->purpose, "try");
    rec_set(&t->campaign, "local");
    set_policy(opts, &t->policy);
    if (check_policy(&t->policy, err) != 0 || set_problem(opts, problem_path, t, err) != 0) return -1;
    return kernel_path ? add_kernel(kernel_path, ret, err) : 0;
}
