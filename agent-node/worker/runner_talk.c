/* Requests and replies: polls the socket and the runner's output together, under a deadline, and ends a runner that is
 * late, silent for good or out of turn. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent-node/worker/runner_internal.h"
#include "agent-node/worker/scratch.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/life.h"

#define CANCEL_LOOK_NS 100000000
#define SCRATCH_LOOK_NS 250000000 /* longer than a timed window: those are not disturbed */
#define DRAIN_ROUNDS 16

int64_t runner_deadline(int64_t timeout_ms) {
    return clock_mono_ns() + timeout_ms * 1000000;
}

static void drain_output(struct runner *r) {
    char bytes[4096];
    for (int i = 0; i < DRAIN_ROUNDS && r->sink.total < SINK_STOP; i++) {
        ssize_t n = read(r->process.output, bytes, sizeof bytes);
        if (n <= 0) return;
        sink_add(&r->sink, bytes, (size_t)n);
    }
}

static void add_output(struct runner *r) {
    if (!r->sink.total) return;
    if (r->log.len) buf_puts(&r->log, "\n");
    buf_puts(&r->log, "printed by the runner:\n");
    sink_text(&r->sink, &r->log);
}

/* The runner is killed; what is known goes into the log, its head line into err. */
static enum runner_status end(struct runner *r, enum runner_status status, enum error_code code, const char *why,
                              struct error *err) {
    runner_kill(r);
    r->ended_as = status;
    drain_output(r);
    buf_clear(&r->log);
    buf_puts(&r->log, why);
    add_output(r);
    error_set(err, code, "runner (%s): %.1500s", r->what, r->log.data);
    return status;
}

enum runner_status runner_broke(struct runner *r, const char *how, struct error *err) {
    return end(r, RUNNER_BROKE, ERR_DEVICE, how, err);
}

static enum runner_status died(struct runner *r, struct error *err) {
    CLEANUP(buf_done) struct buf why = BUF_INIT;
    runner_kill(r);
    runner_describe_end(r, &why);
    return end(r, r->candidate ? RUNNER_CRASHED : RUNNER_FAILED, ERR_DEVICE, why.data, err);
}

enum runner_status runner_ended(struct runner *r, struct error *err) {
    if (r->alive) return died(r, err);
    error_set(err, ERR_DEVICE, "runner (%s): %.1500s", r->what, r->log.len ? r->log.data : "it has ended");
    return r->ended_as == RUNNER_OK ? RUNNER_FAILED : r->ended_as;
}

/* Time until the next look at the scratch folder of a runner that has one; -1 when that is over its limit. */
static int64_t look_at_scratch(const struct runner *r, int64_t *next_ns) {
    int64_t now_ns = clock_mono_ns();
    if (!r->process.folder) return INT64_MAX;
    if (*next_ns > now_ns) return *next_ns - now_ns;
    if (scratch_is_over(r->process.folder)) return -1;
    *next_ns = clock_mono_ns() + SCRATCH_LOOK_NS;
    return SCRATCH_LOOK_NS;
}

/* Waits until the socket is ready for `events`. */
static enum runner_status await(struct runner *r, short events, int64_t deadline_ns, struct error *err) {
    int64_t look_ns = clock_mono_ns() + SCRATCH_LOOK_NS;
    for (;;) {
        life_sign();
        bool listen = r->sink.total < SINK_STOP;
        struct pollfd fds[] = {{r->process.channel, events, 0}, {listen ? r->process.output : -1, POLLIN, 0}};
        int64_t left = deadline_ns - clock_mono_ns();
        if (r->cancel && __atomic_load_n(r->cancel, __ATOMIC_RELAXED))
            return end(r, RUNNER_CANCELLED, ERR_CANCELLED, "cancelled", err);
        if (left <= 0) return end(r, RUNNER_TIMEOUT, ERR_TIMEOUT, "it ran into its time limit and was killed", err);
        if (r->cancel && left > CANCEL_LOOK_NS) left = CANCEL_LOOK_NS;
        int64_t until_look_ns = look_at_scratch(r, &look_ns);
        if (until_look_ns < 0) return runner_broke(r, "it filled its scratch folder beyond the limit", err);
        if (left > until_look_ns) left = until_look_ns;
        struct timespec wait = {left / 1000000000, left % 1000000000};
        int n = ppoll(fds, 2, &wait, NULL);
        if (n < 0 && errno != EINTR) return end(r, RUNNER_FAILED, ERR_INTERNAL, "poll failed", err);
        if (n <= 0) continue;
        if (fds[1].revents & POLLIN)
            drain_output(r);
        else if (fds[1].revents)
            r->sink.total = SINK_STOP; /* its end is closed */
        if (fds[0].revents) return RUNNER_OK;
    }
}

/* Bytes that came while nothing was asked: an answer forged ahead of its question, at best. */
static bool spoke_out_of_turn(struct runner *r) {
    char byte;
    return reply_reader_pending(&r->reader) > 0 || recv(r->process.channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static enum runner_status send_all(struct runner *r, struct iovec *iov, int n, int64_t deadline_ns, struct error *err) {
    for (int at = 0; at < n;) {
        struct msghdr m = {.msg_iov = iov + at, .msg_iovlen = (size_t)(n - at)};
        ssize_t sent = sendmsg(r->process.channel, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            enum runner_status s = await(r, POLLOUT, deadline_ns, err);
            if (s != RUNNER_OK) return s;
            continue;
        }
        if (sent < 0) return died(r, err);
        while (at < n && (size_t)sent >= iov[at].iov_len) sent -= (ssize_t)iov[at++].iov_len;
        if (at == n) break;
        iov[at].iov_base = (char *)iov[at].iov_base + sent;
        iov[at].iov_len -= (size_t)sent;
    }
    return RUNNER_OK;
}

enum runner_status runner_send(struct runner *r, enum wire_type type, const void *payload, size_t len,
                               int64_t deadline_ns, struct error *err) {
    if (!r->alive) return runner_ended(r, err);
    buf_clear(&r->log);
    if (r->claim_due) {
        enum runner_status s = runner_claim(r, NULL, err);
        if (s != RUNNER_OK) return s;
    }
    if (r->stopped && runner_resume(r, err) < 0) return died(r, err);
    if (spoke_out_of_turn(r)) return runner_broke(r, "it spoke without being asked", err);
    struct wire_header h = {WIRE_MAGIC, WIRE_VERSION, (uint16_t)type, ++r->seq, (uint32_t)len};
    struct iovec iov[] = {{&h, sizeof h}, {(void *)(uintptr_t)payload, len}};
    return send_all(r, iov, len ? 2 : 1, deadline_ns, err);
}

/* Reads what is there. Returns RUNNER_OK also when nothing was. */
static enum runner_status read_some(struct runner *r, struct error *err) {
    char bytes[65536];
    ssize_t n = recv(r->process.channel, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) reply_reader_feed(&r->reader, bytes, (size_t)n);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) return RUNNER_OK;
    return died(r, err);
}

static int next_frame(struct runner *r, uint32_t max_data, struct reply *ret, struct error *err) {
    struct reply_wish wish = {r->seq, max_data};
    int got;
    while ((got = reply_reader_next(&r->reader, &wish, ret, err)) > 0 && ret->type == WIRE_PHASE)
        if (ret->phase == WIRE_PHASE_LAUNCH) r->reached_launch = r->tainted = true;
    return got;
}

enum runner_status runner_receive(struct runner *r, uint32_t max_data, int64_t deadline_ns, struct reply *ret,
                                  struct error *err) {
    for (;;) {
        struct error broken = ERROR_INIT;
        int got = next_frame(r, max_data, ret, &broken);
        if (got > 0) return RUNNER_OK;
        if (got < 0) return runner_broke(r, broken.text, err);
        enum runner_status s = await(r, POLLIN, deadline_ns, err);
        if (s == RUNNER_OK) s = read_some(r, err);
        if (s != RUNNER_OK) return s;
    }
}

static void take_log(struct runner *r, const struct reply *reply) {
    buf_clear(&r->log);
    text_make_printable(&r->log, reply->log, reply->log_len);
    while (r->log.len && r->log.data[r->log.len - 1] == '\n') r->log.data[--r->log.len] = 0;
}

enum runner_status runner_take_result(struct runner *r, const struct reply *reply, struct error *err) {
    take_log(r, reply);
    if (reply->status == WIRE_OK) return RUNNER_OK;
    drain_output(r);
    const char *text = r->log.data ? r->log.data : "it gave no reason";
    if (reply->status == WIRE_BUILD_FAILED) {
        error_set(err, ERR_INVALID, "%.1500s", text);
        add_output(r);
        return RUNNER_BUILD_FAILED;
    }
    if (reply->status == WIRE_OVER_LIMIT) {
        error_set(err, ERR_LIMIT, "%.1500s", text);
        return RUNNER_OVER_LIMIT;
    }
    bool infrastructure = reply->status == WIRE_DEVICE_FAILED && !r->tainted;
    error_set(err, infrastructure ? ERR_DEVICE : ERR_INVALID, "runner (%s): %.1500s", r->what, text);
    return infrastructure ? RUNNER_FAILED : RUNNER_LAUNCH_FAILED;
}

enum runner_status runner_ask(struct runner *r, enum wire_type type, const void *payload, size_t len, uint32_t max_data,
                              int64_t timeout_ms, struct reply *ret, struct error *err) {
    int64_t deadline = runner_deadline(timeout_ms);
    enum runner_status s = runner_send(r, type, payload, len, deadline, err);
    if (s == RUNNER_OK) s = runner_receive(r, max_data, deadline, ret, err);
    if (s != RUNNER_OK) return s;
    if (ret->type != WIRE_RESULT) return runner_broke(r, "it gave an answer of another kind", err);
    return runner_take_result(r, ret, err);
}

/* The first frame comes with the sender's pid, as the kernel knows it and as this process sees it. */
static enum runner_status read_first(struct runner *r, pid_t *pid, struct error *err) {
    char bytes[4096];
    union {
        char space[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {bytes, sizeof bytes};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(r->process.channel, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return RUNNER_OK;
    if (n <= 0) return died(r, err);
    reply_reader_feed(&r->reader, bytes, (size_t)n);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        struct ucred from;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) continue;
        memcpy(&from, CMSG_DATA(c), sizeof from);
        *pid = from.pid;
    }
    return RUNNER_OK;
}

int runner_meet(struct runner *r, int64_t deadline_ns, struct reply *ret, struct error *err) {
    struct error broken = ERROR_INIT;
    int got = 0;
    while (got == 0) {
        if (await(r, POLLIN, deadline_ns, err) != RUNNER_OK || read_first(r, &r->pid, err) != RUNNER_OK) return -1;
        got = next_frame(r, 0, ret, &broken);
    }
    if (got < 0) return runner_broke(r, broken.text, err), -1;
    if (ret->type != WIRE_HELLO || r->pid <= 0) return runner_broke(r, "it did not say hello", err), -1;
    return 0;
}
