/* One worker: takes a task, gives an attempt. Loads no driver; whatever runs a candidate is a runner, and seeds,
 * expected answers, comparison and clock stay here. */
#include "agent-node/worker/worker.h"

#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/measure.h"
#include "agent-node/worker/reference.h"
#include "agent-node/worker/timing/quiet.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/log.h"
#include "fleet/protocol.h"
#include "problems/graph/pieces.h"

/* Without the kept key, records of this worker replay on other data after its end: no reason to refuse work. */
static void use_key(struct worker *w, const char *state_dir) {
    struct error err = ERROR_INIT;
    struct seal_key key;
    if (!state_dir) return;
    if (seal_key_load(state_dir, &key, &err) == 0)
        pool_set_key(w->pool, &key);
    else
        log_warn("the data of this worker's tasks cannot be made again later: %s", err.text);
}

struct worker *worker_new(const struct worker_config *c, struct error *err) {
    if (c->device.id[0] == 0) {
        error_set(err, ERR_INVALID, "a worker needs a device");
        return NULL;
    }
    struct worker *w = xcalloc(1, sizeof *w);
    rec_copy(&rec_device_desc, &w->device, &c->device);
    w->sandbox = c->sandbox;
    w->threads = c->oracle_threads > 0 ? c->oracle_threads : pieces_cores();
    w->pool = pool_new(w->threads);
    use_key(w, c->state_dir);
    CLEANUP_FREE char *folder = c->cache_dir ? path_join(c->cache_dir, "binaries") : NULL;
    w->cache = binary_cache_new(folder);
    w->cache_dir = c->cache_dir ? xstrdup(c->cache_dir) : NULL;
    w->domain = domain_lock_new(w->device.domain, w->device.id);
    w->sensors = sensors_open(&w->device, "/", c->nvml);
    w->notes_load = c->notes_load;
    w->quiet_ms = c->quiet_ms ? c->quiet_ms : QUIET_WAIT_MS;
    w->load = c->load;
    if (!w->load) w->load = load_meter_source(w->meter = load_meter_new("/"));
    return w;
}

void worker_free(struct worker *w) {
    if (!w) return;
    sensors_close(w->sensors);
    load_meter_free(w->meter);
    free(w->cache_dir);
    domain_lock_free(w->domain);
    binary_cache_free(w->cache);
    pool_free(w->pool);
    rec_done(&rec_device_desc, &w->device);
    free(w);
}

bool worker_cache_failing(const struct worker *w) {
    return binary_cache_failing(w->cache);
}

/* --- one task --------------------------------------------------------------------------------- */
static void begin_attempt(const struct worker *w, const struct rec_task *task, struct rec_attempt *a) {
    protocol_attempt_of(task, a);
    rec_set(&a->device, task->device[0] ? task->device : w->device.id);
    rec_set(&a->target, task->target[0] ? task->target : w->device.target);
    rec_set(&a->fingerprint, w->device.fingerprint);
    rec_set(&a->sandbox, w->device.sandbox); /* of its probe; measuring runners say their own */
    rec_set(&a->device_name, w->device.name);
    rec_set(&a->driver_version, w->device.driver_version);
    rec_set(&a->agent_version, PORTOLAN_VERSION);
}

/* A problem that does not parse is not the kernel's fault. */
static int parse_problem(struct trial *t, struct finding *f) {
    const struct rec_task *task = t->task;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *problem_file = xasprintf("%s.yaml", task->problem[0] ? task->problem : "problem");
    t->problem = problem_parse(task->problem_yaml, strlen(task->problem_yaml), problem_file, &err);
    if (!t->problem) return finding_error(f, &err, "the task's problem");
    t->bound = problem_bind(t->problem, task->size, &err);
    if (!t->bound) return finding_error(f, &err, "the task's size");
    bound_cost(t->bound, &t->cost);
    return admission_check(t, f);
}

static int parse_kernel(struct trial *t, struct finding *f) {
    const struct rec_task *task = t->task;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *kernel_file = xasprintf("%s.yaml", task->kernel[0] ? task->kernel : "kernel");
    t->kernel = kernel_parse(task->kernel_yaml, strlen(task->kernel_yaml), kernel_file, task->kernel_source,
                             strlen(task->kernel_source), &err);
    if (!t->kernel) {
        if (err.code == ERR_NOMEM) return finding_error(f, &err, "the task's kernel");
        return finding_verdict(f, verdict_of_kernel_file(err.code), "%s", err.text);
    }
    if (strcmp(kernel_language(t->kernel), "opencl-c") != 0)
        return finding_verdict(f, VERDICT_UNSUPPORTED, "language %s on a device of backend %s",
                               kernel_language(t->kernel), trial_device(t)->backend);
    char hash[65];
    kernel_hash(t->kernel, hash);
    rec_set(&t->out->kernel_hash, hash);
    rec_set(&t->out->precision, kernel_precision(t->kernel));
    return 0;
}

/* The configuration that the task names, or the default one. */
static int choose_point(const struct trial *t, struct tune_point *ret, struct error *err) {
    if (*t->task->config && kernel_has_tuning(t->kernel)) return tune_point_parse(t->kernel, t->task->config, ret, err);
    return kernel_default_point(t->kernel, t->bound, ret, err);
}

static int measure_task(struct trial *t, struct finding *f) {
    struct error err = ERROR_INIT;
    struct tune_point point;
    CLEANUP(subject_done) struct subject s = {0};
    CLEANUP(compiler_done) struct compiler c = {.trial = t};
    if (choose_point(t, &point, &err) != 0) return finding_verdict(f, VERDICT_BAD_KERNEL_FILE, "%s", err.text);
    int status = subject_candidate(t, &point, false, &s, f);
    rec_set(&t->out->config, s.config);
    attempt_add_sizes(t, &s);
    if (status != 0 || trial_lock(t, DOMAIN_SHARED, f) != 0) return -1;
    trial_progress(t, "compile", 0, s.name);
    int64_t from = clock_mono_ns();
    status = build(&c, &s, f);
    compiler_done(&c);
    phases_add(&t->phases, "compile", clock_mono_ns() - from);
    if (status == 0) status = measure_candidate(t, &s, f);
    if (f->kind == FINDING_VERDICT) attempt_add_candidate(t, &s, f->verdict, NULL);
    return status;
}

static int measure_baselines(struct trial *t, struct finding *f) {
    return parse_problem(t, f) != 0 ? -1 : measure_all_baselines(t, f);
}

static int run(struct trial *t, struct finding *f) {
    if (parse_problem(t, f) != 0 || parse_kernel(t, f) != 0) return -1;
    return strcmp(t->task->kind, "search") == 0 && kernel_has_tuning(t->kernel) ? search_run(t, f) : measure_task(t, f);
}

/* A finding as the attempt's outcome; none is `correct`, reached here and nowhere else. */
static void conclude(struct rec_attempt *a, const struct finding *f) {
    enum verdict v = f->kind == FINDING_NONE ? VERDICT_CORRECT : f->verdict;
    if (f->kind == FINDING_NONE || f->kind == FINDING_VERDICT) {
        rec_set(&a->outcome, "verdict");
        rec_set(&a->verdict, verdict_name(v));
        rec_set(&a->evidence, f->text);
    } else if (f->kind == FINDING_REFUSED) {
        rec_set(&a->outcome, "refused");
        rec_set(&a->evidence, f->text);
    } else if (f->kind == FINDING_CANCELLED) {
        rec_set(&a->outcome, "cancelled");
    } else if (f->kind == FINDING_BUSY) {
        rec_set(&a->outcome, "infrastructure");
        rec_setf(&a->infrastructure, WORKER_MACHINE_BUSY ": %s", f->text);
    } else {
        rec_set(&a->outcome, "infrastructure");
        rec_set(&a->infrastructure, f->text);
    }
    if (f->log) rec_set(&a->log, f->log);
}

static bool test_hooks(void) {
    const char *on = getenv("PORTOLAN_TEST_HOOKS");
    return on && strcmp(on, "1") == 0;
}

typedef int task_fn(struct trial *t, struct finding *f);

static void run_task(struct trial *t, task_fn *fn) {
    CLEANUP(finding_done) struct finding f = FINDING_INIT;
    struct error err = ERROR_INIT;
    struct reference_run reference = {.trial = t};
    struct reference before = pool_set_reference(t->worker->pool, reference_of(&reference));
    t->seeds = seeds_new(t->worker->pool, promotion_wants_fresh(t->task), t->task->seeds, &err);
    if (t->seeds)
        fn(t, &f);
    else
        finding_error(&f, &err, "the task");
    CLEANUP_FREE char *told = t->seeds ? seeds_json(t->seeds) : NULL;
    rec_set(&t->out->seeds, told ? told : "");
    seeds_free(t->seeds);
    pool_set_reference(t->worker->pool, before); /* of the task that this one ran in between of */
    domain_lock_set(t->worker->domain, DOMAIN_FREE, NULL, NULL, NULL);
    conclude(t->out, &f);
}

static int run_whole(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks, task_fn *fn,
                     struct rec_attempt *ret) {
    int64_t from = clock_mono_ns();
    struct trial t = {.worker = w, .task = task, .hooks = hooks, .out = ret, .test_hooks = test_hooks()};
    begin_attempt(w, task, ret);
    if (task->policy.source_rules || t.test_hooks) {
        run_task(&t, fn);
    } else {
        rec_set(&ret->outcome, "refused");
        rec_set(&ret->evidence, "policy.source_rules is a switch for tests, which this agent does not honour");
    }
    kernel_free(t.kernel);
    bound_free(t.bound);
    problem_free(t.problem);
    int64_t total_ns = clock_mono_ns() - from;
    phases_report(&t.phases, total_ns, &ret->phases);
    ret->duration_ms = (double)total_ns / 1e6;
    ret->finished_ms = clock_wall_ms();
    return 0;
}

int worker_run(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks, struct rec_attempt *ret,
               struct error *err) {
    (void)err;
    return run_whole(w, task, hooks, run, ret);
}

int worker_run_baselines(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks,
                         struct rec_attempt *ret, struct error *err) {
    (void)err;
    return run_whole(w, task, hooks, measure_baselines, ret);
}
