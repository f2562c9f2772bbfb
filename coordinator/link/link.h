/* The coordinator's side of the bus: one thread that connects, reads and decodes; one that makes mailboxes (topics are
 * created by calls that block); and the idempotent producer for mailboxes, `desired` records and ticks. Everything goes
 * to the loop as events. */
#pragma once
#include "coordinator/loop.h"
#include "coordinator/publish/wire.h"
#include "fleet/bus/bus.h"

struct link_config {
    struct bus_config bus; /* on_state and context are set by the link */
    struct codec *codec;   /* of the core; thread-safe */
    struct wire *wire;     /* publish/wire.h; must outlive the link */
    int replication;       /* of topics to create; -1: the cluster's default */
};
struct link;
/* Checks the properties; the rest waits for link_start(). ERR_INVALID. */
struct link *link_new(const struct link_config *config, struct error *err);
/* Begin: tries to reach a broker until it succeeds or link_stop(). */
int link_start(struct link *link, struct loop *loop, struct error *err);
/* Joins the threads: the loop must be stopping already, so that none of them waits for it. */
void link_stop(struct link *link);
void link_free(struct link *link); /* accepts NULL */
struct bus *link_bus(struct link *link);

/* On the loop's thread; what fails comes back as an event. */
void link_perform(struct link *link, const struct effect *effect);
void link_tick(struct link *link, int partitions, int64_t round, int64_t epoch);
