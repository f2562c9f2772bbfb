/* WIRE_COMPILE: build the text, and where a binary wants it, launch each geometry once on zeros; then hand the binary
 * over. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent-node/runner/session.h"
#include "common/cleanup.h"

static void tell_phase(struct session *s, enum wire_phase phase) {
    uint32_t p = phase;
    channel_send(&s->channel, WIRE_PHASE, &(struct part){&p, sizeof p}, 1);
}

/* Memory on both sides of a dummy: a kernel that writes a little outside its buffers is to be caught by the guard bands
 * of a measuring runner, which say where, and not to die here. */
#define SLACK ((size_t)64 << 10)

/* Buffers of the planned sizes. Host memory that nobody has touched reads as zeros and costs nothing until it is. */
struct dummies {
    const struct device_backend *backend;
    uint32_t n;
    struct backend_buffer **buffer;
    void **memory;
    const struct wire_buffer *size;
};

static void dummies_done(struct dummies *d) {
    for (uint32_t i = 0; i < d->n; i++) {
        d->backend->buffer_free(d->buffer[i]);
        if (d->memory[i]) munmap(d->memory[i], d->size[i].bytes + 2 * SLACK);
    }
    free(d->buffer);
    free(d->memory);
}

static int dummies_make(struct session *s, const struct run_plan *plan, struct dummies *d, struct error *err) {
    *d = (struct dummies){s->backend, plan->n_buffers, xcalloc(plan->n_buffers, sizeof *d->buffer),
                          xcalloc(plan->n_buffers, sizeof *d->memory), plan->buffer};
    for (uint32_t i = 0; i < plan->n_buffers; i++) {
        size_t bytes = plan->buffer[i].bytes;
        if (s->backend->in_place(s->device)) {
            void *p = mmap(NULL, bytes + 2 * SLACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                           -1, 0);
            if (p == MAP_FAILED) return error_set(err, ERR_DEVICE, "no memory for a buffer of %zu bytes", bytes);
            d->memory[i] = p;
        }
        void *data = d->memory[i] ? (char *)d->memory[i] + SLACK : NULL;
        if (s->backend->buffer(s->device, data, bytes, 0, &d->buffer[i], err) < 0) return -1;
    }
    return 0;
}

static bool same_geometry(const struct backend_launch *a, const struct backend_launch *b) {
    return !strcmp(a->entry, b->entry) && a->dims == b->dims && a->has_local == b->has_local &&
           !memcmp(a->global, b->global, sizeof a->global) && !memcmp(a->local, b->local, sizeof a->local);
}

static bool seen_before(const struct run_plan *plan, uint32_t at) {
    for (uint32_t i = 0; i < at; i++)
        if (same_geometry(&plan->launch[i].launch, &plan->launch[at].launch)) return true;
    return false;
}

static int launch_once(struct session *s, struct backend_program *p, const struct backend_launch *l,
                       struct backend_buffer *const *buffers, struct error *err) {
    struct backend_call *call = NULL;
    if (s->backend->prepare(p, l, &call, err) < 0) return -1;
    int rc = buffers ? s->backend->enqueue(call, buffers, err) : 0;
    if (rc == 0 && buffers) rc = s->backend->finish(s->device, err);
    s->backend->call_free(call);
    return rc;
}

/* Every launch's arguments are checked; those that the binary wants are run. */
static int launch_all(struct session *s, struct backend_program *p, const struct run_plan *plan, struct error *err) {
    CLEANUP(dummies_done) struct dummies d = {.backend = s->backend};
    bool run = s->backend->binary_wants_launch(s->device);
    if (run && dummies_make(s, plan, &d, err) < 0) return -1;
    tell_phase(s, WIRE_PHASE_LAUNCH);
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        bool again = seen_before(plan, i);
        if (launch_once(s, p, &plan->launch[i].launch, run && !again ? d.buffer : NULL, err) < 0)
            return error_wrap(err, "launch %u", i + 1);
    }
    return 0;
}

static void compile(struct session *s, const struct run_plan *plan) {
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    CLEANUP(buf_done) struct buf binary = BUF_INIT;
    struct error err = ERROR_INIT;
    struct backend_program *program = NULL;
    tell_phase(s, WIRE_PHASE_BUILD);
    if (s->backend->build(s->device, plan->rest, plan->options, &program, &log, &err) < 0)
        return session_fail(s, WIRE_BUILD_FAILED, &log, &err);
    if (launch_all(s, program, plan, &err) < 0)
        session_fail(s, WIRE_LAUNCH_FAILED, NULL, &err);
    else if (s->backend->binary(program, &binary, &err) < 0)
        session_fail(s, WIRE_BUILD_FAILED, &log, &err);
    else
        channel_result(&s->channel, WIRE_OK, 0, log.data, log.len, binary.data, binary.len);
    s->backend->program_free(program);
}

void session_compile(struct session *s, const void *payload, size_t len) {
    struct error err = ERROR_INIT;
    CLEANUP(run_plan_done) struct run_plan plan;
    if (run_plan_decode(payload, len, &plan, &err) < 0) return session_fail(s, WIRE_BUILD_FAILED, NULL, &err);
    compile(s, &plan);
}
