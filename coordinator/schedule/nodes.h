/* The registry of nodes: registration, inventory, heartbeats, leases of nodes.
 *
 *   `starting` record --> mailbox made --> `desired` record --> agent assigns its mailbox's end --> `ready` record -->
 * tasks
 *
 * A new incarnation under a name takes over: the attempts of the one before are abandoned. */
#pragma once
#include "coordinator/core.h"
#include "coordinator/schedule/service.h"

/* Take `info` and index the node, replacing what the name had; attempts keep counting on the new devices. */
struct fleet_node *nodes_add(struct core *core, const struct row_node *row, struct rec_node *info);
void nodes_free_one(struct fleet_node *node);
/* A record of the `nodes` topic; takes `info`. `live`: it was written after the link came up, so the node is really
 * there. ERR_INVALID: a wrong name or incarnation, nothing changed. */
int nodes_on_record(struct core *core, struct rec_node *info, bool live, struct error *err);
/* The node's mailbox exists: tell the node. */
int nodes_on_mailbox(struct core *core, const char *name, struct error *err);
/* The link came up: every node has to be heard again, gets its desired state in our epoch, and a full lease. With
 * `new_cluster` it has to register again. */
int nodes_on_link(struct core *core, bool new_cluster, struct error *err);
int nodes_on_heartbeat(struct core *core, const struct rec_heartbeat *beat, struct error *err);
/* Lease time advanced; `gap`: all leases are full again instead. Nodes and attempts lapse here. */
int nodes_on_lease_time(struct core *core, bool gap, struct error *err);

/* Visit all devices, in the order of the nodes' table; stops when `visit` returns false. */
void devices_each(struct core *core, bool (*visit)(void *context, struct device *device), void *context);
/* Names of the targets in service, each once, NULL-terminated; the caller frees the array, the names are the devices'.
 */
const char **targets_in_service(struct core *core, size_t *ret_count);
