/* The table of topics for people (`portolan topics`) and programs (--json), with the ACLs that each role needs. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/table.h"
#include "fleet/bus/acls.h"
#include "fleet/bus/topics.h"

static const struct topic_status *status_of(const struct topic_spec *spec, const struct topic_status *status,
                                            size_t count) {
    for (size_t i = 0; i < count; i++)
        if (status[i].spec == spec) return &status[i];
    return NULL;
}

static const char *state_text(const struct topic_status *status) {
    if (!status) return "-";
    if (!status->exists) return "missing";
    return *status->problem ? status->problem : "ok";
}

static void retention_text(int64_t ms, char out[32]) {
    if (ms < 0)
        snprintf(out, 32, "for ever");
    else
        snprintf(out, 32, "%lld d", (long long)(ms / 86400000));
}

static void print_topics(const char *prefix, const struct topic_status *status, size_t status_count, FILE *out) {
    size_t count;
    const struct topic_spec *specs = topic_table(&count);
    struct table *t =
        table_new((const char *const[]){"topic", ">partitions", "cleanup", "kept", "written by", "key", "state", NULL});
    for (size_t i = 0; i < count; i++) {
        char retention[32], partitions[16];
        const struct topic_spec *spec = &specs[i];
        CLEANUP_FREE char *name = xasprintf("%s%s", prefix, spec->name);
        retention_text(spec->retention_ms, retention);
        snprintf(partitions, sizeof partitions, "%d", spec->partitions);
        table_row(t, (const char *const[]){name, partitions, spec->cleanup_policy, retention, spec->writers, spec->key,
                                           state_text(status_of(spec, status, status_count)), NULL});
    }
    table_print(t, out);
    table_free(t);
}

static void print_acls(const char *prefix, FILE *out) {
    struct table *t = table_new((const char *const[]){"principal", "resource", "name", "pattern", "operations", NULL});
    struct acl_row row;
    for (size_t i = 0; acl_table(i, &row); i++) {
        CLEANUP_FREE char *principal = xasprintf("User:<%s>", row.role);
        CLEANUP_FREE char *name = xasprintf("%s%s", prefix, row.name);
        table_row(t, (const char *const[]){principal, row.resource, name, row.prefixed ? "prefixed" : "literal",
                                           row.operations, NULL});
    }
    table_print(t, out);
    table_free(t);
}

void topics_print(const char *prefix, const struct topic_status *status, size_t status_count, FILE *out) {
    print_topics(prefix, status, status_count, out);
    fputs("\nThe rights each role needs, where the cluster has ACLs (--acls prints the commands):\n", out);
    print_acls(prefix, out);
}

/* --- JSON ------------------------------------------------------------------------------------- */
static json_t *topic_json(const char *prefix, const struct topic_spec *spec, const struct topic_status *status) {
    CLEANUP_FREE char *name = xasprintf("%s%s", prefix, spec->name);
    json_t *json = json_pack("{s:s, s:i, s:s, s:I, s:b, s:s, s:s, s:s, s:s}", "topic", name, "partitions",
                             (int)spec->partitions, "cleanup_policy", spec->cleanup_policy, "retention_ms",
                             (json_int_t)spec->retention_ms, "public", (int)spec->is_public, "written_by",
                             spec->writers, "read_by", spec->readers, "key", spec->key, "what", spec->what);
    if (!status) return json;
    json_object_set_new(json, "exists", json_boolean(status->exists));
    json_object_set_new(json, "partitions_found", status->exists ? json_integer(status->partitions) : json_null());
    json_object_set_new(json, "problem", *status->problem ? json_string(status->problem) : json_null());
    return json;
}

json_t *topics_json(const char *prefix, const struct topic_status *status, size_t status_count) {
    size_t count;
    const struct topic_spec *specs = topic_table(&count);
    json_t *topics = json_array(), *rules = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(topics, topic_json(prefix, &specs[i], status_of(&specs[i], status, status_count)));
    struct acl_row row;
    for (size_t i = 0; acl_table(i, &row); i++) {
        CLEANUP_FREE char *name = xasprintf("%s%s", prefix, row.name);
        json_array_append_new(
            rules, json_pack("{s:s, s:s, s:s, s:s, s:s}", "role", row.role, "resource", row.resource, "name", name,
                             "pattern", row.prefixed ? "prefixed" : "literal", "operations", row.operations));
    }
    return json_pack("{s:o, s:o}", "topics", topics, "acls", rules);
}
