/* Whether a node or device takes work, why not, and how much. Three things decide, each with an owner of its own: what
 * an operator decided (node_admin.h), whether the node is there (nodes.h), and its health (quarantine.h). */
#pragma once
#include "coordinator/core.h"

/* The one word for how a node stands: the first that applies, in this order. */
enum service {
    SERVICE_REFUSED,     /* by an operator, or its agent is too old */
    SERVICE_PENDING,     /* waits for approval */
    SERVICE_MAINTENANCE, /* until an operator resumes it */
    SERVICE_DRAINED,
    SERVICE_DRAINING, /* finishes what runs */
    SERVICE_CORDONED, /* finishes its mailbox */
    SERVICE_LEFT,
    SERVICE_ABSENT,      /* no heartbeat for a lease, or none yet since the coordinator's start */
    SERVICE_STARTING,    /* registered, not ready */
    SERVICE_QUARANTINED, /* infrastructure failures in a row */
    SERVICE_TROUBLE,     /* its agent asks for no new work */
    SERVICE_IN_SERVICE,
    SERVICE_UNCHECKED, /* devices only: has not yet passed a known-answer check */
    SERVICE_COUNT
};
const char *service_name(enum service service);
/* ERR_USAGE names the states there are. */
int service_parse(const char *name, enum service *ret, struct error *err);
enum service node_service(const struct fleet_node *node);
/* The node's word; where that is in_service, the device's own. */
enum service device_service(const struct device *device);
/* Why it is not in service (or what is to be known although it is), one line; "" for nothing. */
void node_service_reason(const struct core *core, const struct fleet_node *node, char *out, size_t size);
void device_service_reason(const struct core *core, const struct device *device, char *out, size_t size);
/* NULL, or why this agent's protocol is not spoken any more: both versions and the remedy. `out` holds the text. */
const char *node_outdated(const struct fleet_node *node, char *out, size_t size);

/* Takes work now: device_service() is in_service. */
bool device_in_service(const struct device *device);
/* Attempts that it may hold now: the configured window, less while it or its node is on probation (no success in this
 * incarnation yet, or failures since the last one): then no more than can fail before the quarantine. May be 0. */
int device_window(const struct core *core, const struct device *device);
/* Attempts in mailboxes of the node or running there. */
int node_held(const struct fleet_node *node);
/* Counts as there for planning: it takes work, or will without anyone's doing; absent for less than absent_ms of lease
 * time; in maintenance, for as long as that lasts. */
bool device_known(const struct core *core, const struct device *device);
