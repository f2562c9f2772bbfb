/* The rights that each role needs of a Kafka that has ACLs, and no more: one table, from which lists, commands and the
 * preflight come. docs/security.md explains them. */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "fleet/bus/bus.h"
#include "fleet/bus/topics.h"

enum acl_role { ACL_COORDINATOR, ACL_AGENT, ACL_CONSUMER, ACL_ROLES };
const char *acl_role_name(enum acl_role role);
enum acl_role acl_role_from_name(const char *name); /* ACL_ROLES when it is none */

#define ACL_PRINCIPAL_MAX 300
/* One operation on one resource, as in kafka-acls. */
struct acl {
    enum acl_role role;
    char node[TOPIC_NODE_NAME_MAX + 1]; /* of agents; "" otherwise */
    char principal[ACL_PRINCIPAL_MAX];
    const char *resource, *operation; /* "topic", "group", "transactional-id"; "Read", ... */
    char name[BUS_TOPIC_MAX + 1];     /* with the prefix */
    bool prefixed;                    /* all names that begin so */
};
struct acl_list {
    struct acl *items;
    size_t count;
};
/* Appends what `role` needs; `node` for ACL_AGENT only. `principal` NULL takes User:NODE, User:portolan-coordinator or
 * User:portolan-consumer. ERR_INVALID: the node's name, or a principal without "User:". */
int acls_add(struct acl_list *list, const char *prefix, enum acl_role role, const char *node, const char *principal,
             struct error *err);
void acls_done(struct acl_list *list);

/* The command of Kafka's that grants it, operations of neighbours on the same resource included; *ret_used counts them.
 * The caller frees. */
char *acl_command(const struct acl_list *list, size_t at, const char *bootstrap, size_t *ret_used);
void acls_print(const struct acl_list *list, const char *bootstrap, FILE *out);
json_t *acl_json(const struct acl *acl);
json_t *acls_json(const struct acl_list *list);
/* Create them by the admin API; what is there already stays. What librdkafka cannot create (2.0.2 knows no
 * transactional ids) goes into *ret_left, an empty list that the caller ends with acls_done(). ERR_AUTH: the principal
 * may not (Alter on the cluster); ERR_UNSUPPORTED: the broker has no authorizer. */
int acls_apply(struct bus *bus, const struct acl_list *list, struct acl_list *ret_left, int timeout_ms,
               struct error *err);

/* "DESCRIBE_CONFIGS" of "DescribeConfigs", as messages say it; out[32]. */
void acl_operation_upper(const char *operation, char *out);

/* The table itself, for `portolan topics`: one row a resource; false after the last. */
struct acl_row {
    const char *role, *resource, *name; /* the name without prefix */
    char operations[64];                /* "Read, Write" */
    bool prefixed;
};
bool acl_table(size_t i, struct acl_row *ret);
