#include "cli/topics_rights.h"

#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "common/buf.h"
#include "fleet/bus/rights.h"

#define TIMEOUT_MS 10000

static void cleanup_acls(struct acl_list *list) {
    acls_done(list);
}

/* --- whose rights ----------------------------------------------------------------------------- */
/* "WHO=User:x" for this one, or the one "User:x" that is given where there is only one to be meant. */
static const char *principal_of(const struct options *opts, const char *who, bool only_one) {
    const char *const *given = NULL, *found = NULL;
    size_t n = options_list(opts, "principal", &given), len = strlen(who);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(given[i], who, len) == 0 && given[i][len] == '=') return given[i] + len + 1;
        if (only_one && strncmp(given[i], "User:", 5) == 0) found = given[i];
    }
    return found;
}

static int add(const struct options *opts, struct acl_list *list, enum acl_role role, const char *node, bool only_one,
               struct error *err) {
    const char *principal = principal_of(opts, node ? node : acl_role_name(role), only_one);
    return acls_add(list, options_string(opts, "prefix"), role, node, principal, err);
}

/* Every --principal must be somebody's, or its owner would quietly get the default. */
static int check_principals(const struct options *opts, const struct acl_list *list, struct error *err) {
    const char *const *given = NULL;
    size_t n = options_list(opts, "principal", &given);
    for (size_t i = 0; i < n; i++) {
        const char *text = strncmp(given[i], "User:", 5) == 0 ? given[i] : given[i] + strcspn(given[i], "=") + 1;
        bool used = false;
        for (size_t k = 0; *given[i] && k < list->count && !used; k++)
            used = strcmp(list->items[k].principal, text) == 0;
        if (used) continue;
        error_set(err, ERR_USAGE, "--principal %s belongs to nobody here", given[i]);
        return error_hint(err,
                          "WHO=User:NAME, where WHO is coordinator, consumer or a --node; User:NAME alone with one "
                          "--as or one --node");
    }
    return 0;
}

/* *ret_role: ACL_ROLES for all. */
static int read_role(const struct options *opts, enum acl_role *ret_role, struct error *err) {
    const char *name = options_string(opts, "as");
    *ret_role = name ? acl_role_from_name(name) : ACL_ROLES;
    if (!name || *ret_role != ACL_ROLES) return 0;
    return error_set(err, ERR_USAGE, "--as is coordinator, agent or consumer, not %.40s", name);
}

static int need_node(struct error *err) {
    error_set(err, ERR_USAGE, "an agent's rights are those of a node");
    return error_hint(err, "--node NAME says which; it may be repeated");
}

static int collect(const struct options *opts, enum acl_role role, struct acl_list *list, struct error *err) {
    const char *const *nodes = NULL;
    size_t n = options_list(opts, "node", &nodes);
    bool all = role == ACL_ROLES;
    if (role == ACL_AGENT && n == 0) return need_node(err);
    if ((all || role == ACL_COORDINATOR) && add(opts, list, ACL_COORDINATOR, NULL, !all, err) != 0) return -1;
    for (size_t i = 0; (all || role == ACL_AGENT) && i < n; i++)
        if (add(opts, list, ACL_AGENT, nodes[i], !all && n == 1, err) != 0) return -1;
    if ((all || role == ACL_CONSUMER) && add(opts, list, ACL_CONSUMER, NULL, !all, err) != 0) return -1;
    return check_principals(opts, list, err);
}

/* --- --acls ----------------------------------------------------------------------------------- */
static int apply(const struct options *opts, struct bus *bus, const struct acl_list *list, struct error *err) {
    CLEANUP(cleanup_acls) struct acl_list left = {0};
    if (acls_apply(bus, list, &left, TIMEOUT_MS, err) != 0) return -1;
    if (options_flag(opts, "json")) {
        CLEANUP_JSON json_t *json =
            json_pack("{s:i, s:o}", "created", (int)(list->count - left.count), "left", acls_json(&left));
        command_print_json(json);
        return 0;
    }
    printf("%zu ACLs are there now\n", list->count - left.count);
    if (left.count) printf("The Kafka library of this program cannot create these; run:\n");
    acls_print(&left, bus_bootstrap(bus), stdout);
    return 0;
}

int topics_acls(const struct options *opts, struct bus *bus) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_acls) struct acl_list list = {0};
    const char *bootstrap = options_string(opts, "bootstrap"), *const *nodes = NULL;
    enum acl_role role;
    if (read_role(opts, &role, &err) != 0 || collect(opts, role, &list, &err) != 0) return command_failed(&err);
    if (bus) return apply(opts, bus, &list, &err) == 0 ? 0 : command_failed(&err);
    if (options_flag(opts, "json")) {
        CLEANUP_JSON json_t *json = acls_json(&list);
        command_print_json(json);
    } else {
        acls_print(&list, bootstrap ? bootstrap : "BROKER:PORT", stdout);
        if (role == ACL_ROLES && options_list(opts, "node", &nodes) == 0)
            fputs("# agents: --node NAME for each\n", stdout);
    }
    return 0;
}

/* --- --check ---------------------------------------------------------------------------------- */
static void print_topics(const struct topic_status *status, size_t count, size_t *bad) {
    for (size_t i = 0; i < count; i++) {
        if (status[i].exists && !*status[i].problem) continue;
        printf("topic %s: %s\n", status[i].full_name, status[i].exists ? status[i].problem : "missing");
        ++*bad;
    }
}

static json_t *topics_in_json(const struct topic_status *status, size_t count, size_t *bad) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *problem = status[i].exists ? status[i].problem : "missing";
        *bad += *problem != 0;
        json_array_append_new(
            list, json_pack("{s:s, s:s?}", "topic", status[i].full_name, "problem", *problem ? problem : NULL));
    }
    return list;
}

/* The topics' settings are the coordinator's business: others may not even read them. */
static int settings(const struct acl_list *list, struct bus *bus, struct topic_status **ret, size_t *ret_count,
                    struct error *err) {
    if (list->items[0].role != ACL_COORDINATOR) return 0;
    struct error denied = ERROR_INIT;
    if (topics_check(bus, TIMEOUT_MS, ret, ret_count, &denied) == 0 || denied.code == ERR_AUTH) return 0;
    return error_set(err, denied.code, "%s", denied.text);
}

static int check(const struct options *opts, struct bus *bus, const struct acl_list *list, struct error *err) {
    CLEANUP_FREE struct right_status *rights = NULL;
    CLEANUP_FREE struct topic_status *status = NULL;
    size_t count = 0, bad = 0;
    if (bus_wait(bus, TIMEOUT_MS, err) != 0 || settings(list, bus, &status, &count, err) != 0) return -1;
    if (rights_check(bus, list, TIMEOUT_MS, &rights, err) != 0) return -1;
    const char *principal = list->items[0].principal;
    size_t missing = rights_missing(rights, list->count);
    if (options_flag(opts, "json")) {
        json_t *topics = topics_in_json(status, count, &bad);
        CLEANUP_JSON json_t *json = json_pack(
            "{s:s, s:s, s:o, s:o, s:b}", "principal", principal, "role", acl_role_name(list->items[0].role), "topics",
            topics, "rights", rights_json(rights, list->count, bus_bootstrap(bus)), "ok", bad + missing == 0);
        command_print_json(json);
    } else {
        printf("%s at %s as %s\n", principal, bus_bootstrap(bus), acl_role_name(list->items[0].role));
        print_topics(status, count, &bad);
        rights_print(rights, list->count, bus_bootstrap(bus), stdout);
    }
    return bad + missing ? 1 : 0;
}

int topics_preflight(const struct options *opts, struct bus *bus) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_acls) struct acl_list list = {0};
    const char *const *nodes = NULL, *const *principals = NULL;
    size_t n = options_list(opts, "node", &nodes);
    enum acl_role role;
    if (read_role(opts, &role, &err) != 0) return command_failed(&err);
    if (role == ACL_ROLES) role = n ? ACL_AGENT : ACL_COORDINATOR;
    if (n > 1) {
        error_set(&err, ERR_USAGE, "--check is of one node");
        return command_failed(&err);
    }
    const char *principal = options_list(opts, "principal", &principals) ? principals[0] : bus_principal(bus);
    if (role == ACL_AGENT && n == 0) {
        need_node(&err);
        return command_failed(&err);
    }
    if (acls_add(&list, options_string(opts, "prefix"), role, n ? nodes[0] : NULL, principal, &err) != 0)
        return command_failed(&err);
    int status = check(opts, bus, &list, &err);
    return status < 0 ? command_failed(&err) : status;
}
