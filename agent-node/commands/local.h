/* What `check` and `bench` have in common: tasks made of files, run on this machine's devices without a broker. */
#pragma once
#include "agent-node/worker/worker.h"
#include "common/options.h"

#define PROGRAM "portolan-agent"

/* Devices that the option --device (repeatable, part of an id) names, else all. `measured`: with their bandwidth and
 * peak, which takes seconds unless it was done before. ERR_NOT_FOUND when there is none. */
int local_devices(const struct options *opts, bool measured, struct rec_list_device *ret, struct error *err);

struct local_job {
    const char *file; /* the kernel file, borrowed; NULL for none */
    struct rec_task task;
    struct error bad; /* with a code: the kernel file is not one, and this is its verdict */
};
/* A task of the problem file and, unless NULL, the kernel file, with --size, --sets, --quads, --window-ms, --timeout
 * and
 * --baseline. The size is "small" where the problem has one, else its first. *ret is for local_job_done() in any case.
 * -1 with err for what cannot be read, for a wrong problem file and for options that do not fit. */
int local_job(const struct options *opts, const char *problem_path, const char *kernel_path, struct local_job *ret,
              struct error *err);
void local_job_done(struct local_job *job);

struct local_run {
    /* worker_run() or worker_run_baselines(). */
    int (*run)(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks, struct rec_attempt *ret,
               struct error *err);
    /* Called with each attempt as it ends. */
    void (*report)(const struct rec_device *d, const struct local_job *job, const struct rec_attempt *a, void *context);
    void *context;
    int retries; /* times a measurement that a busy machine spoilt is repeated */
};
/* Runs the jobs in their order, on one device after the other, with progress on a terminal; an interrupt cancels. One
 * worker serves a device: data with answers, binaries and what it learnt of the machine are made once. Returns the exit
 * status: that of the most severe outcome. */
int local_run_all(const struct rec_list_device *devices, const struct local_job *jobs, size_t n,
                  const struct local_run *how);
