#include "agent-node/daemon/jobs.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"

struct jobs {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct job *first;
    size_t held, queued;
    unsigned taken;
    int64_t empty_ms; /* monotonic: since when nothing is held */
    bool closed;
    char *seen[JOBS_REMEMBERED];         /* ring */
    uint64_t seen_hash[JOBS_REMEMBERED]; /* of the same: comparing texts is for those that agree in this */
    size_t seen_at;
};

struct jobs *jobs_new(void) {
    struct jobs *jobs = xcalloc(1, sizeof *jobs);
    pthread_mutex_init(&jobs->mutex, NULL);
    clock_cond_init(&jobs->wake);
    jobs->empty_ms = clock_mono_ms();
    return jobs;
}

static void job_free(struct job *job) {
    rec_task_done(&job->task);
    free(job);
}

void jobs_free(struct jobs *jobs) {
    if (!jobs) return;
    while (jobs->first) {
        struct job *job = jobs->first;
        jobs->first = job->next;
        job_free(job);
    }
    for (size_t i = 0; i < JOBS_REMEMBERED; i++) free(jobs->seen[i]);
    pthread_cond_destroy(&jobs->wake);
    pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

static uint64_t hash_of(const char *text) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) h = (h ^ *c) * 1099511628211u;
    return h;
}

static bool seen_before(struct jobs *jobs, const char *attempt_id) {
    uint64_t hash = hash_of(attempt_id);
    for (size_t i = 0; i < JOBS_REMEMBERED; i++)
        if (jobs->seen_hash[i] == hash && jobs->seen[i] && !strcmp(jobs->seen[i], attempt_id)) return true;
    free(jobs->seen[jobs->seen_at]);
    jobs->seen[jobs->seen_at] = xstrdup(attempt_id);
    jobs->seen_hash[jobs->seen_at] = hash;
    jobs->seen_at = (jobs->seen_at + 1) % JOBS_REMEMBERED;
    return false;
}

static int add_locked(struct jobs *jobs, const struct rec_task *task, struct error *err) {
    if (jobs->closed) return error_set(err, ERR_CANCELLED, "the node is stopping");
    if (jobs->queued >= JOBS_QUEUED_MAX)
        return error_set(err, ERR_LIMIT, "%d attempts are queued already", JOBS_QUEUED_MAX);
    if (seen_before(jobs, task->attempt_id))
        return error_set(err, ERR_CONFLICT, "attempt %s was given before", task->attempt_id);
    struct job *job = xcalloc(1, sizeof *job);
    rec_task_copy(&job->task, task);
    job->since_ms = clock_mono_ms();
    struct job **end = &jobs->first;
    while (*end) end = &(*end)->next;
    *end = job;
    jobs->held++;
    jobs->queued++;
    return 0;
}

int jobs_add(struct jobs *jobs, const struct rec_task *task, struct error *err) {
    pthread_mutex_lock(&jobs->mutex);
    int rc = add_locked(jobs, task, err);
    pthread_cond_broadcast(&jobs->wake);
    pthread_mutex_unlock(&jobs->mutex);
    return rc;
}

static bool is_try(const struct job *job) {
    return !strcmp(job->task.purpose, "try");
}

/* As the coordinator orders its queue. */
static int class_of(const struct job *job) {
    if (is_try(job)) return 0;
    return strcmp(job->task.purpose, "sweep") != 0 ? 1 : 2;
}

static bool goes_before(const struct job *a, const struct job *b) {
    int x = class_of(a), y = class_of(b);
    return x != y ? x < y : a->task.priority > b->task.priority;
}

static struct job *best_locked(struct jobs *jobs, const char *device, bool try_only) {
    struct job *best = NULL;
    for (struct job *job = jobs->first; job; job = job->next) {
        if (job->state != JOB_QUEUED || strcmp(job->task.device, device) != 0) continue;
        if (try_only && !is_try(job)) continue;
        if (!best || goes_before(job, best)) best = job;
    }
    return best;
}

static struct job *take_locked(struct jobs *jobs, const char *device, bool try_only) {
    struct job *job = jobs->closed || !device ? NULL : best_locked(jobs, device, try_only);
    if (!job) return NULL;
    job->state = JOB_RUNNING;
    job->since_ms = clock_mono_ms();
    jobs->queued--;
    jobs->taken++;
    return job;
}

struct job *jobs_take(struct jobs *jobs, const char *device, bool try_only) {
    pthread_mutex_lock(&jobs->mutex);
    struct job *job = take_locked(jobs, device, try_only);
    pthread_mutex_unlock(&jobs->mutex);
    return job;
}

void jobs_watch(struct jobs *jobs, struct job *job, const atomic_llong *steps) {
    pthread_mutex_lock(&jobs->mutex);
    job->steps = steps;
    pthread_mutex_unlock(&jobs->mutex);
}

static void sleep_locked(struct jobs *jobs, int64_t until_ms) {
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    if (until_ms == INT64_MAX)
        pthread_cond_wait(&jobs->wake, &jobs->mutex);
    else
        pthread_cond_timedwait(&jobs->wake, &jobs->mutex, &until);
}

struct job *jobs_wait(struct jobs *jobs, const char *device, int64_t until_ms, const atomic_bool *interrupt) {
    pthread_mutex_lock(&jobs->mutex);
    struct job *job = NULL;
    while (!jobs->closed && !atomic_load(interrupt) && !(job = take_locked(jobs, device, false)) &&
           clock_mono_ms() < until_ms)
        sleep_locked(jobs, until_ms);
    pthread_mutex_unlock(&jobs->mutex);
    return job;
}

void jobs_wake(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    pthread_cond_broadcast(&jobs->wake);
    pthread_mutex_unlock(&jobs->mutex);
}

bool jobs_closed(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    bool closed = jobs->closed;
    pthread_mutex_unlock(&jobs->mutex);
    return closed;
}

void jobs_progress(struct jobs *jobs, struct job *job, const char *phase, double done) {
    pthread_mutex_lock(&jobs->mutex);
    snprintf(job->phase, sizeof job->phase, "%s", phase);
    job->progress = done;
    pthread_mutex_unlock(&jobs->mutex);
}

static void reporting_locked(struct jobs *jobs, struct job *job) {
    if (job->state == JOB_QUEUED) jobs->queued--;
    job->state = JOB_REPORTING;
}

void jobs_reporting(struct jobs *jobs, struct job *job) {
    pthread_mutex_lock(&jobs->mutex);
    reporting_locked(jobs, job);
    pthread_mutex_unlock(&jobs->mutex);
}

void jobs_remove(struct jobs *jobs, struct job *job) {
    pthread_mutex_lock(&jobs->mutex);
    struct job **at = &jobs->first;
    while (*at && *at != job) at = &(*at)->next;
    if (*at) {
        *at = job->next;
        if (--jobs->held == 0) jobs->empty_ms = clock_mono_ms();
    }
    pthread_mutex_unlock(&jobs->mutex);
    job_free(job);
}

static bool names(const struct job *job, const char *attempt_id, const char *task_id) {
    return *attempt_id ? !strcmp(job->task.attempt_id, attempt_id) : !strcmp(job->task.task_id, task_id);
}

struct job *jobs_cancel(struct jobs *jobs, const char *attempt_id, const char *task_id, int *ret_running) {
    pthread_mutex_lock(&jobs->mutex);
    struct job *queued = NULL;
    int running = 0;
    for (struct job *job = jobs->first; job; job = job->next) {
        if (!names(job, attempt_id, task_id)) continue;
        if (job->state == JOB_QUEUED && !queued) queued = job;
        if (job->state == JOB_RUNNING) {
            job->cancel_asked = true;
            job->cancel = true;
            running++;
        }
    }
    if (queued) reporting_locked(jobs, queued);
    pthread_mutex_unlock(&jobs->mutex);
    if (ret_running) *ret_running = running;
    return queued;
}

struct job *jobs_close(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    jobs->closed = true;
    struct job *queued = NULL;
    for (struct job *job = jobs->first; job; job = job->next) {
        if (job->state == JOB_RUNNING) job->cancel = true;
        if (job->state == JOB_QUEUED && !queued) queued = job;
    }
    if (queued) reporting_locked(jobs, queued);
    pthread_cond_broadcast(&jobs->wake);
    pthread_mutex_unlock(&jobs->mutex);
    return queued;
}

struct job *jobs_unserved(struct jobs *jobs, bool (*served)(void *context, const char *device), void *context) {
    pthread_mutex_lock(&jobs->mutex);
    struct job *job = jobs->first;
    while (job && (job->state != JOB_QUEUED || served(context, job->task.device))) job = job->next;
    if (job) reporting_locked(jobs, job);
    pthread_mutex_unlock(&jobs->mutex);
    return job;
}

unsigned jobs_taken(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    unsigned n = jobs->taken;
    pthread_mutex_unlock(&jobs->mutex);
    return n;
}

bool jobs_have_try(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    const struct job *job = jobs->first;
    while (job && !is_try(job)) job = job->next;
    pthread_mutex_unlock(&jobs->mutex);
    return job != NULL;
}

size_t jobs_held(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    size_t n = jobs->held;
    pthread_mutex_unlock(&jobs->mutex);
    return n;
}

size_t jobs_running(struct jobs *jobs) {
    size_t n = 0;
    pthread_mutex_lock(&jobs->mutex);
    for (const struct job *job = jobs->first; job; job = job->next) n += job->state == JOB_RUNNING;
    pthread_mutex_unlock(&jobs->mutex);
    return n;
}

int64_t jobs_idle_ms(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    int64_t idle_ms = jobs->held ? 0 : clock_mono_ms() - jobs->empty_ms;
    pthread_mutex_unlock(&jobs->mutex);
    return idle_ms;
}

void jobs_list(struct jobs *jobs, struct rec_list_held *list) {
    static const char *const state_name[] = {"queued", "running", "reporting"};
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&jobs->mutex);
    for (struct job *job = jobs->first; job; job = job->next) {
        struct rec_held *held = rec_list_held_push(list);
        rec_set(&held->attempt_id, job->task.attempt_id);
        rec_set(&held->task_id, job->task.task_id);
        rec_set(&held->device, job->task.device);
        rec_set(&held->state, state_name[job->state]);
        rec_set(&held->phase, job->phase);
        held->progress = job->progress;
        if (job->state == JOB_RUNNING && job->steps) held->steps = (int64_t)atomic_load(job->steps);
        held->held_ms = now_ms - job->since_ms;
    }
    pthread_mutex_unlock(&jobs->mutex);
}
