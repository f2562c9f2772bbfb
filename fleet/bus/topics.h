/* The topics of docs/protocol.md: one table of names, partitions and settings; check, create, print. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "fleet/bus/bus.h"

#define TOPIC_ATTEMPTS "attempts"
#define TOPIC_HEARTBEATS "heartbeats"
#define TOPIC_NODES "nodes"
#define TOPIC_DESIRED "desired"
#define TOPIC_CAMPAIGNS "campaigns"
#define TOPIC_SCHEMAS "schemas"
#define TOPIC_RESULTS "results"
#define TOPIC_MEASUREMENTS "measurements"
#define TOPIC_DEADLETTER "deadletter"
#define TOPIC_MAILBOX "tasks.<node>" /* the row that stands for every node's mailbox */
#define TOPIC_NODE_NAME_MAX 63

struct topic_spec {
    const char *name; /* short name; TOPIC_MAILBOX stands for one per node */
    int32_t partitions;
    const char *cleanup_policy;    /* "delete" or "compact" */
    int64_t retention_ms;          /* -1 for ever */
    bool is_public;                /* consumers outside Portolan may rely on it */
    const char *writers, *readers; /* "coordinator", "agents", "all" */
    const char *key, *what;
};
/* All topics, *ret_count rows. */
const struct topic_spec *topic_table(size_t *ret_count);
const struct topic_spec *topic_find(const char *name); /* mailboxes too; NULL when it is none of ours */

/* "tasks.<node>" into out[BUS_TOPIC_MAX + 1]. ERR_INVALID: the node's name is not [a-z0-9-]{1,63}. */
int topic_mailbox(const char *node, char *out, struct error *err);

/* Create what is missing (not the mailboxes). `replication` -1 takes the cluster's default. */
int topics_create(struct bus *bus, int replication, int timeout_ms, struct error *err);
/* Wait until each can be seen: the controller says that a topic is made before every broker knows it. ERR_NOT_FOUND. */
int topics_await(struct bus *bus, int timeout_ms, struct error *err);
/* Create mailboxes, all by one request: errs[i] is the outcome of nodes[i]. -1 with err when nothing could be asked. */
int topic_create_mailboxes(struct bus *bus, const char *const *nodes, size_t count, int replication, int timeout_ms,
                           struct error *errs, struct error *err);
/* Create one node's mailbox. */
int topic_create_mailbox(struct bus *bus, const char *node, int replication, int timeout_ms, struct error *err);

struct topic_status {
    const struct topic_spec *spec;
    char full_name[BUS_TOPIC_MAX + 1];
    bool exists;
    int32_t partitions; /* as found */
    char problem[256];  /* "" when it is as it should be, or missing */
};
/* Look at all topics of the table but the mailboxes; *ret has *ret_count rows, the caller frees it. ERR_NETWORK... */
int topics_check(struct bus *bus, int timeout_ms, struct topic_status **ret, size_t *ret_count, struct error *err);

/* The table with settings, state (status may be NULL: not asked) and the ACLs each role needs, for people and as JSON.
 */
void topics_print(const char *prefix, const struct topic_status *status, size_t status_count, FILE *out);
json_t *topics_json(const char *prefix, const struct topic_status *status, size_t status_count);
