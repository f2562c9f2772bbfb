/* One worker per device: data, oracle, judge and clock. Takes a task, gives an attempt; loads no driver. */
#pragma once
#include "common/error.h"
#include "records.h"
struct worker;
struct load_source;
/* An attempt that was not timed because others were using the machine says so with these words in front. */
#define WORKER_MACHINE_BUSY "machine busy"
struct worker_config {
    struct rec_device device; /* copied */
    const char *cache_dir;    /* binaries and calibration; NULL for none */
    const char *state_dir;    /* where the key that seals data is kept (seal.h); NULL: one for this worker only */
    bool sandbox;             /* false only in tests */
    int oracle_threads;       /* 0 for the number of cores */
    bool notes_load;          /* times are kept on a busy machine, whatever a task's policy says; the load is told */
    int64_t quiet_ms;         /* how long to wait for a quiet device before timing; 0 for 30 s, -1: not at all */
    const char *nvml;         /* tests only: in place of the management library's usual name */
    const struct load_source *load; /* tests only: in place of the machine's counters; borrowed */
};
struct worker *worker_new(const struct worker_config *c, struct error *err);
void worker_free(struct worker *w);
/* Could the last thing for the cache of binaries not be written? From any thread. */
bool worker_cache_failing(const struct worker *w);

struct worker_hooks {
    /* Called from the worker's thread at each change; `phase` is a static word: compile, oracle, verify, time, search.
     */
    void (*progress)(void *context, const char *phase, double done, const char *detail);
    /* Between candidates of a search: run waiting `try` tasks now (may call worker_run re-entrantly). May be NULL. */
    void (*between)(void *context);
    void *context;
    const volatile bool *cancel; /* may be NULL; seen within 100 ms, the runner in flight is killed */
};
/* Run one task to its end. Always fills *ret (rec_attempt_init'ed by the callee, identity copied from the task):
 * outcome "verdict", or "infrastructure" (driver lost, host out of memory, machine busy), or "cancelled". Returns 0
 * unless the worker itself cannot go on. */
int worker_run(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks, struct rec_attempt *ret,
               struct error *err);
/* The same for baselines alone (the task has no kernel): each is verified, and timed against the fastest of them, that
 * one against itself (which shows how far the measurement can be trusted). */
int worker_run_baselines(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks,
                         struct rec_attempt *ret, struct error *err);
/* The known-answer check: a tiny kernel with a known answer through the same path. ERR_DEVICE with the reason when it
 * fails. */
int worker_health_check(struct worker *w, struct error *err);
/* The clock's self-test, unless it was passed since this machine was started: "passed (2.003)" or "failed: why" into
 * `ret_text`. -1: nothing is timed on this device: ERR_DEVICE, or ERR_BUSY when others were using the machine. */
int worker_self_test(struct worker *w, char *ret_text, size_t size, struct error *err);
/* What is remembered of it: "passed (2.003)", or "". */
void worker_self_test_remembered(const char *cache_dir, const struct rec_device *d, char *ret_text, size_t size);
