#include "agent-node/daemon/devices.h"

#include <pthread.h>
#include <string.h>

#include "agent-node/daemon/health.h"
#include "agent-node/worker/worker.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/life.h"
#include "common/log.h"

struct device {
    struct devices *all;
    struct rec_device desc;
    struct worker *worker;
    pthread_t thread;
    bool started;
    struct health health; /* under all->mutex */
    atomic_bool asked;    /* somebody wants a check now */
    atomic_llong steps;   /* signs of life of its thread */
};
struct devices {
    struct devices_config config;
    pthread_mutex_t mutex;
    struct device *device;
    size_t count;
};
/* What the worker's hooks need: the device, and the job that runs (the inner one while a `try` runs in between). */
struct run {
    struct device *device;
    struct job *job;
};

static void run_job(struct device *device, struct job *job);

static void on_progress(void *context, const char *phase, double done, const char *detail) {
    struct run *run = context;
    (void)detail;
    jobs_progress(run->device->all->config.jobs, run->job, phase, done);
}

static void on_between(void *context) {
    struct run *run = context;
    struct job *job;
    while ((job = jobs_take(run->device->all->config.jobs, run->device->desc.id, true))) run_job(run->device, job);
}

/* --- its health -------------------------------------------------------------------------------------------------- */
/* Notes what a check came to. True when the node's record has to be published anew. */
static bool settle_locked(struct health *health, bool passed, const char *reason) {
    char before[sizeof health->reason];
    snprintf(before, sizeof before, "%s", health->reason);
    if (passed)
        health_passed(health, clock_mono_ms());
    else
        health_failed(health, reason, clock_mono_ms(), clock_wall_ms());
    return passed || strcmp(before, health->reason) != 0;
}

static bool check(struct device *device) {
    struct devices *all = device->all;
    struct error err = ERROR_INIT;
    atomic_store(&device->asked, false);
    bool passed = !worker_health_check(device->worker, &err);
    pthread_mutex_lock(&all->mutex);
    bool was_failing = device->health.reason[0] != 0;
    bool differs = settle_locked(&device->health, passed, err.text);
    int64_t pause_ms = device->health.due_ms - clock_mono_ms();
    pthread_mutex_unlock(&all->mutex);
    if (!passed)
        log_warn("device %s takes no work and is checked again in %.0f s: %s", device->desc.id, (double)pause_ms / 1e3,
                 err.text);
    else if (was_failing)
        log_info("device %s passes its known-answer check again", device->desc.id);
    if (differs && all->config.changed) all->config.changed(all->config.context);
    return passed;
}

/* What an attempt says of its device: a crash or a hang may have left anything behind. */
static bool casts_doubt(const struct rec_attempt *attempt) {
    if (!strcmp(attempt->outcome, "verdict"))
        return attempt->verdict && (!strcmp(attempt->verdict, "crashed") || !strcmp(attempt->verdict, "timeout"));
    /* Others on the machine say nothing against the device. */
    return !strcmp(attempt->outcome, "infrastructure") &&
           strncmp(attempt->infrastructure, WORKER_MACHINE_BUSY, strlen(WORKER_MACHINE_BUSY)) != 0;
}

static void learn_from(struct device *device, const struct rec_attempt *attempt, bool worker_failed) {
    pthread_mutex_lock(&device->all->mutex);
    if (worker_failed || casts_doubt(attempt))
        health_doubt(&device->health);
    else if (attempt->verdict && !strcmp(attempt->verdict, "correct"))
        health_worked(&device->health, clock_mono_ms());
    pthread_mutex_unlock(&device->all->mutex);
}

/* --- its work ---------------------------------------------------------------------------------------------------- */

/* The daemon's own end is no verdict and no cancellation of the task: somebody else must run it. */
static void correct_outcome(const struct job *job, struct rec_attempt *attempt) {
    if (strcmp(attempt->outcome, "cancelled") != 0 || job->cancel_asked) return;
    rec_set(&attempt->outcome, "infrastructure");
    rec_set(&attempt->infrastructure, "the node is stopping");
}

static void run_job(struct device *device, struct job *job) {
    struct devices *all = device->all;
    struct run run = {.device = device, .job = job};
    struct worker_hooks hooks = {
        .progress = on_progress, .between = on_between, .context = &run, .cancel = &job->cancel};
    struct rec_attempt attempt;
    struct error err = ERROR_INIT;
    log_context(NULL, device->desc.id, job->task.attempt_id);
    log_info("runs %s %s of %s at size %s", job->task.kind, job->task.kernel, job->task.problem, job->task.size);
    jobs_watch(all->config.jobs, job, &device->steps);
    int64_t start_ms = clock_mono_ms();
    int rc = worker_run(device->worker, &job->task, &hooks, &attempt, &err);
    if (rc) log_error("the worker cannot go on: %s", err.text);
    correct_outcome(job, &attempt);
    log_info("%s %s after %lld ms", attempt.outcome,
             attempt.verdict          ? attempt.verdict
             : attempt.infrastructure ? attempt.infrastructure
                                      : "",
             (long long)(clock_mono_ms() - start_ms));
    learn_from(device, &attempt, rc != 0);
    reports_add(all->config.reports, job, &attempt);
    rec_attempt_done(&attempt);
    log_context(NULL, device->desc.id, "");
}

static struct job *next_job(struct device *device) {
    struct devices *all = device->all;
    struct jobs *jobs = all->config.jobs;
    while (!jobs_closed(jobs)) {
        pthread_mutex_lock(&all->mutex);
        bool due = health_is_due(&device->health, clock_mono_ms());
        pthread_mutex_unlock(&all->mutex);
        if (due || atomic_load(&device->asked)) check(device);
        /* Only this thread changes them. */
        const char *id = device->health.healthy ? device->desc.id : NULL;
        struct job *job = jobs_wait(jobs, id, device->health.due_ms, &device->asked);
        if (job) return job;
    }
    return NULL;
}

static void *device_thread(void *arg) {
    struct device *device = arg;
    struct job *job;
    log_context(NULL, device->desc.id, NULL);
    life_count_in(&device->steps);
    while ((job = next_job(device))) run_job(device, job);
    return NULL;
}

/* A device whose clock fails goes on verifying; what was to be timed on it comes back with the reason. */
static void test_clock(struct device *device) {
    struct error err = ERROR_INIT;
    char text[400];
    if (worker_self_test(device->worker, text, sizeof text, &err) != 0)
        log_warn("device %s: %s", device->desc.id, err.text);
    rec_set(&device->desc.self_test, text);
}

static int device_start(struct devices *all, struct device *device, const struct rec_device *found, struct error *err) {
    device->all = all;
    rec_device_copy(&device->desc, found);
    health_init(&device->health, all->config.health_every_ms);
    struct worker_config config = {.device = *found,
                                   .cache_dir = all->config.cache_dir,
                                   .state_dir = all->config.state_dir,
                                   .sandbox = all->config.sandbox,
                                   .notes_load = all->config.notes_load};
    struct error why = ERROR_INIT;
    device->worker = worker_new(&config, &why);
    if (!device->worker) {
        settle_locked(&device->health, false, why.text);
        return error_set(err, why.code, "%s", why.text);
    }
    if (check(device)) test_clock(device);
    if (pthread_create(&device->thread, NULL, device_thread, device))
        return error_set(err, ERR_NOMEM, "cannot start a thread for device %s", found->id);
    device->started = true;
    return 0;
}

struct devices *devices_start(const struct devices_config *config, struct error *err) {
    struct devices *all = xcalloc(1, sizeof *all);
    all->config = *config;
    pthread_mutex_init(&all->mutex, NULL);
    all->device = xcalloc(config->found->count, sizeof *all->device);
    size_t working = 0;
    for (size_t i = 0; i < config->found->count; i++) {
        struct error one = ERROR_INIT;
        if (!device_start(all, &all->device[i], &config->found->items[i], &one)) {
            working++;
        } else {
            log_error("device %s: %s", config->found->items[i].id, one.text);
            if (err) *err = one;
        }
        all->count++;
    }
    if (working) return all;
    devices_stop(all);
    return NULL;
}

void devices_list(struct devices *devices, struct rec_list_device *list) {
    pthread_mutex_lock(&devices->mutex);
    for (size_t i = 0; i < devices->count; i++) {
        if (!devices->device[i].health.healthy) continue;
        struct rec_device *item = rec_list_device_push(list);
        rec_device_done(item);
        rec_device_copy(item, &devices->device[i].desc);
        item->health_checks = devices->device[i].health.checks;
    }
    pthread_mutex_unlock(&devices->mutex);
}

void devices_failing(struct devices *devices, struct rec_list_failing_device *list) {
    pthread_mutex_lock(&devices->mutex);
    for (size_t i = 0; i < devices->count; i++) {
        const struct device *device = &devices->device[i];
        if (device->health.healthy) continue;
        struct rec_failing_device *item = rec_list_failing_device_push(list);
        rec_set(&item->id, device->desc.id);
        rec_set(&item->target, device->desc.target);
        rec_set(&item->reason, device->health.reason);
        item->since_ms = device->health.since_ms;
    }
    pthread_mutex_unlock(&devices->mutex);
}

bool devices_ask_check(struct devices *devices, const char *id) {
    bool found = false;
    for (size_t i = 0; i < devices->count; i++) {
        if (*id && strcmp(devices->device[i].desc.id, id) != 0) continue;
        atomic_store(&devices->device[i].asked, true);
        found = true;
    }
    jobs_wake(devices->config.jobs);
    return found;
}

bool devices_cache_failing(struct devices *devices) {
    bool failing = false;
    for (size_t i = 0; i < devices->count; i++)
        failing = failing || (devices->device[i].worker && worker_cache_failing(devices->device[i].worker));
    return failing;
}

bool devices_has(struct devices *devices, const char *id) {
    bool found = false;
    pthread_mutex_lock(&devices->mutex);
    for (size_t i = 0; i < devices->count && !found; i++)
        found = devices->device[i].health.healthy && !strcmp(devices->device[i].desc.id, id);
    pthread_mutex_unlock(&devices->mutex);
    return found;
}

void devices_stop(struct devices *devices) {
    if (!devices) return;
    for (size_t i = 0; i < devices->count; i++) {
        struct device *device = &devices->device[i];
        if (device->started) pthread_join(device->thread, NULL);
        worker_free(device->worker);
        rec_device_done(&device->desc);
    }
    free(devices->device);
    pthread_mutex_destroy(&devices->mutex);
    free(devices);
}
