/* What `check` and `bench` have in common: a task made of files, run on this machine's devices without a broker. */
#pragma once
#include "agent-node/worker/worker.h"
#include "common/options.h"

#define PROGRAM "portolan-agent"

/* Devices that the option --device (repeatable, part of an id) names, else all. `measured`: with their bandwidth and
 * peak, which takes seconds unless it was done before. ERR_NOT_FOUND when there is none. */
int local_devices(const struct options *opts, bool measured, struct rec_list_device *ret, struct error *err);
/* A task of the problem file and, unless NULL, the kernel file, with --size, --sets, --quads, --window-ms, --baseline
 * and
 * --search. The size is "small" where the problem has one, else its first. *ret is initialised in any case. */
int local_task(const struct options *opts, const char *problem_path, const char *kernel_path, struct rec_task *ret,
               struct error *err);

/* Called with each attempt as it ends. */
typedef void local_report(const struct rec_device *d, const struct rec_task *task, const struct rec_attempt *a,
                          void *context);
/* worker_run() or worker_run_baselines(). */
typedef int local_run(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks,
                      struct rec_attempt *ret, struct error *err);
/* Runs the task on each device, one after the other, with progress on a terminal; an interrupt cancels. Returns the
 * exit status: that of the most severe outcome. */
int local_run_all(const struct rec_list_device *devices, const struct rec_task *task, local_run *run,
                  local_report *report, void *context);
