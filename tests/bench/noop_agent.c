/* An agent without kernels: the real daemon (session, mailbox, jobs, reports) over a worker that judges nothing.
 * Archives give only what is still missing, so the functions here stand in place of the worker's. It offers
 * NOOP_DEVICES (8) devices of the target `noop` and answers each task at once, or after NOOP_WORK_MS, with a complete
 * verdict: what is left is the plane. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent-node/commands/commands.h"
#include "agent-node/worker/discovery.h"
#include "agent-node/worker/worker.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "fleet/protocol.h"

#define DEVICES_DEFAULT 8
#define DEVICES_MAX 64
#define WORK_STEP_MS 10

struct worker {
    struct rec_device device;
};

/* --- in place of discovery -------------------------------------------------------------------- */
static void describe(struct rec_device *d, int i) {
    char fingerprint[65];
    snprintf(fingerprint, sizeof fingerprint, "%064d", i);
    rec_setf(&d->id, "noop-%d", i);
    rec_set(&d->target, "noop");
    rec_set(&d->backend, "scripted");
    rec_set(&d->vendor, "portolan");
    rec_set(&d->name, "noop");
    rec_set(&d->platform, "noop");
    rec_set(&d->driver_version, "1");
    rec_set(&d->kind, "cpu");
    rec_set(&d->domain, d->id);
    rec_set(&d->fingerprint, fingerprint);
    rec_set(&d->sandbox, "full");
    d->memory_bytes = d->max_alloc_bytes = INT64_C(1) << 32;
    d->local_memory_bytes = 32768;
    d->compute_units = 1;
    d->max_work_group_size = 1024;
    d->copy_gbps = d->fma_gflops = 10;
    d->launch_us = 1;
}

void discovery_list_done(struct rec_list_device *list) {
    for (size_t i = 0; i < list->count; i++) rec_device_done(&list->items[i]);
    free(list->items);
    *list = (struct rec_list_device){0};
}

int discovery_run(const struct discovery_config *config, struct rec_list_device *ret, struct error *err) {
    const char *text = getenv("NOOP_DEVICES");
    int n = text ? atoi(text) : DEVICES_DEFAULT;
    (void)config;
    if (n < 1 || n > DEVICES_MAX) return error_set(err, ERR_INVALID, "NOOP_DEVICES is 1 to %d", DEVICES_MAX);
    for (int i = 0; i < n; i++) describe(rec_list_device_push(ret), i);
    return 0;
}

/* --- in place of the worker ------------------------------------------------------------------- */
struct worker *worker_new(const struct worker_config *c, struct error *err) {
    struct worker *w = xcalloc(1, sizeof *w);
    (void)err;
    rec_device_copy(&w->device, &c->device);
    return w;
}

void worker_free(struct worker *w) {
    if (!w) return;
    rec_device_done(&w->device);
    free(w);
}

bool worker_cache_failing(const struct worker *w) {
    (void)w;
    return false;
}

int worker_health_check(struct worker *w, struct error *err) {
    (void)w, (void)err;
    return 0;
}

int worker_self_test(struct worker *w, char *ret_text, size_t size, struct error *err) {
    (void)w, (void)err;
    snprintf(ret_text, size, "passed (2.000)");
    return 0;
}

static void begin_attempt(const struct worker *w, const struct rec_task *task, struct rec_attempt *ret) {
    protocol_attempt_of(task, ret);
    rec_set(&ret->agent_version, PORTOLAN_VERSION);
    rec_set(&ret->fingerprint, w->device.fingerprint);
    rec_set(&ret->device_name, w->device.name);
    rec_set(&ret->driver_version, w->device.driver_version);
    rec_set(&ret->sandbox, w->device.sandbox);
}

static void add_candidate(const struct rec_task *task, struct rec_attempt *ret) {
    struct rec_measured *row = rec_list_measured_push(&ret->measured);
    rec_set(&row->candidate, task->kernel_hash);
    rec_set(&row->kernel, task->kernel);
    rec_set(&row->size, task->size);
    rec_set(&row->role, "candidate");
    rec_set(&row->verdict, "correct");
    row->sets = 1;
    row->windows = 8;
    row->time_ns_p10 = row->time_ns_p50 = row->time_ns_p90 = 1000;
    row->has_time_ns_p10 = row->has_time_ns_p50 = row->has_time_ns_p90 = true;
}

/* Until the work is done or cancelled. */
static bool work(const struct worker_hooks *hooks) {
    const char *text = getenv("NOOP_WORK_MS");
    int64_t until_ms = clock_mono_ms() + (text ? atoi(text) : 0);
    while (clock_mono_ms() < until_ms) {
        if (hooks->cancel && *hooks->cancel) return false;
        struct timespec step = {.tv_nsec = WORK_STEP_MS * 1000000L};
        nanosleep(&step, NULL);
    }
    return true;
}

int worker_run(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks, struct rec_attempt *ret,
               struct error *err) {
    int64_t start_ns = clock_mono_ns();
    (void)err;
    begin_attempt(w, task, ret);
    if (!work(hooks)) {
        rec_set(&ret->outcome, "cancelled");
        return 0;
    }
    rec_set(&ret->outcome, "verdict");
    rec_set(&ret->verdict, "correct");
    rec_set(&ret->generality, "general");
    rec_list_string_push(&ret->sizes_checked, task->size);
    add_candidate(task, ret);
    struct rec_verdict_count *count = rec_list_verdict_count_push(&ret->counts);
    rec_set(&count->verdict, "correct");
    count->n = 1;
    ret->finished_ms = clock_wall_ms();
    ret->duration_ms = (double)(clock_mono_ns() - start_ns) / 1e6;
    return 0;
}

int main(int argc, char **argv) {
    static const struct command *const commands[] = {&command_run, NULL};
    const char *asked = getenv("PORTOLAN_LOG_LEVEL");
    int level = asked ? log_level_from_name(asked) : LOG_INFO;
    log_setup(level >= 0 ? (enum log_level)level : LOG_INFO, false);
    signal(SIGPIPE, SIG_IGN);
    return program_main("noop_agent", "the agent daemon over a worker that does nothing", commands, argc, argv);
}
