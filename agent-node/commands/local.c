/* A task made of files, on this machine's devices. */
#include "agent-node/commands/local.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent-node/worker/discovery.h"
#include "agent-node/worker/verdict.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/log.h"
#include "common/random.h"
#include "common/table.h"
#include "problems/kernel/kernel.h"

DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)
DEFINE_CLEANUP(cleanup_kernel, struct kernel *, kernel_free)
DEFINE_CLEANUP(cleanup_progress, struct progress *, progress_free)

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

/* --- the task
 * --------------------------------------------------------------------------------------------------------------- */
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
    const char *rules = getenv("PORTOLAN_TEST_SOURCE_RULES"); /* the worker asks for PORTOLAN_TEST_HOOKS too */
    if (rules && strcmp(rules, "off") == 0) p->source_rules = false;
}

static int check_policy(const struct rec_policy *p, struct error *err) {
    if (p->sets < 0 || p->sets > 64) return error_set(err, ERR_USAGE, "--sets is 0 to 64, not %d", p->sets);
    if (p->quads < 1 || p->quads > 32) return error_set(err, ERR_USAGE, "--quads is 1 to 32, not %d", p->quads);
    if (!(p->window_ms >= 1 && p->window_ms <= 1000)) return error_set(err, ERR_USAGE, "--window-ms is 1 to 1000");
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
    if (strcmp(kernel_problem(k), t->problem) != 0)
        return error_set(err, ERR_INVALID, "%s is for problem %s, not for %s", path, kernel_problem(k), t->problem);
    rec_set(&t->kernel, kernel_name(k));
    rec_set(&t->kernel_hash, hash);
    rec_set(&t->kernel_yaml, kernel_yaml(k));
    rec_set(&t->kernel_source, kernel_source(k));
    return 0;
}

int local_task(const struct options *opts, const char *problem_path, const char *kernel_path, struct rec_task *ret,
               struct error *err) {
    const char *const *baselines = NULL;
    rec_task_init(ret);
    size_t n = options_list(opts, "baseline", &baselines);
    for (size_t i = 0; i < n; i++) rec_list_string_push(&ret->baselines, baselines[i]);
    rec_set(&ret->kind, "measure");
    rec_set(&ret->purpose, "try");
    rec_set(&ret->campaign, "local");
    set_policy(opts, &ret->policy);
    if (check_policy(&ret->policy, err) != 0 || set_problem(opts, problem_path, ret, err) != 0) return -1;
    return kernel_path ? set_kernel(kernel_path, ret, err) : 0;
}

/* --- running
 * ---------------------------------------------------------------------------------------------------------------- */
static volatile bool interrupted;

static void on_interrupt(int number) {
    (void)number;
    interrupted = true;
}

static void show_progress(void *context, const char *phase, double done, const char *detail) {
    char label[160];
    snprintf(label, sizeof label, "%s%s%s", phase, detail[0] ? ": " : "", detail);
    log_debug("%s", label);
    if (context) progress_update(context, done, 1.0, label);
}

/* Lower is more severe. Infrastructure comes first: nothing is known then. */
static int severity(const struct rec_attempt *a) {
    if (strcmp(a->outcome, "verdict") != 0 || !a->verdict) return -1;
    return verdict_from_name(a->verdict);
}

static int exit_status(const struct rec_attempt *a) {
    int v = severity(a);
    if (v >= 0) return verdict_exit_status((enum verdict)v);
    if (strcmp(a->outcome, "cancelled") == 0) return error_exit_status(ERR_CANCELLED);
    return error_exit_status(strcmp(a->outcome, "refused") == 0 ? ERR_UNSUPPORTED : ERR_DEVICE);
}

/* One attempt, as the coordinator would have asked for it. */
static int run_one(const struct rec_device *d, struct rec_task *task, local_run *run, struct rec_attempt *ret,
                   struct error *err) {
    CLEANUP_FREE char *cache = dir_standard("cache", err);
    struct worker_config c = {.device = *d, .cache_dir = cache, .sandbox = true};
    struct worker *w = worker_new(&c, err);
    if (!w) return -1;
    CLEANUP(cleanup_progress) struct progress *p = isatty(STDERR_FILENO) ? progress_new(stderr, d->id) : NULL;
    struct worker_hooks hooks = {.progress = show_progress, .context = p, .cancel = &interrupted};
    char id[33];
    random_hex(id, 16);
    rec_set(&task->task_id, id);
    rec_setf(&task->attempt_id, "%s.1", id);
    task->attempt = 1;
    rec_set(&task->device, d->id);
    rec_set(&task->target, d->target);
    int status = run(w, task, &hooks, ret, err);
    worker_free(w);
    return status;
}

int local_run_all(const struct rec_list_device *devices, const struct rec_task *task, local_run *run,
                  local_report *report, void *context) {
    int worst = VERDICT_COUNT, status = 0;
    struct rec_task mine;
    rec_copy(&rec_task_desc, &mine, task);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    for (size_t i = 0; i < devices->count && !interrupted; i++) {
        struct rec_attempt a;
        struct error err = ERROR_INIT;
        if (run_one(&devices->items[i], &mine, run, &a, &err) != 0) {
            status = program_fail(PROGRAM, &err);
            worst = -1;
            continue;
        }
        report(&devices->items[i], &mine, &a, context);
        if (severity(&a) < worst) {
            worst = severity(&a);
            status = exit_status(&a);
        }
        rec_attempt_done(&a);
    }
    rec_task_done(&mine);
    return status;
}
