#include "agent-node/daemon/devices.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "agent-node/worker/worker.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/life.h"
#include "common/log.h"

#define RECHECK_FIRST_MS 10000
#define RECHECK_MOST_MS 600000

struct device {
    struct devices *all;
    struct rec_device desc;
    struct worker *worker;
    pthread_t thread;
    bool started;
    bool healthy;       /* under all->mutex */
    atomic_llong steps; /* signs of life of its thread */
};
struct devices {
    struct devices_config config;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;
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
    while ((job = jobs_take(run->device->all->config.jobs, run->device->desc.id, true, false)))
        run_job(run->device, job);
}

static void set_healthy(struct device *device, bool healthy) {
    struct devices *all = device->all;
    pthread_mutex_lock(&all->mutex);
    bool differs = device->healthy != healthy;
    device->healthy = healthy;
    pthread_mutex_unlock(&all->mutex);
    if (differs && all->config.changed) all->config.changed(all->config.context);
}

static bool healthy_now(struct device *device) {
    struct error err = ERROR_INIT;
    if (device->worker && !worker_health_check(device->worker, &err)) return true;
    log_warn("device %s fails its known-answer check: %s", device->desc.id, err.text);
    return false;
}

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
    /* Others on the machine say nothing against the device. */
    bool busy =
        attempt.infrastructure && !strncmp(attempt.infrastructure, WORKER_MACHINE_BUSY, strlen(WORKER_MACHINE_BUSY));
    bool infrastructure = !strcmp(attempt.outcome, "infrastructure") && !busy;
    log_info("%s %s after %lld ms", attempt.outcome,
             attempt.verdict          ? attempt.verdict
             : attempt.infrastructure ? attempt.infrastructure
                                      : "",
             (long long)(clock_mono_ms() - start_ms));
    bool stopping = job->cancel;
    reports_add(all->config.reports, job, &attempt);
    rec_attempt_done(&attempt);
    log_context(NULL, device->desc.id, "");
    if ((infrastructure && !stopping) || rc) set_healthy(device, healthy_now(device));
}

/* Sleeps until `ms` have passed or the devices stop. */
static bool wait_or_stop(struct devices *all, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&all->mutex);
    int rc = 0;
    while (!all->stopping && !rc) rc = pthread_cond_timedwait(&all->wake, &all->mutex, &until);
    bool stopping = all->stopping;
    pthread_mutex_unlock(&all->mutex);
    return stopping;
}

static struct job *next_job(struct device *device) {
    int64_t pause_ms = RECHECK_FIRST_MS;
    while (!device->healthy) {
        if (wait_or_stop(device->all, pause_ms)) return NULL;
        pause_ms = pause_ms * 2 > RECHECK_MOST_MS ? RECHECK_MOST_MS : pause_ms * 2;
        if (healthy_now(device)) set_healthy(device, true);
    }
    return jobs_take(device->all->config.jobs, device->desc.id, false, true);
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
    struct worker_config config = {.device = *found,
                                   .cache_dir = all->config.cache_dir,
                                   .state_dir = all->config.state_dir,
                                   .sandbox = all->config.sandbox,
                                   .notes_load = all->config.notes_load};
    device->worker = worker_new(&config, err);
    if (!device->worker) return -1;
    device->healthy = healthy_now(device);
    if (device->healthy) test_clock(device);
    if (pthread_create(&device->thread, NULL, device_thread, device))
        return error_set(err, ERR_NOMEM, "cannot start a thread for device %s", found->id);
    device->started = true;
    return 0;
}

struct devices *devices_start(const struct devices_config *config, struct error *err) {
    struct devices *all = xcalloc(1, sizeof *all);
    all->config = *config;
    pthread_mutex_init(&all->mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&all->wake, &attr);
    pthread_condattr_destroy(&attr);
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
        if (!devices->device[i].healthy) continue;
        struct rec_device *item = rec_list_device_push(list);
        rec_device_done(item);
        rec_device_copy(item, &devices->device[i].desc);
    }
    pthread_mutex_unlock(&devices->mutex);
}

bool devices_has(struct devices *devices, const char *id) {
    bool found = false;
    pthread_mutex_lock(&devices->mutex);
    for (size_t i = 0; i < devices->count && !found; i++)
        found = devices->device[i].healthy && !strcmp(devices->device[i].desc.id, id);
    pthread_mutex_unlock(&devices->mutex);
    return found;
}

void devices_stop(struct devices *devices) {
    if (!devices) return;
    pthread_mutex_lock(&devices->mutex);
    devices->stopping = true;
    pthread_cond_broadcast(&devices->wake);
    pthread_mutex_unlock(&devices->mutex);
    for (size_t i = 0; i < devices->count; i++) {
        struct device *device = &devices->device[i];
        if (device->started) pthread_join(device->thread, NULL);
        worker_free(device->worker);
        rec_device_done(&device->desc);
    }
    free(devices->device);
    pthread_cond_destroy(&devices->wake);
    pthread_mutex_destroy(&devices->mutex);
    free(devices);
}
