#include "agent-node/runner/session.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

void session_fail(struct session *s, enum wire_status candidate, const struct buf *log, const struct error *err) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    if (log && log->len) {
        buf_append(&text, log->data, log->len);
        if (log->data[log->len - 1] != '\n') buf_putc(&text, '\n');
    }
    buf_puts(&text, err->text);
    bool ours = err->code == ERR_DEVICE || err->code == ERR_NOMEM || err->code == ERR_IO || err->code == ERR_INTERNAL;
    bool limit = err->code == ERR_LIMIT && candidate == WIRE_LAUNCH_FAILED;
    enum wire_status status = ours ? WIRE_DEVICE_FAILED : limit ? WIRE_OVER_LIMIT : candidate;
    channel_result(&s->channel, status, 0, text.data, text.len, NULL, 0);
}

void session_ok(struct session *s, uint32_t value) {
    channel_result(&s->channel, WIRE_OK, value, "", 0, NULL, 0);
}

static void refuse(struct session *s, uint32_t type) {
    struct error err = ERROR_INIT;
    error_set(&err, ERR_INTERNAL, "request %u is not for this kind of runner", type);
    session_fail(s, WIRE_DEVICE_FAILED, NULL, &err);
}

static void dispatch(struct session *s, uint32_t type, const void *payload, size_t len) {
    bool compile = s->kind == SESSION_COMPILE, measure = s->kind == SESSION_MEASURE;
    if (type == WIRE_LIST && s->kind == SESSION_PROBE) return session_list(s, payload, len);
    if (type == WIRE_PREPROCESS && compile) return session_preprocess(s, payload, len);
    if (type == WIRE_COMPILE && compile) return session_compile(s, payload, len);
    if (type == WIRE_LOAD && measure) return session_load(s, payload, len);
    if (type == WIRE_BIND && measure) return session_bind(s, payload, len);
    if (type == WIRE_UNBIND && measure) return session_unbind(s);
    if (type == WIRE_UPLOAD && measure) return session_upload(s, payload, len);
    if (type == WIRE_RUN && measure) return session_measure_run(s, payload, len);
    if (type == WIRE_DOWNLOAD && measure) return session_download(s, payload, len);
    if (type == WIRE_AUDIT && s->kind == SESSION_AUDIT) return session_audit(s, payload, len);
    refuse(s, type);
}

void session_run(struct session *s) {
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    struct wire_header h;
    struct error err = ERROR_INIT;
    int got;
    while ((got = channel_read(&s->channel, &h, &payload, &err)) > 0) dispatch(s, h.type, payload.data, payload.len);
    if (got < 0) fprintf(stderr, "portolan-runner: %s\n", err.text);
}
