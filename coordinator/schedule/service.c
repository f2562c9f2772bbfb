#include "coordinator/schedule/service.h"

#include <string.h>

#include "common/buf.h"
#include "coordinator/schedule/quarantine.h"
#include "fleet/protocol.h"

static const char *const names[SERVICE_COUNT] = {[SERVICE_REFUSED] = "refused",
                                                 [SERVICE_PENDING] = "pending",
                                                 [SERVICE_MAINTENANCE] = "maintenance",
                                                 [SERVICE_DRAINED] = "drained",
                                                 [SERVICE_DRAINING] = "draining",
                                                 [SERVICE_CORDONED] = "cordoned",
                                                 [SERVICE_LEFT] = "left",
                                                 [SERVICE_ABSENT] = "absent",
                                                 [SERVICE_STARTING] = "starting",
                                                 [SERVICE_QUARANTINED] = "quarantined",
                                                 [SERVICE_TROUBLE] = "trouble",
                                                 [SERVICE_IN_SERVICE] = "in_service",
                                                 [SERVICE_UNCHECKED] = "unchecked"};

const char *service_name(enum service service) {
    return names[service];
}

int service_parse(const char *name, enum service *ret, struct error *err) {
    CLEANUP(buf_done) struct buf all = BUF_INIT;
    for (int i = 0; i < SERVICE_UNCHECKED; i++) {
        *ret = (enum service)i;
        if (strcmp(names[i], name) == 0) return 0;
        buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    error_set(err, ERR_USAGE, "there is no state `%.40s` of a node", name);
    return error_hint(err, "one of: %s", all.data);
}

const char *node_outdated(const struct fleet_node *node, char *out, size_t size) {
    if (node->info->protocol >= PROTOCOL_OLDEST) return NULL;
    snprintf(out, size,
             "its agent (%.40s) speaks protocol %d, this coordinator (%s) none older than %d: install a later "
             "portolan-agent there and start it again",
             *node->info->agent_version ? node->info->agent_version : "version unknown", (int)node->info->protocol,
             PORTOLAN_VERSION, PROTOCOL_OLDEST);
    return out;
}

/* --- one word --------------------------------------------------------------------------------- */
static enum service admin_service(enum node_admin admin) {
    static const enum service of[NODE_ADMIN_COUNT] = {
        [NODE_IN_SERVICE] = SERVICE_IN_SERVICE,   [NODE_CORDONED] = SERVICE_CORDONED,
        [NODE_DRAINING] = SERVICE_DRAINING,       [NODE_DRAINED] = SERVICE_DRAINED,
        [NODE_MAINTENANCE] = SERVICE_MAINTENANCE, [NODE_PENDING] = SERVICE_PENDING,
        [NODE_REFUSED] = SERVICE_REFUSED};
    return of[admin];
}

enum service node_service(const struct fleet_node *node) {
    char text[256];
    if (node->row.admin != NODE_IN_SERVICE) return admin_service(node->row.admin);
    if (node->row.presence == NODE_LEFT) return SERVICE_LEFT;
    if (node_outdated(node, text, sizeof text)) return SERVICE_REFUSED;
    if (node->row.presence == NODE_ABSENT || !node->heard) return SERVICE_ABSENT;
    if (node->row.presence == NODE_STARTING || !node->mailbox_ready) return SERVICE_STARTING;
    if (node->health->row.quarantined) return SERVICE_QUARANTINED;
    return *node->info->trouble ? SERVICE_TROUBLE : SERVICE_IN_SERVICE;
}

enum service device_service(const struct device *device) {
    enum service service = node_service(device->node);
    if (service != SERVICE_IN_SERVICE) return service;
    if (device->health->row.quarantined) return SERVICE_QUARANTINED;
    return device->info->health_checks == 0 ? SERVICE_UNCHECKED : SERVICE_IN_SERVICE;
}

/* --- one line --------------------------------------------------------------------------------- */
/* An operator's words, and what else stands against the node. */
static void admin_reason(const struct core *core, const struct fleet_node *node, char *out, size_t size) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    char health[400];
    bool there = node->row.presence == NODE_READY || node->row.presence == NODE_STARTING;
    if (node->row.admin == NODE_PENDING)
        buf_printf(&text, "waits for approval: portolan node approve %s", node->row.name);
    else
        buf_puts(&text, node->row.admin_reason);
    if (!there)
        buf_printf(&text, "%s(%s: %s)", text.len ? " " : "", node_presence_name(node->row.presence),
                   node->row.presence_reason);
    health_text(core, node->health, health, sizeof health);
    if (node->health->row.quarantined) buf_printf(&text, "%squarantined %s", text.len ? "; " : "", health);
    snprintf(out, size, "%s", text.data ? text.data : "");
}

void node_service_reason(const struct core *core, const struct fleet_node *node, char *out, size_t size) {
    *out = 0;
    if (node->row.admin != NODE_IN_SERVICE) {
        admin_reason(core, node, out, size);
        return;
    }
    switch (node_service(node)) {
        case SERVICE_REFUSED:
            node_outdated(node, out, size);
            break;
        case SERVICE_ABSENT:
            snprintf(out, size, "%s",
                     node->row.presence == NODE_ABSENT ? node->row.presence_reason
                                                       : "no heartbeat since the coordinator's start");
            break;
        case SERVICE_LEFT:
            snprintf(out, size, "%s", node->row.presence_reason);
            break;
        case SERVICE_STARTING:
            snprintf(out, size, "%s",
                     node->mailbox_ready ? "its agent is not ready yet" : "its mailbox is not there yet");
            break;
        case SERVICE_TROUBLE:
            snprintf(out, size, "drains itself: %s", node->info->trouble);
            break;
        default:
            health_text(core, node->health, out, size);
    }
}

void device_service_reason(const struct core *core, const struct device *device, char *out, size_t size) {
    *out = 0;
    if (device_service(device) == SERVICE_UNCHECKED)
        snprintf(out, size, "has not passed its known-answer check yet");
    else
        health_text(core, device->health, out, size);
}

/* --- how much --------------------------------------------------------------------------------- */
bool device_in_service(const struct device *device) {
    return device_service(device) == SERVICE_IN_SERVICE;
}

int node_held(const struct fleet_node *node) {
    int held = 0;
    for (size_t i = 0; i < node->device_count; i++) held += node->devices[i].held;
    return held;
}

int device_window(const struct core *core, const struct device *device) {
    const struct fleet_node *node = device->node;
    int window = core->config.window, most = health_most(device->health);
    if (most >= 0 && most < window) window = most;
    most = health_most(node->health);
    if (most < 0) return window;
    int room = most - (node_held(node) - device->held);
    return room < 0 ? 0 : room < window ? room : window;
}

bool device_known(const struct core *core, const struct device *device) {
    const struct fleet_node *node = device->node;
    char text[256];
    if (node->row.admin == NODE_MAINTENANCE) return true;
    if (node->row.admin == NODE_REFUSED || node->row.admin == NODE_PENDING || node->row.presence == NODE_LEFT)
        return false;
    if (node_outdated(node, text, sizeof text)) return false;
    return node->row.presence != NODE_ABSENT || core->lease.now_ms - node->lease_until < core->config.absent_ms;
}
