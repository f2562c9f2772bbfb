/* A node's conversation over one broker address: registers its incarnation, waits for its desired record, reads its
 * mailbox, sends heartbeats, until told to stop, fenced by a later incarnation, or the embedded broker has moved.
 *
 *   CONNECTING ──broker answers──▶ REGISTERED ──desired record names this incarnation──▶ READY ──▶ (end)
 *
 * The mailbox is read from its end as it was before `ready` was published: tasks follow only then, so nothing stale is
 * run. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

#include "agent-node/daemon/devices.h"
#include "agent-node/daemon/jobs.h"
#include "agent-node/daemon/reports.h"
#include "fleet/bus/bus.h"

#define SESSION_INCARNATION_DIGITS 32
struct session_config {
    const char *node;
    const char *bootstrap, *prefix;
    const char *const *keys, *const *values; /* librdkafka properties */
    size_t property_count;
    const struct rec_list_string *labels, *only, *refuse; /* as in the node's record; may be NULL */
    const char *sandbox;                                  /* level, for the inventory */
    struct jobs *jobs;
    struct reports *reports;
    struct devices *devices;
    struct duty *duty;
    const atomic_bool *stop;
    const atomic_uint *changes; /* raised when the inventory, or the trouble in it, changes */
    /* Called about once a second; `listening`: tasks could come, if there were any. May be NULL. */
    void (*tick)(void *context, bool listening);
    /* Asked about once a second while no broker answers: true when the address has changed and a new session is to be
     * made. May be NULL. */
    bool (*moved)(void *context, const char *bootstrap);
    void *context;
};
enum session_end {
    SESSION_RUNNING /* inside only */,
    SESSION_STOPPED,
    SESSION_MOVED,
    SESSION_FENCED,
    SESSION_REFUSED,
    SESSION_FAILED
};
/* Runs on the calling thread. SESSION_FENCED, SESSION_REFUSED and SESSION_FAILED set err. */
enum session_end session_run(const struct session_config *config, struct error *err);
