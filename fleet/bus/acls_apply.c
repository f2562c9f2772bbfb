/* Creation of ACLs by the admin API. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "fleet/bus/acls.h"
#include "fleet/bus/admin.h"
#include "fleet/bus/security.h"

static const struct {
    const char *name;
    rd_kafka_AclOperation_t code;
} operations[] = {{"Read", RD_KAFKA_ACL_OPERATION_READ},
                  {"Write", RD_KAFKA_ACL_OPERATION_WRITE},
                  {"Create", RD_KAFKA_ACL_OPERATION_CREATE},
                  {"Describe", RD_KAFKA_ACL_OPERATION_DESCRIBE},
                  {"DescribeConfigs", RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS}};

static rd_kafka_AclOperation_t operation_of(const struct acl *acl) {
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, acl->operation) == 0) return operations[i].code;
    return RD_KAFKA_ACL_OPERATION_UNKNOWN;
}

static rd_kafka_AclBinding_t *binding_of(const struct acl *acl, struct error *err) {
    char reason[256];
    rd_kafka_AclBinding_t *binding = rd_kafka_AclBinding_new(
        strcmp(acl->resource, "topic") == 0 ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_GROUP, acl->name,
        acl->prefixed ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL, acl->principal, "*",
        operation_of(acl), RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, reason, sizeof reason);
    if (!binding) error_set(err, ERR_INVALID, "ACL for %s %s: %s", acl->resource, acl->name, reason);
    return binding;
}

static int check_created(struct bus *bus, rd_kafka_event_t *event, struct error *err) {
    size_t count = 0;
    const rd_kafka_acl_result_t **results =
        rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_error_t *error = rd_kafka_acl_result_error(results[i]);
        if (!error) continue;
        if (bus_is_denied(rd_kafka_error_code(error))) return bus_denied(bus, err, "Alter", "cluster", "");
        if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_SECURITY_DISABLED)
            return error_set(err, ERR_UNSUPPORTED, "the broker has no authorizer: everybody may do everything");
        return bus_error(bus, err, rd_kafka_error_code(error), rd_kafka_error_string(error), "creating ACLs");
    }
    return 0;
}

static int create(struct bus *bus, rd_kafka_AclBinding_t **bindings, size_t count, int timeout_ms, struct error *err) {
    CLEANUP(admin_free_options)
    rd_kafka_AdminOptions_t *options = admin_options(bus, RD_KAFKA_ADMIN_OP_CREATEACLS, timeout_ms);
    CLEANUP(admin_free_queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(bus->client);
    rd_kafka_CreateAcls(bus->client, bindings, count, options, queue);
    CLEANUP(admin_free_event)
    rd_kafka_event_t *event = admin_await(bus, queue, timeout_ms, "creating ACLs", err);
    return event ? check_created(bus, event, err) : -1;
}

int acls_apply(struct bus *bus, const struct acl_list *list, struct acl_list *ret_left, int timeout_ms,
               struct error *err) {
    CLEANUP_FREE rd_kafka_AclBinding_t **bindings = xcalloc(list->count + 1, sizeof(rd_kafka_AclBinding_t *));
    size_t count = 0;
    int failed = 0;
    for (size_t i = 0; i < list->count && !failed; i++) {
        const struct acl *acl = &list->items[i];
        if (strcmp(acl->resource, "transactional-id") == 0) {
            ret_left->items = xrealloc(ret_left->items, (ret_left->count + 1) * sizeof *ret_left->items);
            ret_left->items[ret_left->count++] = *acl;
            continue;
        }
        bindings[count] = binding_of(acl, err);
        failed = bindings[count] ? 0 : -1;
        count += !failed;
    }
    if (!failed && count) failed = create(bus, bindings, count, timeout_ms, err);
    rd_kafka_AclBinding_destroy_array(bindings, count);
    return failed;
}
