/* What a runner holds between requests, and one function per kind of request. Each answers its request itself. */
#pragma once
#include <stdbool.h>

#include "agent-node/backend/backend.h"
#include "agent-node/runner/channel.h"
#include "agent-node/runner/plan_decode.h"

enum session_kind { SESSION_PROBE, SESSION_COMPILE, SESSION_MEASURE, SESSION_AUDIT };
struct loaded_program {
    struct backend_program *program;
    struct backend_call **call; /* one per launch */
    uint32_t n_calls, n_buffers;
};
struct bound_set {
    uint32_t program;
    struct backend_buffer **buffer;
};
struct session {
    enum session_kind kind;
    struct channel channel;
    const struct device_backend *backend;
    struct backend_device *device; /* NULL in a probe */
    char *arena;                   /* NULL for none */
    size_t arena_bytes;
    struct loaded_program *program;
    uint32_t n_programs;
    struct bound_set *set;
    uint32_t n_sets;
};
/* Serves until the worker goes. */
void session_run(struct session *s);

/* Answer with what err says: WIRE_DEVICE_FAILED for infrastructure, else `candidate`. `log` (may be NULL) stands before
 * it. */
void session_fail(struct session *s, enum wire_status candidate, const struct buf *log, const struct error *err);
void session_ok(struct session *s, uint32_t value);

void session_list(struct session *s, const void *payload, size_t len);
void session_preprocess(struct session *s, const void *payload, size_t len);
void session_compile(struct session *s, const void *payload, size_t len);
void session_load(struct session *s, const void *payload, size_t len);
void session_bind(struct session *s, const void *payload, size_t len);
void session_unbind(struct session *s);
void session_upload(struct session *s, const void *payload, size_t len);
void session_measure_run(struct session *s, const void *payload, size_t len);
void session_download(struct session *s, const void *payload, size_t len);
void session_audit(struct session *s, const void *payload, size_t len);
