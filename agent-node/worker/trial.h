/* A task while a worker is on it: what all steps share. Inside the worker only. */
#pragma once
#include "agent-node/worker/binary_cache.h"
#include "agent-node/worker/finding.h"
#include "agent-node/worker/phases.h"
#include "agent-node/worker/pool.h"
#include "agent-node/worker/runner_client.h"
#include "agent-node/worker/seeds.h"
#include "agent-node/worker/timing/domain_lock.h"
#include "agent-node/worker/timing/load.h"
#include "agent-node/worker/timing/sensors.h"
#include "agent-node/worker/worker.h"
#include "common/cleanup.h"
#include "problems/kernel/kernel.h"

struct worker {
    struct rec_device device;
    bool sandbox;
    int threads;
    struct pool *pool;
    struct binary_cache *cache;
    struct domain_lock *domain;
    char admitted[65];              /* the problem that was admitted last; "" for none */
    struct load_meter *meter;       /* NULL where tests give a source of their own */
    const struct load_source *load; /* NULL: not looked at */
    struct sensors *sensors;        /* NULL: nothing can be read */
    bool notes_load;                /* whatever a task's policy says: this machine is shared, and its owner knows */
    bool clock_tested;              /* the self-test was passed */
    int64_t quiet_ms;               /* most that is waited for a quiet device; 0: not at all */
    char *cache_dir;                /* NULL: nothing is kept */
    double bandwidth_gbps;          /* of the memory, copying; 0 until physics_learn() */
};

struct trial {
    struct worker *worker;
    const struct rec_task *task;
    const struct worker_hooks *hooks; /* may be NULL */
    struct problem *problem;
    struct kernel *kernel;
    struct bound *bound; /* the timed size */
    struct cost cost;    /* of it */
    struct seeds *seeds; /* the data */
    bool test_hooks;     /* PORTOLAN_TEST_HOOKS=1 in the environment: test-only switches are honoured */
    struct phases phases;
    struct rec_attempt *out;
};

static inline const struct rec_device *trial_device(const struct trial *t) {
    return &t->worker->device;
}
static inline const struct rec_policy *trial_policy(const struct trial *t) {
    return &t->task->policy;
}
const volatile bool *trial_cancel(const struct trial *t); /* may be NULL */
bool trial_cancelled(const struct trial *t);
/* Tell whoever waits: `phase` is a static word, `detail` may be "". */
void trial_progress(const struct trial *t, const char *phase, double done, const char *detail);

/* A runner of this trial's device, ended by a cancel. NULL with *f set: infrastructure, or cancelled. */
struct runner *trial_runner_start(const struct trial *t, enum runner_kind kind, size_t arena_bytes, struct finding *f);

/* Hold the device's domain in `mode`; the wait counts as phase "lock". -1 with *f set. */
int trial_lock(struct trial *t, enum domain_mode mode, struct finding *f);

/* Turn what a runner answered into a finding. `who` names what ran in it ("softmax_rows", "baseline fused"), `doing`
 * says what it was doing ("compiling", "running size held1"). What `trusted` code does wrong is infrastructure. Returns
 * 0 for RUNNER_OK, else -1. */
struct runner_event {
    enum runner_status status;
    const struct runner *runner;
    const struct error *err;
    const char *who, *doing;
    int64_t limit_ms;
    bool trusted, compiling;
};
int trial_judge_runner(const struct trial *t, const struct runner_event *e, struct finding *f);
