/* Tasks one after the other on each device: one worker a device, which keeps what the next task can use. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent-node/commands/local.h"
#include "agent-node/worker/verdict.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/log.h"
#include "common/random.h"
#include "common/table.h"

DEFINE_CLEANUP(cleanup_progress, struct progress *, progress_free)
DEFINE_CLEANUP(cleanup_worker, struct worker *, worker_free)

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

/* The machine was too busy: the verdict stands, times there are none. */
static bool not_timed(const struct rec_attempt *a) {
    for (size_t i = 0; i < a->measured.count; i++)
        if (a->measured.items[i].has_speedup) return false;
    return a->busy[0] != 0;
}

/* Lower is more severe. Infrastructure comes first: nothing is known then. */
static int severity(const struct rec_attempt *a) {
    if (strcmp(a->outcome, "verdict") != 0 || !a->verdict) return -1;
    return verdict_from_name(a->verdict);
}

static int exit_status(const struct rec_attempt *a) {
    int v = severity(a);
    if (v == VERDICT_CORRECT && not_timed(a)) return error_exit_status(ERR_BUSY);
    if (v >= 0) return verdict_exit_status((enum verdict)v);
    if (strcmp(a->outcome, "cancelled") == 0) return error_exit_status(ERR_CANCELLED);
    return error_exit_status(strcmp(a->outcome, "refused") == 0 ? ERR_UNSUPPORTED : ERR_DEVICE);
}

/* Who asks for times whatever the load gets them at once, and not after some more tries. */
static struct worker *start_worker(const struct rec_device *d, bool notes_load, struct error *err) {
    CLEANUP_FREE char *cache = dir_standard("cache", err);
    CLEANUP_FREE char *state = dir_standard("state", NULL);
    struct worker_config c = {
        .device = *d, .cache_dir = cache, .state_dir = state, .sandbox = true, .notes_load = notes_load};
    return worker_new(&c, err);
}

static void name_task(const struct rec_device *d, struct rec_task *task, int attempt) {
    char id[33];
    random_hex(id, 16);
    rec_set(&task->task_id, id);
    rec_setf(&task->attempt_id, "%s.%d", id, attempt);
    task->attempt = attempt;
    rec_set(&task->device, d->id);
    rec_set(&task->target, d->target);
}

/* What the worker would have said of the file. */
static void judge_file(const struct local_job *job, const struct rec_device *d, struct rec_attempt *ret) {
    rec_attempt_init(ret);
    rec_set(&ret->device, d->id);
    rec_set(&ret->target, d->target);
    rec_set(&ret->outcome, "verdict");
    rec_set(&ret->verdict, verdict_name(verdict_of_kernel_file(job->bad.code)));
    rec_set(&ret->evidence, job->bad.text);
}

static bool was_busy(const struct rec_attempt *a) {
    return a->infrastructure && strncmp(a->infrastructure, WORKER_MACHINE_BUSY, strlen(WORKER_MACHINE_BUSY)) == 0;
}

/* One attempt, as the coordinator would have asked for it, and again where it would have asked again. */
static int run_job(struct worker *w, const struct rec_device *d, const struct local_job *job,
                   const struct local_run *how, struct rec_attempt *ret, struct error *err) {
    CLEANUP(cleanup_progress) struct progress *p = isatty(STDERR_FILENO) ? progress_new(stderr, d->id) : NULL;
    struct worker_hooks hooks = {.progress = show_progress, .context = p, .cancel = &interrupted};
    struct rec_task task;
    rec_copy(&rec_task_desc, &task, &job->task);
    int status;
    for (int attempt = 1;; attempt++) {
        name_task(d, &task, attempt);
        task.busy_left = how->retries + 1 - attempt;
        status = how->run(w, &task, &hooks, ret, err);
        if (status != 0 || !was_busy(ret) || attempt > how->retries || interrupted) break;
        log_info("%s: %s: once more", d->id, ret->infrastructure);
        rec_attempt_done(ret);
    }
    rec_task_done(&task);
    return status;
}

struct outcome {
    int worst, status; /* of the most severe attempt so far */
};

static void count_failure(struct outcome *o, const struct error *err) {
    o->status = program_fail(PROGRAM, err);
    o->worst = -1;
}

static void run_on(const struct rec_device *d, const struct local_job *jobs, size_t n, const struct local_run *how,
                   struct outcome *o) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_worker)
    struct worker *w = start_worker(d, n > 0 && strcmp(jobs[0].task.policy.busy, "note") == 0, &err);
    if (!w) return count_failure(o, &err);
    for (size_t i = 0; i < n && !interrupted; i++) {
        struct rec_attempt a;
        if (jobs[i].bad.code != ERR_NONE) {
            judge_file(&jobs[i], d, &a);
        } else if (run_job(w, d, &jobs[i], how, &a, &err) != 0) {
            count_failure(o, &err);
            continue;
        }
        how->report(d, &jobs[i], &a, how->context);
        if (severity(&a) < o->worst || (severity(&a) == o->worst && o->status == 0)) {
            o->worst = severity(&a);
            o->status = exit_status(&a);
        }
        rec_attempt_done(&a);
    }
}

int local_run_all(const struct rec_list_device *devices, const struct local_job *jobs, size_t n,
                  const struct local_run *how) {
    struct outcome o = {.worst = VERDICT_COUNT};
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    for (size_t i = 0; i < devices->count && !interrupted; i++) run_on(&devices->items[i], jobs, n, how, &o);
    return o.status;
}
