/* WIRE_AUDIT: build the text and run its launches once under a simulator, whose log is the answer. Buffers have exactly
 * their own size and nothing beside them, and what no input fills stays as the simulator allocated it: unwritten. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/runner/session.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define LOG_MAX ((size_t)16 << 20)

struct audit {
    struct session *s;
    struct run_plan plan;
    struct backend_program *program;
    struct backend_buffer **buffer;
    uint32_t n_buffers;
};

static void audit_done(struct audit *a) {
    for (uint32_t i = 0; i < a->n_buffers; i++) a->s->backend->buffer_free(a->buffer[i]);
    free(a->buffer);
    if (a->program) a->s->backend->program_free(a->program);
    run_plan_done(&a->plan);
}

static int decode(const void *payload, size_t len, struct audit *a, const struct wire_audit_slot **ret_slots,
                  struct error *err) {
    struct wire_audit w;
    if (len < sizeof w) return error_set(err, ERR_INTERNAL, "malformed request: audit");
    memcpy(&w, payload, sizeof w);
    size_t head = sizeof w + (size_t)w.slots * sizeof(struct wire_audit_slot);
    if (w.slots > WIRE_MAX_BUFFERS || len < head) return error_set(err, ERR_INTERNAL, "malformed request: slots");
    *ret_slots = (const void *)((const char *)payload + sizeof w);
    if (run_plan_decode((const char *)payload + head, len - head, &a->plan, err) < 0) return -1;
    if (a->plan.n_buffers != w.slots) return error_set(err, ERR_INTERNAL, "malformed request: buffers");
    return 0;
}

static int fill_buffers(struct audit *a, const struct wire_audit_slot *slot, struct error *err) {
    struct session *s = a->s;
    a->buffer = xcalloc(a->plan.n_buffers ? a->plan.n_buffers : 1, sizeof *a->buffer);
    for (uint32_t i = 0; i < a->plan.n_buffers; i++, a->n_buffers++) {
        bool fits =
            slot[i].bytes > 0 && slot[i].bytes <= s->arena_bytes && slot[i].offset <= s->arena_bytes - slot[i].bytes;
        if (!fits) return error_set(err, ERR_INTERNAL, "slot %u lies outside the arena", i);
        if (s->backend->buffer(s->device, s->arena + slot[i].offset, slot[i].bytes, 0, &a->buffer[i], err) < 0)
            return -1;
        if (slot[i].filled && s->backend->upload(a->buffer[i], err) < 0) return a->n_buffers++, -1;
    }
    return s->backend->finish(s->device, err);
}

static int launch_all(struct audit *a, struct error *err) {
    for (uint32_t i = 0; i < a->plan.n_launches; i++) {
        struct backend_call *call = NULL;
        if (a->s->backend->prepare(a->program, &a->plan.launch[i].launch, &call, err) < 0) return -1;
        int rc = a->s->backend->enqueue(call, a->buffer, err);
        if (rc == 0) rc = a->s->backend->finish(a->s->device, err);
        a->s->backend->call_free(call);
        if (rc < 0) return error_wrap(err, "launch %u", i + 1);
    }
    return 0;
}

/* What the simulator wrote; the environment that it was started with says where (worker/sandbox_args.c). */
static void answer(struct session *s) {
    const char *path = getenv("OCLGRIND_LOG");
    size_t len = 0;
    CLEANUP_FREE char *log = path ? file_read(path, LOG_MAX, &len, NULL) : NULL;
    channel_result(&s->channel, WIRE_OK, 0, log ? log : "", len, NULL, 0);
}

void session_audit(struct session *s, const void *payload, size_t len) {
    CLEANUP(audit_done) struct audit a = {.s = s};
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    struct error err = ERROR_INIT;
    const struct wire_audit_slot *slots = NULL;
    if (decode(payload, len, &a, &slots, &err) < 0) return session_fail(s, WIRE_DEVICE_FAILED, NULL, &err);
    if (s->backend->build(s->device, a.plan.rest, a.plan.options, &a.program, &log, &err) < 0)
        return session_fail(s, WIRE_BUILD_FAILED, &log, &err);
    if (fill_buffers(&a, slots, &err) < 0 || launch_all(&a, &err) < 0)
        return session_fail(s, WIRE_LAUNCH_FAILED, NULL, &err);
    answer(s);
}
