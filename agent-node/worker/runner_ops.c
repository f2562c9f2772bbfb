/* The requests of compile and measure runners. Values that a runner names (programs, sets) are used as words only: they
 * go back to it and index nothing here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/plan_encode.h"
#include "agent-node/worker/runner_internal.h"
#include "common/cleanup.h"
#include "common/clock.h"

static enum runner_status ask_with_plan(struct runner *r, enum wire_type type, const struct plan *plan,
                                        const void *rest, size_t rest_len, uint32_t max_data, int64_t timeout_ms,
                                        struct reply *ret, struct error *err) {
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    if (plan_encode(plan, rest, rest_len, &payload, err) < 0) return RUNNER_FAILED;
    if (payload.len > WIRE_MAX_REQUEST) {
        error_set(err, ERR_LIMIT, "plan and source of %zu bytes are over the limit of %u", payload.len,
                  WIRE_MAX_REQUEST);
        return RUNNER_FAILED;
    }
    return runner_ask(r, type, payload.data, payload.len, max_data, timeout_ms, ret, err);
}

enum runner_status runner_preprocess(struct runner *r, const struct plan *plan, int64_t timeout_ms, char **ret_text,
                                     struct error *err) {
    struct reply reply;
    r->candidate = true;
    enum runner_status s = ask_with_plan(r, WIRE_PREPROCESS, plan, plan->source, strlen(plan->source), WIRE_MAX_TEXT,
                                         timeout_ms, &reply, err);
    if (s != RUNNER_OK) return s;
    if (memchr(reply.data, 0, reply.data_len)) {
        error_set(err, ERR_INVALID, "the preprocessed source contains a NUL byte");
        buf_clear(&r->log);
        buf_puts(&r->log, "the preprocessed source contains a NUL byte");
        return RUNNER_BUILD_FAILED;
    }
    *ret_text = xstrndup((const char *)reply.data, reply.data_len);
    return RUNNER_OK;
}

enum runner_status runner_compile(struct runner *r, const struct plan *plan, const char *text, int64_t timeout_ms,
                                  struct runner_binary *ret, struct error *err) {
    struct reply reply;
    r->candidate = true;
    r->reached_launch = false;
    enum runner_status s =
        ask_with_plan(r, WIRE_COMPILE, plan, text, strlen(text), WIRE_MAX_BINARY, timeout_ms, &reply, err);
    if (s != RUNNER_OK) return s;
    if (!reply.data_len) return runner_broke(r, "it sent an empty binary", err);
    ret->data = xmalloc(reply.data_len);
    ret->len = reply.data_len;
    memcpy(ret->data, reply.data, reply.data_len);
    return RUNNER_OK;
}

enum runner_status runner_load(struct runner *r, const struct plan *plan, const struct runner_binary *binary,
                               int64_t timeout_ms, int *ret_program, struct error *err) {
    struct reply reply;
    r->candidate = true;
    enum runner_status s = ask_with_plan(r, WIRE_LOAD, plan, binary->data, binary->len, 0, timeout_ms, &reply, err);
    if (s != RUNNER_OK) return s;
    if (reply.value >= WIRE_MAX_PROGRAMS) return runner_broke(r, "it named a program that cannot be", err);
    *ret_program = (int)reply.value;
    return RUNNER_OK;
}

enum runner_status runner_bind(struct runner *r, int program, const struct slot *slot, size_t n_slots, size_t guard,
                               int *ret_set, struct error *err) {
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    struct reply reply;
    struct wire_bind b = {(uint32_t)program, (uint32_t)n_slots, guard};
    buf_append(&payload, &b, sizeof b);
    for (size_t i = 0; i < n_slots; i++)
        buf_append(&payload, &(struct wire_slot){slot[i].offset, slot[i].bytes}, sizeof(struct wire_slot));
    enum runner_status s = runner_ask(r, WIRE_BIND, payload.data, payload.len, 0, RUNNER_QUICK_MS, &reply, err);
    if (s != RUNNER_OK) return s;
    if (reply.value >= WIRE_MAX_SETS) return runner_broke(r, "it named a set that cannot be", err);
    *ret_set = (int)reply.value;
    return RUNNER_OK;
}

void runner_unbind_all(struct runner *r) {
    struct reply reply;
    if (r->alive) runner_ask(r, WIRE_UNBIND, NULL, 0, 0, RUNNER_QUICK_MS, &reply, NULL);
}

static void encode_words(const int *word, size_t n, struct buf *out) {
    for (size_t i = 0; i < n; i++) buf_append(out, &(uint32_t){(uint32_t)word[i]}, sizeof(uint32_t));
}

static void encode_sets(const int *sets, size_t n, struct buf *out) {
    buf_append(out, &(uint32_t){(uint32_t)n}, sizeof(uint32_t));
    encode_words(sets, n, out);
}

enum runner_status runner_upload(struct runner *r, const int *sets, size_t n, int64_t timeout_ms, struct error *err) {
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    struct reply reply;
    if (!r->alive) return runner_ended(r, err);
    if (runner_in_place(r)) return RUNNER_OK;
    encode_sets(sets, n, &payload);
    return runner_ask(r, WIRE_UPLOAD, payload.data, payload.len, 0, timeout_ms, &reply, err);
}

/* The claim follows "done" by itself; a runner that keeps it back breaks the protocol. */
enum runner_status runner_claim(struct runner *r, struct run_claim *ret, struct error *err) {
    struct reply reply;
    if (!r->alive) return runner_ended(r, err);
    if (!r->claim_due) {
        error_set(err, ERR_INTERNAL, "runner (%s): nothing was run that it could speak of", r->what);
        return RUNNER_FAILED;
    }
    r->claim_due = false;
    if (runner_resume(r, err) < 0) return runner_ended(r, err);
    enum runner_status s = runner_receive(r, 0, runner_deadline(RUNNER_CLAIM_MS), &reply, err);
    if (s != RUNNER_OK) return s;
    if (reply.type != WIRE_CLAIM) return runner_broke(r, "it gave an answer of another kind", err);
    if (ret) *ret = (struct run_claim){reply.claim.span_ns, reply.claim.sum_ns};
    return RUNNER_OK;
}

/* A run that went well is answered by "done"; a result says how it failed. One that says it did not is made up. */
static enum runner_status take_wrong_result(struct runner *r, const struct reply *reply, struct error *err) {
    char how[160];
    enum runner_status s = runner_take_result(r, reply, err);
    if (s != RUNNER_OK) return s;
    snprintf(how, sizeof how, "it answered a run with a result: %.100s", r->log.len ? r->log.data : "without words");
    return runner_broke(r, how, err);
}

/* The clock runs before the runner does: it may be quicker to see what is in the arena than we are to ask. */
enum runner_status runner_run(struct runner *r, const int *sets, size_t n, int64_t timeout_ms, int64_t *ret_wall_ns,
                              struct error *err) {
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    struct reply reply;
    if (r->claim_due) {
        enum runner_status s = runner_claim(r, NULL, err);
        if (s != RUNNER_OK) return s;
    }
    encode_sets(sets, n, &payload);
    r->candidate = r->tainted = true;
    int64_t begin = clock_mono_ns(), deadline = begin + timeout_ms * 1000000;
    enum runner_status s = runner_send(r, WIRE_RUN, payload.data, payload.len, deadline, err);
    if (s == RUNNER_OK) s = runner_receive(r, 0, deadline, &reply, err);
    int64_t end = clock_mono_ns();
    if (s != RUNNER_OK) return s;
    if (reply.type == WIRE_RESULT) return take_wrong_result(r, &reply, err);
    if (reply.type != WIRE_DONE) return runner_broke(r, "it gave an answer of another kind", err);
    if (runner_pause(r, err) < 0) return runner_broke(r, "it said that it was done and did not stop", err);
    r->claim_due = true;
    if (ret_wall_ns) *ret_wall_ns = end - begin;
    return RUNNER_OK;
}

enum runner_status runner_download(struct runner *r, int set, const int *buffers, size_t n, int64_t timeout_ms,
                                   struct error *err) {
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    struct reply reply;
    if (!r->alive) return runner_ended(r, err);
    if (runner_in_place(r)) return RUNNER_OK;
    buf_append(&payload, &(struct wire_download){(uint32_t)set, (uint32_t)n}, sizeof(struct wire_download));
    encode_words(buffers, n, &payload);
    return runner_ask(r, WIRE_DOWNLOAD, payload.data, payload.len, 0, timeout_ms, &reply, err);
}

enum runner_status runner_audit(struct runner *r, const struct plan *plan, const char *text,
                                const struct audit_slot *slot, int64_t timeout_ms, struct error *err) {
    CLEANUP(buf_done) struct buf payload = BUF_INIT;
    struct reply reply;
    buf_append(&payload, &(struct wire_audit){.slots = (uint32_t)plan->n_buffers}, sizeof(struct wire_audit));
    for (int i = 0; i < plan->n_buffers; i++)
        buf_append(&payload, &(struct wire_audit_slot){slot[i].offset, slot[i].bytes, slot[i].filled},
                   sizeof(struct wire_audit_slot));
    if (plan_encode(plan, text, strlen(text), &payload, err) < 0) return RUNNER_FAILED;
    r->candidate = r->tainted = true;
    return runner_ask(r, WIRE_AUDIT, payload.data, payload.len, 0, timeout_ms, &reply, err);
}
