/* Private to runner_*.c: what the worker holds of one runner. */
#pragma once
#include <time.h>

#include "agent-node/worker/runner_client.h"
#include "agent-node/worker/runner_spawn.h"
#include "agent-node/worker/runner_wire.h"

#define SINK_HALF ((size_t)32 << 10)
#define SINK_STOP ((size_t)1 << 20) /* a runner that printed more is not listened to any more */
/* What a runner printed: its head, and its tail in a ring. */
struct sink {
    char head[SINK_HALF], tail[SINK_HALF];
    size_t total;
};
void sink_add(struct sink *s, const char *bytes, size_t len);
void sink_text(const struct sink *s, struct buf *out); /* printable, the cut marked */

struct runner {
    enum runner_kind kind;
    struct spawned process;
    pid_t pid; /* the runner's own, 0 before its hello */
    int pidfd; /* of pid, -1 before */
    int outer_status;
    bool alive, stopped, reached_launch;
    bool claim_due;              /* it has said "done", and not yet how long it took */
    enum runner_status ended_as; /* once it is no longer alive: what later calls say too */
    bool candidate;              /* it has seen something of a candidate's: its death is the candidate's doing */
    bool tainted;   /* a candidate's code has run in it: nothing it says counts as infrastructure any more */
    uint32_t flags; /* enum wire_flag */
    uint32_t landlock;
    uint32_t seq;
    struct reply_reader reader;
    struct sink sink;
    struct buf log;
    uint8_t *arena;
    size_t arena_bytes;
    int arena_fd;
    clockid_t cpu_clock;
    int64_t cpu_last_ns;
    const volatile bool *cancel;
    char level[64];
    char backend[32], icd[128];
    char what[96]; /* "pocl.icd, compile": for messages */
};

/* Kill and reap; the struct stays. Nothing when it is dead already. */
void runner_kill(struct runner *r);
/* How it ended: "was killed by signal 11 (Segmentation fault)". */
void runner_describe_end(const struct runner *r, struct buf *out);

/* One request and its reply. `deadline_ns` on the monotonic clock. On RUNNER_OK *ret is valid until the next call;
 * WIRE_PHASE frames are taken note of and not returned. Any other status sets err and the log. */
enum runner_status runner_send(struct runner *r, enum wire_type type, const void *payload, size_t len,
                               int64_t deadline_ns, struct error *err);
enum runner_status runner_receive(struct runner *r, uint32_t max_data, int64_t deadline_ns, struct reply *ret,
                                  struct error *err);
/* Send, and take a WIRE_RESULT; its status decides. */
enum runner_status runner_ask(struct runner *r, enum wire_type type, const void *payload, size_t len, uint32_t max_data,
                              int64_t timeout_ms, struct reply *ret, struct error *err);
/* A WIRE_RESULT's status, with its log taken over. */
enum runner_status runner_take_result(struct runner *r, const struct reply *reply, struct error *err);
int64_t runner_deadline(int64_t timeout_ms);
/* The protocol was broken: kill it. Returns RUNNER_BROKE. */
enum runner_status runner_broke(struct runner *r, const char *how, struct error *err);
/* For a call that comes too late, or finds out: the status that ended it, with its log as it was, so that what a
 * candidate did to it is never taken for infrastructure. */
enum runner_status runner_ended(struct runner *r, struct error *err);
/* Credentials of the first frame's sender; sets pid and pidfd. */
int runner_meet(struct runner *r, int64_t deadline_ns, struct reply *ret, struct error *err);
/* Map, seal; arena_fd is closed by runner_free. */
int runner_make_arena(struct runner *r, size_t bytes, struct error *err);
