/* What operators decide of nodes, and telling the nodes. Decisions stay with the name: over restarts of agent and
 * coordinator. */
#pragma once
#include "coordinator/core.h"

enum node_action { NODE_CORDON, NODE_DRAIN, NODE_MAINTAIN, NODE_RESUME, NODE_APPROVE, NODE_REFUSE, NODE_ACTION_COUNT };
/* The verbs of `portolan node` and of the API. */
const char *node_action_name(enum node_action action);
/* ERR_USAGE names those that there are. */
int node_action_parse(const char *name, enum node_action *ret, struct error *err);
/* `force`: of drain and maintenance, running attempts are revoked and queued elsewhere; of resume, quarantines are
 * lifted. What is so already is no error. ERR_NOT_FOUND: no such node; ERR_CONFLICT: not from the state that it is in;
 * ERR_USAGE: a `force` that means nothing; ERR_LIMIT: the reason is too long. */
int node_act(struct core *core, const char *name, enum node_action action, const char *reason, bool force,
             struct error *err);
/* Nodes that drain and hold nothing any more are drained. */
int nodes_finish_drains(struct core *core, struct error *err);
/* Send the node's `desired` record as it is now. */
int node_publish_desired(struct core *core, struct fleet_node *node, struct error *err);
/* Of a node that registers: what was decided of the name, else that it is in service, or waits for approval. */
void node_admin_inherit(const struct core *core, const struct fleet_node *old, struct row_node *row);
