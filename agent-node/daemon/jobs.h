/* The attempts that a node holds: queued for a device, running on it, or waiting for their report to be acknowledged.
 * Heartbeats list all of them. Thread-safe: the session adds and cancels, device threads take and finish.
 *
 *   add ──▶ QUEUED ──take──▶ RUNNING ──done──▶ REPORTING ──delivered──▶ gone
 *              └───────────cancel / stop──────────▲
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "records.h"

#define JOBS_QUEUED_MAX 4096 /* over all devices; the coordinator's window is a few per device */
#define JOBS_REMEMBERED 4096 /* attempt ids seen lately: a record delivered twice is dropped */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_REPORTING };
struct lane;
struct job {
    struct rec_task task;
    enum job_state state;
    char phase[40];
    double progress;
    const atomic_llong *steps;         /* signs of life of its device's thread, once it runs; else NULL */
    int64_t since_ms;                  /* monotonic */
    volatile bool cancel;              /* handed to the worker */
    bool cancel_asked;                 /* by the coordinator, rather than by the daemon's own end */
    struct job *next, *prev;           /* of all */
    struct lane *lane;                 /* of its device */
    struct job *lane_next, *lane_prev; /* while it is queued */
};
struct jobs;

struct jobs *jobs_new(void);
/* No thread may be in any call. Accepts NULL. */
void jobs_free(struct jobs *jobs);
DEFINE_CLEANUP(cleanup_jobs, struct jobs *, jobs_free)

/* Queue a task for task->device; the task's contents are copied. ERR_CONFLICT: this attempt was given before (a
 * duplicate record); ERR_LIMIT: JOBS_QUEUED_MAX. */
int jobs_add(struct jobs *jobs, const struct rec_task *task, struct error *err);
/* The next job for `device`, now RUNNING: `try` tasks first, sweeps last, then higher priority, then arrival. NULL when
 * there is none or after jobs_close(). `try_only` leaves others where they are. The job stays owned by the table. */
struct job *jobs_take(struct jobs *jobs, const char *device, bool try_only);
/* As jobs_take(), waiting for one until `until_ms` (monotonic; INT64_MAX: for ever), until `interrupt` is true when
 * jobs_wake() is called, or until jobs_close(). `device` NULL waits for nothing else. */
struct job *jobs_wait(struct jobs *jobs, const char *device, int64_t until_ms, const atomic_bool *interrupt);
void jobs_wake(struct jobs *jobs);
bool jobs_closed(struct jobs *jobs);
/* `steps` grows while the thread that runs the job works; it outlives the job's run. */
void jobs_watch(struct jobs *jobs, struct job *job, const atomic_llong *steps);
void jobs_progress(struct jobs *jobs, struct job *job, const char *phase, double done);
/* RUNNING or QUEUED to REPORTING. */
void jobs_reporting(struct jobs *jobs, struct job *job);
/* The report is acknowledged: the job is freed. */
void jobs_remove(struct jobs *jobs, struct job *job);
/* Cancel by attempt id, or by task id where attempt_id is "". Running ones get their flag; a queued one becomes
 * REPORTING and is returned for the caller to report as cancelled (call again until NULL). *ret_running counts flagged
 * ones (may be NULL). */
struct job *jobs_cancel(struct jobs *jobs, const char *attempt_id, const char *task_id, int *ret_running);
/* No more work is handed out; running jobs get their flag; queued ones are returned one by one as REPORTING, NULL at
 * the end. */
struct job *jobs_close(struct jobs *jobs);
/* The first queued job whose device `served` says no of becomes REPORTING and is returned for the caller to report
 * (call again until NULL). `served` may not call this table. */
struct job *jobs_unserved(struct jobs *jobs, bool (*served)(void *context, const char *device), void *context);
/* How many jobs were taken so far: a change is worth a heartbeat of its own. */
unsigned jobs_taken(struct jobs *jobs);
/* Is a `try` held? Then somebody is watching. */
bool jobs_have_try(struct jobs *jobs);
/* Number held, in all states. */
size_t jobs_held(struct jobs *jobs);
size_t jobs_running(struct jobs *jobs);
/* How long nothing has been held, ms; 0 while something is. */
int64_t jobs_idle_ms(struct jobs *jobs);
/* Append all to a heartbeat's list. */
void jobs_list(struct jobs *jobs, struct rec_list_held *list);
