#include "fleet/bus/rights.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

static const char *const state_names[] = {"granted", "missing", "unseen", "no_topic"};

/* The name that stands for all that begin with the pattern: one that is there. */
static void probe_prefixed(struct probe *probe, const struct acl *acl, int timeout_ms, struct right_status *row) {
    char topic[BUS_TOPIC_MAX + 1];
    if (strcmp(acl->operation, "Create") == 0) {
        snprintf(topic, sizeof topic, "%.200spreflight", acl->name);
        row->state = probe_topic(probe, topic, acl->operation, timeout_ms, row->why);
    } else if (probe_find_topic(probe, acl->name, timeout_ms, topic)) {
        row->state = probe_topic(probe, topic, acl->operation, timeout_ms, row->why);
    } else {
        row->state = RIGHT_UNSEEN;
        snprintf(row->why, sizeof row->why, "no topic %.150s* is there to try it on, or none may be seen", acl->name);
    }
}

static void probe_one(struct probe *probe, const char *group, int timeout_ms, struct right_status *row) {
    const struct acl *acl = &row->acl;
    if (strcmp(acl->resource, "transactional-id") == 0) {
        row->state = probe_transactional(probe, timeout_ms, row->why);
    } else if (strcmp(acl->resource, "group") == 0) {
        bool joins = strcmp(acl->operation, "Read") == 0;
        row->state = probe_group(probe, joins ? acl->name : group, timeout_ms, row->why);
        if (!joins || row->state != RIGHT_GRANTED) return;
        row->state = RIGHT_UNSEEN;
        snprintf(row->why, sizeof row->why, "it may be described; only joining a group shows whether it may be read");
    } else if (acl->prefixed) {
        probe_prefixed(probe, acl, timeout_ms, row);
    } else {
        row->state = probe_topic(probe, acl->name, acl->operation, timeout_ms, row->why);
    }
}

int rights_check(struct bus *bus, const struct acl_list *list, int timeout_ms, struct right_status **ret,
                 struct error *err) {
    if (bus_wait(bus, timeout_ms, err) != 0) return -1;
    if (bus_is_embedded(bus)) return error_set(err, ERR_UNSUPPORTED, "the embedded broker knows no rights");
    CLEANUP(cleanup_probe) struct probe *probe = probe_new(bus, err);
    if (!probe) return -1;
    bool agent = list->count && list->items[0].role == ACL_AGENT;
    CLEANUP_FREE char *group = xasprintf("%sportolan-%s", bus_prefix(bus), agent ? "agent" : "coordinator");
    CLEANUP_FREE struct right_status *rows = xcalloc(list->count + 1, sizeof *rows);
    for (size_t i = 0; i < list->count; i++) {
        rows[i].acl = list->items[i];
        probe_one(probe, group, timeout_ms, &rows[i]);
    }
    *ret = TAKE(rows);
    return 0;
}

static bool is_missing(const struct right_status *row) {
    return row->state == RIGHT_DENIED || row->state == RIGHT_NO_TOPIC;
}

size_t rights_missing(const struct right_status *rows, size_t count) {
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) missing += is_missing(&rows[i]);
    return missing;
}

/* --- printing --------------------------------------------------------------------------------- */
static char *command_of(const struct right_status *row, const char *bootstrap) {
    struct acl acl = row->acl;
    struct acl_list one = {.items = &acl, .count = 1};
    size_t used;
    return acl_command(&one, 0, bootstrap, &used);
}

static void print_denied(const struct right_status *row, const char *bootstrap, FILE *out) {
    char upper[32];
    acl_operation_upper(row->acl.operation, upper);
    CLEANUP_FREE char *command = command_of(row, bootstrap);
    fprintf(out, "principal %s may not %s %s %s%s\n  %s\n", row->acl.principal, upper, row->acl.resource, row->acl.name,
            row->acl.prefixed ? "*" : "", command);
}

void rights_print(const struct right_status *rows, size_t count, const char *bootstrap, FILE *out) {
    size_t states[4] = {0};
    for (size_t i = 0; i < count; i++) {
        const struct right_status *row = &rows[i];
        const struct acl *acl = &row->acl;
        bool again = i && strcmp(rows[i - 1].acl.name, acl->name) == 0 && rows[i - 1].state == row->state;
        states[row->state]++;
        if (row->state == RIGHT_DENIED)
            print_denied(row, bootstrap, out);
        else if (row->state == RIGHT_NO_TOPIC && !again)
            fprintf(out,
                    "topic %s does not exist\n  portolan topics --create, or for a mailbox the coordinator's right to "
                    "Create\n",
                    acl->name);
        else if (row->state == RIGHT_UNSEEN)
            fprintf(out, "not seen: %s of %s %s%s: %s\n", acl->operation, acl->resource, acl->name,
                    acl->prefixed ? "*" : "", row->why);
    }
    fprintf(out, "%zu rights: %zu granted, %zu missing, %zu without their topic, %zu not seen\n", count,
            states[RIGHT_GRANTED], states[RIGHT_DENIED], states[RIGHT_NO_TOPIC], states[RIGHT_UNSEEN]);
}

json_t *rights_json(const struct right_status *rows, size_t count, const char *bootstrap) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *json = acl_json(&rows[i].acl);
        CLEANUP_FREE char *command = command_of(&rows[i], bootstrap);
        json_object_set_new(json, "state", json_string(state_names[rows[i].state]));
        json_object_set_new(json, "why", rows[i].state == RIGHT_UNSEEN ? json_string(rows[i].why) : json_null());
        json_object_set_new(json, "command", rows[i].state == RIGHT_DENIED ? json_string(command) : json_null());
        json_array_append_new(list, json);
    }
    return list;
}
