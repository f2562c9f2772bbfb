/* What each event means to the state. */
#pragma once
#include "coordinator/loop.h"
/* Fails for errors after which the state cannot be trusted, and when a newer coordinator has taken over (ERR_FENCED).
 */
int event_handle(struct core *core, struct event *event, struct error *err);

/* The link has found its topics; it asks (by loop_call()) where to begin. */
struct link_up {
    char cluster_id[128];
    int64_t epoch_seen; /* highest on the `desired` topic */
    int attempts_partitions, heartbeats_partitions;
    int64_t nodes_high;                     /* records of nodes from here on are news */
    int64_t *heartbeats_offset;             /* their ends, before any tick of ours */
    int64_t *attempts_offset, nodes_offset; /* filled in; BUS_BEGINNING where none is stored */
};
/* A loop_fn over a struct link_up. */
int event_linked(struct core *core, void *link_up, struct error *err);
