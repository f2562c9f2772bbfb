#include "coordinator/schedule/node_admin.h"

#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/utf8.h"
#include "coordinator/plan/plan.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/quarantine.h"
#include "coordinator/schedule/service.h"
#include "fleet/bus/topics.h"

static const char *const names[NODE_ACTION_COUNT] = {"cordon", "drain", "maintenance", "resume", "approve", "refuse"};

const char *node_action_name(enum node_action action) {
    return names[action];
}

int node_action_parse(const char *name, enum node_action *ret, struct error *err) {
    for (int i = 0; i < NODE_ACTION_COUNT; i++) {
        *ret = (enum node_action)i;
        if (strcmp(names[i], name) == 0) return 0;
    }
    error_set(err, ERR_USAGE, "`%.40s` is nothing that can be done with a node", name);
    return error_hint(err, "one of: cordon, drain, maintenance, resume, approve, refuse");
}

/* --- telling the node ------------------------------------------------------------------------- */
/* Presence is the node's own affair: it is told what the others of the three decide. */
static const char *desired_state(const struct core *core, const struct fleet_node *node, char *reason, size_t size) {
    snprintf(reason, size, "%s", node->row.admin_reason);
    if (node->row.admin == NODE_PENDING) node_service_reason(core, node, reason, size);
    if (node->row.admin != NODE_IN_SERVICE) return node_admin_name(node->row.admin);
    if (node_outdated(node, reason, size)) return service_name(SERVICE_REFUSED);
    snprintf(reason, size, "%s", node->health->row.reason);
    return service_name(node->health->row.quarantined ? SERVICE_QUARANTINED : SERVICE_IN_SERVICE);
}

int node_publish_desired(struct core *core, struct fleet_node *node, struct error *err) {
    struct rec_desired desired;
    char reason[512];
    rec_desired_init(&desired);
    desired.epoch = store_epoch(core->store);
    desired.sequence = ++core->desired_count;
    rec_set(&desired.node, node->row.name);
    rec_set(&desired.incarnation, node->row.incarnation);
    rec_set(&desired.state, desired_state(core, node, reason, sizeof reason));
    rec_set(&desired.reason, reason);
    rec_set(&desired.mailbox_topic, node->row.mailbox);
    desired.mailbox_partition = node->row.mailbox_partition;
    desired.lease_ms = core->config.lease_ms;
    int status = core_send(core, TOPIC_DESIRED, 0, node->row.name, &rec_desired_desc, &desired, NULL, err);
    rec_desired_done(&desired);
    core_fleet_changed(core);
    return status;
}

void node_admin_inherit(const struct core *core, const struct fleet_node *old, struct row_node *row) {
    bool pending = core->config.approve_nodes;
    row->admin = pending ? NODE_PENDING : NODE_IN_SERVICE;
    /* Where approval is no longer asked for, nobody waits for it. */
    if (!old || (old->row.admin == NODE_PENDING && !pending)) return;
    row->admin = old->row.admin;
    snprintf(row->admin_reason, sizeof row->admin_reason, "%s", old->row.admin_reason);
}

/* --- deciding --------------------------------------------------------------------------------- */
#define FROM(state) (1u << (state))
#define FROM_SERVICE (FROM(NODE_IN_SERVICE) | FROM(NODE_CORDONED))
#define FROM_DRAIN (FROM(NODE_DRAINING) | FROM(NODE_DRAINED))
static const struct transition {
    unsigned from;
    enum node_admin to;
    bool may_force;
} transitions[NODE_ACTION_COUNT] = {
    [NODE_CORDON] = {FROM_SERVICE, NODE_CORDONED, false},
    [NODE_DRAIN] = {FROM_SERVICE | FROM_DRAIN, NODE_DRAINING, true},
    [NODE_MAINTAIN] = {FROM_SERVICE | FROM_DRAIN | FROM(NODE_MAINTENANCE), NODE_MAINTENANCE, true},
    [NODE_RESUME] = {FROM_SERVICE | FROM_DRAIN | FROM(NODE_MAINTENANCE), NODE_IN_SERVICE, true},
    [NODE_APPROVE] = {FROM(NODE_PENDING) | FROM(NODE_REFUSED), NODE_IN_SERVICE, false},
    [NODE_REFUSE] = {~0u, NODE_REFUSED, false},
};

static int wrong_transition(const struct fleet_node *node, enum node_action action, struct error *err) {
    const char *name = node->row.name;
    error_set(
        err, ERR_CONFLICT, "node %s cannot be %s: it is %s%s", name,
        (const char *const[]){"cordoned", "drained", "put into maintenance", "resumed", "approved", "refused"}[action],
        node->row.admin == NODE_MAINTENANCE ? "in " : "", node_admin_name(node->row.admin));
    if (node->row.admin == NODE_PENDING || node->row.admin == NODE_REFUSED)
        return error_hint(err, "`portolan node approve %s` takes it into service first", name);
    if (action == NODE_APPROVE) return error_hint(err, "approval is for nodes that are pending or refused");
    return error_hint(err, "`portolan node resume %s` takes it back into service first", name);
}

static bool any_quarantined(const struct fleet_node *node) {
    for (const struct health *health = node->health; health; health = health->next)
        if (health->row.quarantined) return true;
    return false;
}

static int check(const struct fleet_node *node, enum node_action action, const char *reason, bool force,
                 struct error *err) {
    const struct transition *t = &transitions[action];
    if (force && !t->may_force)
        return error_set(err, ERR_USAGE, "force means nothing to %s: it is for drain, maintenance and resume",
                         names[action]);
    if (strlen(reason) >= sizeof node->row.admin_reason)
        return error_set(err, ERR_LIMIT, "the reason has %zu bytes, more than %zu", strlen(reason),
                         sizeof node->row.admin_reason - 1);
    if (!(t->from & FROM(node->row.admin))) return wrong_transition(node, action, err);
    if (action == NODE_RESUME && node->row.admin == NODE_IN_SERVICE && !force && any_quarantined(node)) {
        error_set(err, ERR_CONFLICT, "node %s is in service; it or a device of its is quarantined", node->row.name);
        return error_hint(err, "a passed health check lifts that; `portolan node resume %s --force` does it now",
                          node->row.name);
    }
    return 0;
}

static int set_admin(struct core *core, struct fleet_node *node, enum node_admin admin, const char *reason,
                     struct error *err) {
    node->row.admin = admin;
    if (reason) {
        snprintf(node->row.admin_reason, sizeof node->row.admin_reason, "%s", reason);
        utf8_clean(node->row.admin_reason);
    }
    core->change++;
    core_fleet_changed(core);
    log_info("node %s is %s%s%s", node->row.name, node_admin_name(admin), *node->row.admin_reason ? ": " : "",
             node->row.admin_reason);
    if (store_node_update(core->store, &node->row, err) != 0) return -1;
    return node_publish_desired(core, node, err);
}

static int release(struct core *core, struct fleet_node *node, enum node_action action, struct error *err) {
    int lifted = 0;
    char text[320];
    if (action == NODE_RESUME) return health_release(core, node, &lifted, err);
    snprintf(text, sizeof text, "its node was %s by force", action == NODE_DRAIN ? "drained" : "put into maintenance");
    return attempts_revoke(core, node->row.name, NULL, text, err);
}

int node_act(struct core *core, const char *name, enum node_action action, const char *reason, bool force,
             struct error *err) {
    struct fleet_node *node = core_node(core, name);
    if (!node) {
        error_set(err, ERR_NOT_FOUND, "there is no node `%.63s`", name);
        return error_hint(err, "`portolan nodes` lists those that have registered");
    }
    if (!reason) reason = "";
    if (check(node, action, reason, force, err) != 0) return -1;
    enum node_admin to = transitions[action].to;
    /* A drain that is over stays over. */
    if (action == NODE_DRAIN && node->row.admin == NODE_DRAINED) to = NODE_DRAINED;
    bool same = node->row.admin == to && (!*reason || strcmp(node->row.admin_reason, reason) == 0);
    if (!same && set_admin(core, node, to, reason, err) != 0) return -1;
    if (force && release(core, node, action, err) != 0) return -1;
    if (action == NODE_REFUSE && attempts_revoke(core, name, NULL, "its node was refused", err) != 0) return -1;
    /* Its targets are there from now on. */
    if (action == NODE_APPROVE && plan_again(core, err) != 0) return -1;
    return nodes_finish_drains(core, err);
}

int nodes_finish_drains(struct core *core, struct error *err) {
    size_t cursor = 0;
    void *value;
    while (map_next(core->nodes, &cursor, NULL, &value)) {
        struct fleet_node *node = value;
        if (node->row.admin != NODE_DRAINING || node_held(node) > 0) continue;
        if (set_admin(core, node, NODE_DRAINED, NULL, err) != 0) return -1;
    }
    return 0;
}
