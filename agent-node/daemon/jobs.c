#include "agent-node/daemon/jobs.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"

#define SEEN_BUCKETS (2 * JOBS_REMEMBERED)

/* What waits for a device, in the order in which it will be taken. */
struct lane {
    char *device;
    pthread_cond_t wake; /* of the device's thread */
    struct job *first, *last;
    struct lane *next;
};
/* Attempt ids seen lately: a ring, and where to find one in it by its hash. */
struct seen {
    char *id[JOBS_REMEMBERED];
    int bucket[SEEN_BUCKETS], next[JOBS_REMEMBERED]; /* place in the ring + 1; 0: none */
    int at;
};
struct jobs {
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* of threads that wait for no device */
    struct lane *lanes;
    struct job *first, *last; /* all, in the order of arrival */
    size_t held, queued, running, tries;
    unsigned taken;
    int64_t empty_ms; /* monotonic: since when nothing is held */
    bool closed;
    struct seen seen;
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

static void lane_free(struct lane *lane) {
    free(lane->device);
    pthread_cond_destroy(&lane->wake);
    free(lane);
}

void jobs_free(struct jobs *jobs) {
    if (!jobs) return;
    while (jobs->first) {
        struct job *job = jobs->first;
        jobs->first = job->next;
        job_free(job);
    }
    while (jobs->lanes) {
        struct lane *lane = jobs->lanes;
        jobs->lanes = lane->next;
        lane_free(lane);
    }
    for (size_t i = 0; i < JOBS_REMEMBERED; i++) free(jobs->seen.id[i]);
    pthread_cond_destroy(&jobs->wake);
    pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

/* --- ids seen ---------------------------------------------------------------------------------------------------- */
static int bucket_of(const char *text) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) h = (h ^ *c) * 1099511628211u;
    return (int)((h ^ h >> 32) % SEEN_BUCKETS);
}

static void forget_oldest(struct seen *seen) {
    int i = seen->at;
    if (!seen->id[i]) return;
    int *link = &seen->bucket[bucket_of(seen->id[i])];
    while (*link != i + 1) link = &seen->next[*link - 1];
    *link = seen->next[i];
    free(seen->id[i]);
    seen->id[i] = NULL;
}

static bool seen_before(struct seen *seen, const char *attempt_id) {
    int bucket = bucket_of(attempt_id);
    for (int i = seen->bucket[bucket]; i > 0; i = seen->next[i - 1])
        if (!strcmp(seen->id[i - 1], attempt_id)) return true;
    forget_oldest(seen);
    seen->id[seen->at] = xstrdup(attempt_id);
    seen->next[seen->at] = seen->bucket[bucket];
    seen->bucket[bucket] = seen->at + 1;
    seen->at = (seen->at + 1) % JOBS_REMEMBERED;
    return false;
}

/* --- lanes ------------------------------------------------------------------------------------------------------- */
static struct lane *lane_of(struct jobs *jobs, const char *device) {
    struct lane *lane = jobs->lanes;
    while (lane && strcmp(lane->device, device) != 0) lane = lane->next;
    if (lane) return lane;
    lane = xcalloc(1, sizeof *lane);
    lane->device = xstrdup(device);
    clock_cond_init(&lane->wake);
    lane->next = jobs->lanes;
    jobs->lanes = lane;
    return lane;
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

/* Behind all that it does not go before: found from the end, where most belong. */
static void line_up(struct lane *lane, struct job *job) {
    struct job *before = lane->last;
    while (before && goes_before(job, before)) before = before->lane_prev;
    job->lane = lane;
    job->lane_prev = before;
    job->lane_next = before ? before->lane_next : lane->first;
    *(job->lane_next ? &job->lane_next->lane_prev : &lane->last) = job;
    *(before ? &before->lane_next : &lane->first) = job;
}

static void leave_lane(struct job *job) {
    struct lane *lane = job->lane;
    *(job->lane_prev ? &job->lane_prev->lane_next : &lane->first) = job->lane_next;
    *(job->lane_next ? &job->lane_next->lane_prev : &lane->last) = job->lane_prev;
    job->lane_prev = job->lane_next = NULL;
}

/* --- adding and taking ------------------------------------------------------------------------------------------- */
static void append(struct jobs *jobs, struct job *job) {
    job->prev = jobs->last;
    *(jobs->last ? &jobs->last->next : &jobs->first) = job;
    jobs->last = job;
    jobs->held++;
    jobs->queued++;
    jobs->tries += is_try(job);
}

static int add_locked(struct jobs *jobs, const struct rec_task *task, struct error *err) {
    if (jobs->closed) return error_set(err, ERR_CANCELLED, "the node is stopping");
    if (jobs->queued >= JOBS_QUEUED_MAX)
        return error_set(err, ERR_LIMIT, "%d attempts are queued already", JOBS_QUEUED_MAX);
    if (seen_before(&jobs->seen, task->attempt_id))
        return error_set(err, ERR_CONFLICT, "attempt %s was given before", task->attempt_id);
    struct job *job = xcalloc(1, sizeof *job);
    rec_task_copy(&job->task, task);
    job->since_ms = clock_mono_ms();
    append(jobs, job);
    line_up(lane_of(jobs, task->device), job);
    pthread_cond_broadcast(&job->lane->wake);
    return 0;
}

int jobs_add(struct jobs *jobs, const struct rec_task *task, struct error *err) {
    pthread_mutex_lock(&jobs->mutex);
    int rc = add_locked(jobs, task, err);
    pthread_mutex_unlock(&jobs->mutex);
    return rc;
}

static struct job *take_locked(struct jobs *jobs, const char *device, bool try_only) {
    struct job *job = jobs->closed || !device ? NULL : lane_of(jobs, device)->first;
    if (!job || (try_only && !is_try(job))) return NULL;
    leave_lane(job);
    job->state = JOB_RUNNING;
    job->since_ms = clock_mono_ms();
    jobs->queued--;
    jobs->running++;
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

static void sleep_locked(struct jobs *jobs, const char *device, int64_t until_ms) {
    pthread_cond_t *wake = device ? &lane_of(jobs, device)->wake : &jobs->wake;
    if (until_ms == INT64_MAX)
        pthread_cond_wait(wake, &jobs->mutex);
    else
        clock_cond_wait(wake, &jobs->mutex, until_ms * 1000000);
}

struct job *jobs_wait(struct jobs *jobs, const char *device, int64_t until_ms, const atomic_bool *interrupt) {
    pthread_mutex_lock(&jobs->mutex);
    struct job *job = NULL;
    while (!jobs->closed && !atomic_load(interrupt) && !(job = take_locked(jobs, device, false)) &&
           clock_mono_ms() < until_ms)
        sleep_locked(jobs, device, until_ms);
    pthread_mutex_unlock(&jobs->mutex);
    return job;
}

static void wake_all(struct jobs *jobs) {
    pthread_cond_broadcast(&jobs->wake);
    for (struct lane *lane = jobs->lanes; lane; lane = lane->next) pthread_cond_broadcast(&lane->wake);
}

void jobs_wake(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    wake_all(jobs);
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
    if (job->state == JOB_QUEUED) {
        leave_lane(job);
        jobs->queued--;
    }
    if (job->state == JOB_RUNNING) jobs->running--;
    job->state = JOB_REPORTING;
}

void jobs_reporting(struct jobs *jobs, struct job *job) {
    pthread_mutex_lock(&jobs->mutex);
    reporting_locked(jobs, job);
    pthread_mutex_unlock(&jobs->mutex);
}

void jobs_remove(struct jobs *jobs, struct job *job) {
    pthread_mutex_lock(&jobs->mutex);
    reporting_locked(jobs, job);
    *(job->prev ? &job->prev->next : &jobs->first) = job->next;
    *(job->next ? &job->next->prev : &jobs->last) = job->prev;
    jobs->tries -= is_try(job);
    if (--jobs->held == 0) jobs->empty_ms = clock_mono_ms();
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
    wake_all(jobs);
    pthread_mutex_unlock(&jobs->mutex);
    return queued;
}

struct job *jobs_unserved(struct jobs *jobs, bool (*served)(void *context, const char *device), void *context) {
    pthread_mutex_lock(&jobs->mutex);
    const struct lane *lane = jobs->lanes;
    while (lane && (!lane->first || served(context, lane->device))) lane = lane->next;
    struct job *job = lane ? lane->first : NULL;
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
    bool held = jobs->tries > 0;
    pthread_mutex_unlock(&jobs->mutex);
    return held;
}

size_t jobs_held(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    size_t n = jobs->held;
    pthread_mutex_unlock(&jobs->mutex);
    return n;
}

size_t jobs_running(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    size_t n = jobs->running;
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
