/* The worker's side of a runner: a sandboxed process that loads one driver and runs candidates. The worker never
 * loads a driver. Everything a runner says is a claim: lengths and values from it are checked, its text is bounded, and
 * the only clock that counts is read here. A runner that breaks the protocol is killed and reported RUNNER_BROKE.
 *
 * Shared memory: one memfd arena per runner, mapped by both. The worker lays buffers out in it ("slots": byte offset
 * and length, page-aligned, guard bands between them are the worker's) and writes inputs and poison there. Drivers that
 * run on the host bind slots in place (CL_MEM_USE_HOST_PTR); others upload before a window and download on request,
 * guard bands included. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "problems/kernel/plan.h"
#include "records.h"

struct runner;

enum runner_kind {
    RUNNER_PROBE,   /* lists devices, reads their properties, measures them with our own kernels */
    RUNNER_COMPILE, /* one per kernel: preprocesses, builds, launches each geometry once, hands over the binary; may
                       exec tools */
    RUNNER_MEASURE, /* no exec, and no new thread or process once the driver is warm */
    RUNNER_AUDIT    /* loads the simulator whatever the device is; may start threads */
};
enum runner_status {
    RUNNER_OK,
    RUNNER_BUILD_FAILED,  /* compiler said no; log has why */
    RUNNER_LAUNCH_FAILED, /* driver refused a launch or argument; log has the error's name */
    RUNNER_CRASHED,       /* died by a signal or exited while a candidate was in it; log names it */
    RUNNER_TIMEOUT,       /* the limit passed; the runner was killed */
    RUNNER_CANCELLED,     /* runner_config.cancel became true; the runner was killed */
    RUNNER_BROKE,         /* broke the protocol; killed */
    RUNNER_FAILED,     /* infrastructure: driver not loadable, device gone, out of memory before any candidate ran; err
                        * is set */
    RUNNER_OVER_LIMIT, /* the built kernel wants more than the device has; log says of what */
};
const char *runner_status_name(enum runner_status s);

struct runner_config {
    enum runner_kind kind;
    const struct rec_device
        *device;           /* backend, icd, platform_index, device_index; for RUNNER_PROBE only backend and icd */
    const char *cache_dir; /* driver's private compile cache kept by the worker across runners, or NULL: a fresh empty
                            * one that goes with the runner. Whatever runs in the runner can write there: give it to
                            * runners of trusted code (plain kernels, probes) only */
    size_t arena_bytes;    /* shared memory, 0 for none */
    size_t memory_limit_bytes;   /* RLIMIT_AS-like bound on the runner, 0 for the default */
    bool unwritten;              /* AUDIT: also look for values that nobody wrote */
    bool sandbox;                /* false only in tests */
    const volatile bool *cancel; /* may be NULL; looked at every 100 ms while a call waits */
};
/* Starts the process (program found beside this one, or PORTOLAN_RUNNER) and waits for its hello. A runner belongs to
 * one thread at a time, and dies with the thread that started it. ERR_DEVICE (driver not loadable: its words are in
 * err), ERR_NOT_FOUND (no portolan-runner, no such .icd), ERR_UNSUPPORTED, ERR_IO, ERR_TIMEOUT, ERR_CANCELLED. */
struct runner *runner_start(const struct runner_config *c, struct error *err);
/* Kills and reaps. Accepts NULL. */
void runner_free(struct runner *r);
bool runner_alive(const struct runner *r);
bool runner_in_place(const struct runner *r); /* buffers are the arena itself: upload and download do nothing, and need
                                                 no running runner */
/* COMPILE: how far the last compile got: false while building, true once it had begun to launch the plan on dummy data.
 * Tells a compile_timeout from a timeout, and a crashed compiler from a crashed kernel. */
bool runner_reached_launch(const struct runner *r);
int runner_pid(const struct runner *r);                   /* the runner's own pid (inside bwrap), as seen from here */
const char *runner_sandbox_level(const struct runner *r); /* e.g. "bubblewrap+seccomp+landlock6" */
uint8_t *runner_arena(const struct runner *r);            /* the mapping, runner_config.arena_bytes long */
const char *runner_log(
    const struct runner *r); /* what build, launch or crash said; bounded, made printable; until the next call */

/* PROBE: devices of the driver, properties and measurements filled in. Caller frees with rec_list_device_done-like
 * helper. */
enum runner_status runner_probe(struct runner *r, bool measure, struct rec_list_device *ret, struct error *err);

/* COMPILE: run the C preprocessor in the sandbox over plan->source with plan->macro and the device's own version and
 * extension macros; *ret_text is freed by the caller. RUNNER_BUILD_FAILED with the log on error. */
enum runner_status runner_preprocess(struct runner *r, const struct plan *plan, int64_t timeout_ms, char **ret_text,
                                     struct error *err);
/* COMPILE: build preprocessed `text`, launch each geometry of the plan once on dummy data (unless the driver needs
 * none), and return the driver's binary. Caller frees. */
struct runner_binary {
    uint8_t *data;
    size_t len;
};
enum runner_status runner_compile(struct runner *r, const struct plan *plan, const char *text, int64_t timeout_ms,
                                  struct runner_binary *ret, struct error *err);

/* MEASURE: load a program from a binary for `plan`; `*ret_program` is a small number. Several may be loaded. */
enum runner_status runner_load(struct runner *r, const struct plan *plan, const struct runner_binary *binary,
                               int64_t timeout_ms, int *ret_program, struct error *err);
/* MEASURE: bind one set of buffers: slot[i] for plan->buffer[i]. `guard` bytes on both sides of each slot belong to its
 * guard bands (devices with memory of their own allocate and transfer them with the buffer). Returns a small number in
 * *ret_set. */
struct slot {
    size_t offset, bytes;
};
enum runner_status runner_bind(struct runner *r, int program, const struct slot *slot, size_t n_slots, size_t guard,
                               int *ret_set, struct error *err);
void runner_unbind_all(struct runner *r);
/* MEASURE: make the device see what the arena holds for these sets (upload, or nothing for host-memory devices). */
enum runner_status runner_upload(struct runner *r, const int *sets, size_t n, int64_t timeout_ms, struct error *err);
/* MEASURE: run the plan's launches once for each of the n sets in order, then finish. `*ret_wall_ns` is measured by the
 * worker's clock from just before a stopped runner is continued and the request written, to just after "done" is read.
 * The runner is stopped at that moment: what lies in the arena is what it had computed by then, however early it said
 * "done". */
enum runner_status runner_run(struct runner *r, const int *sets, size_t n, int64_t timeout_ms, int64_t *ret_wall_ns,
                              struct error *err);
/* MEASURE: what the runner says of the last run by the device's clock (0 when it has none); for comparison only. It
 * continues for this, and could go on computing: so look at the outputs before, and write no new inputs yet. A claim
 * that is not asked for is dropped at the next request. ERR_INTERNAL when there was no run. */
#define RUNNER_CLAIM_MS 10000 /* it has to come within this: at most 65,536 events are read for it */
#define RUNNER_QUICK_MS 30000 /* the limit of what takes no time unless something is wrong: binding and unbinding */
struct run_claim {
    int64_t span_ns;
    int64_t sum_ns;
};
enum runner_status runner_claim(struct runner *r, struct run_claim *ret, struct error *err);
/* MEASURE: bring buffers (all with guard bands; which is chosen after they exist) of `set` back into the arena. */
enum runner_status runner_download(struct runner *r, int set, const int *buffers, size_t n, int64_t timeout_ms,
                                   struct error *err);

/* AUDIT: build preprocessed `text` and run the plan's launches once under the simulator, on buffers of exactly
 * slot[i].bytes: `filled` ones hold what the arena holds, the others nothing yet. What the simulator said is in
 * runner_log() then, nothing when it found no fault. */
struct audit_slot {
    size_t offset, bytes;
    bool filled;
};
enum runner_status runner_audit(struct runner *r, const struct plan *plan, const char *text,
                                const struct audit_slot *slot, int64_t timeout_ms, struct error *err);

/* SIGSTOP and wait until every thread of it is stopped; SIGCONT. A call above resumes a stopped runner by itself. CPU
 * time used by the whole runner process (user + system), in ns. */
int runner_pause(struct runner *r, struct error *err);
int runner_resume(struct runner *r, struct error *err);
int64_t runner_cpu_ns(const struct runner *r);
