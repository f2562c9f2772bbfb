#include "fleet/bus/acls.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

enum { READ = 1, WRITE = 2, CREATE = 4, DESCRIBE = 8, DESCRIBE_CONFIGS = 16 };
static const char *const operation_names[] = {"Read", "Write", "Create", "Describe", "DescribeConfigs"};
#define OPERATION_COUNT (sizeof operation_names / sizeof *operation_names)

/* Describe comes with Read and Write. Groups are only looked up, never joined; see bus.h. Create is for mailboxes of
 * new nodes; without it each is made beforehand. */
static const struct rule {
    enum acl_role role;
    const char *resource, *name;
    unsigned operations;
    bool prefixed;
} rules[] = {
    {ACL_COORDINATOR, "topic", "", DESCRIBE_CONFIGS, true},
    {ACL_COORDINATOR, "topic", "tasks.", WRITE | CREATE, true},
    {ACL_COORDINATOR, "topic", TOPIC_ATTEMPTS, READ, false},
    {ACL_COORDINATOR, "topic", TOPIC_HEARTBEATS, READ | WRITE, false},
    {ACL_COORDINATOR, "topic", TOPIC_NODES, READ, false},
    {ACL_COORDINATOR, "topic", TOPIC_DESIRED, READ | WRITE, false},
    {ACL_COORDINATOR, "topic", TOPIC_CAMPAIGNS, WRITE, false},
    {ACL_COORDINATOR, "topic", TOPIC_SCHEMAS, READ | WRITE, false},
    {ACL_COORDINATOR, "topic", TOPIC_RESULTS, WRITE, false},
    {ACL_COORDINATOR, "topic", TOPIC_MEASUREMENTS, WRITE, false},
    {ACL_COORDINATOR, "topic", TOPIC_DEADLETTER, WRITE, false},
    {ACL_COORDINATOR, "transactional-id", "", WRITE | DESCRIBE, true},
    {ACL_COORDINATOR, "group", "", DESCRIBE, true},
    {ACL_AGENT, "topic", TOPIC_MAILBOX, READ, false},
    {ACL_AGENT, "topic", TOPIC_ATTEMPTS, WRITE, false},
    {ACL_AGENT, "topic", TOPIC_HEARTBEATS, WRITE, false},
    {ACL_AGENT, "topic", TOPIC_NODES, READ | WRITE, false},
    {ACL_AGENT, "topic", TOPIC_DESIRED, READ, false},
    {ACL_AGENT, "topic", TOPIC_SCHEMAS, READ | WRITE, false},
    {ACL_AGENT, "topic", TOPIC_DEADLETTER, WRITE, false},
    {ACL_AGENT, "group", "", DESCRIBE, true},
    {ACL_CONSUMER, "topic", TOPIC_RESULTS, READ, false},
    {ACL_CONSUMER, "topic", TOPIC_MEASUREMENTS, READ, false},
    {ACL_CONSUMER, "group", "consumer", READ, true},
};
#define RULE_COUNT (sizeof rules / sizeof *rules)

static const char *const role_names[] = {"coordinator", "agent", "consumer"};

const char *acl_role_name(enum acl_role role) {
    return role_names[role];
}

enum acl_role acl_role_from_name(const char *name) {
    int role = 0;
    while (role < ACL_ROLES && strcmp(role_names[role], name) != 0) role++;
    return (enum acl_role)role;
}

bool acl_table(size_t i, struct acl_row *ret) {
    if (i >= RULE_COUNT) return false;
    const struct rule *rule = &rules[i];
    *ret = (struct acl_row){
        .role = role_names[rule->role], .resource = rule->resource, .name = rule->name, .prefixed = rule->prefixed};
    for (size_t k = 0; k < OPERATION_COUNT; k++) {
        size_t len = strlen(ret->operations);
        if (rule->operations & 1u << k)
            snprintf(ret->operations + len, sizeof ret->operations - len, "%s%s", len ? ", " : "", operation_names[k]);
    }
    return true;
}

void acl_operation_upper(const char *operation, char *out) {
    size_t n = 0;
    for (const char *c = operation; *c && n < 30; c++) {
        if (c != operation && isupper((unsigned char)*c)) out[n++] = '_';
        out[n++] = (char)toupper((unsigned char)*c);
    }
    out[n] = 0;
}

/* --- lists ------------------------------------------------------------------------------------ */
static void add_one(struct acl_list *list, const struct acl *acl) {
    list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = *acl;
}

static int check_principal(const char *principal, struct error *err) {
    bool fits = strncmp(principal, "User:", 5) == 0 && principal[5] && strlen(principal) < ACL_PRINCIPAL_MAX;
    if (fits && !strpbrk(principal, "'\n")) return 0;
    error_set(err, ERR_INVALID, "principal `%.80s` must be User:NAME, as the broker knows it", principal);
    return error_hint(
        err, "of a password User:USERNAME, of a certificate User:CN=...; `portolan topics --check` names yours");
}

int acls_add(struct acl_list *list, const char *prefix, enum acl_role role, const char *node, const char *principal,
             struct error *err) {
    char mailbox[BUS_TOPIC_MAX + 1];
    struct acl acl = {.role = role};
    if (principal && check_principal(principal, err) != 0) return -1;
    if (role == ACL_AGENT && topic_mailbox(node, mailbox, err) != 0) return -1;
    snprintf(acl.node, sizeof acl.node, "%s", role == ACL_AGENT ? node : "");
    if (principal)
        snprintf(acl.principal, sizeof acl.principal, "%s", principal);
    else
        snprintf(acl.principal, sizeof acl.principal, "User:%s%s", role == ACL_AGENT ? "" : "portolan-",
                 role == ACL_AGENT ? node : role_names[role]);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (rules[i].role != role) continue;
        bool is_mailbox = strcmp(rules[i].name, TOPIC_MAILBOX) == 0;
        acl.resource = rules[i].resource;
        acl.prefixed = rules[i].prefixed;
        snprintf(acl.name, sizeof acl.name, "%.100s%.148s", prefix, is_mailbox ? mailbox : rules[i].name);
        for (size_t k = 0; k < OPERATION_COUNT; k++) {
            acl.operation = operation_names[k];
            if (rules[i].operations & 1u << k) add_one(list, &acl);
        }
    }
    return 0;
}

void acls_done(struct acl_list *list) {
    free(list->items);
    *list = (struct acl_list){0};
}

static bool same_resource(const struct acl *a, const struct acl *b) {
    return strcmp(a->principal, b->principal) == 0 && a->resource == b->resource && strcmp(a->name, b->name) == 0 &&
           a->prefixed == b->prefixed;
}

char *acl_command(const struct acl_list *list, size_t at, const char *bootstrap, size_t *ret_used) {
    const struct acl *acl = &list->items[at];
    struct buf command = BUF_INIT;
    size_t used = 0;
    buf_printf(&command,
               "kafka-acls --bootstrap-server %s --command-config ADMIN.properties --add --allow-principal '%s'",
               bootstrap, acl->principal);
    for (; at + used < list->count && same_resource(acl, &list->items[at + used]); used++)
        buf_printf(&command, " --operation %s", list->items[at + used].operation);
    buf_printf(&command, " --%s '%s'%s", acl->resource, acl->name,
               acl->prefixed ? " --resource-pattern-type prefixed" : "");
    *ret_used = used;
    return buf_take(&command);
}

void acls_print(const struct acl_list *list, const char *bootstrap, FILE *out) {
    const char *last = "";
    for (size_t i = 0, used = 0; i < list->count; i += used) {
        const struct acl *acl = &list->items[i];
        if (strcmp(last, acl->principal) != 0)
            fprintf(out, "%s# %s%s%s: %s\n", i ? "\n" : "", acl_role_name(acl->role), *acl->node ? " " : "", acl->node,
                    acl->principal);
        last = acl->principal;
        CLEANUP_FREE char *command = acl_command(list, i, bootstrap, &used);
        fprintf(out, "%s\n", command);
    }
}

json_t *acl_json(const struct acl *acl) {
    return json_pack("{s:s, s:s?, s:s, s:s, s:s, s:s, s:s}", "role", acl_role_name(acl->role), "node",
                     *acl->node ? acl->node : NULL, "principal", acl->principal, "resource", acl->resource, "name",
                     acl->name, "pattern", acl->prefixed ? "prefixed" : "literal", "operation", acl->operation);
}

json_t *acls_json(const struct acl_list *list) {
    json_t *json = json_array();
    for (size_t i = 0; i < list->count; i++) json_array_append_new(json, acl_json(&list->items[i]));
    return json;
}
