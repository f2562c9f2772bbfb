/* The topics. Partition counts and settings are decided here once; docs/protocol.md explains them. */
#include "fleet/bus/topics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"

#define DAY_MS INT64_C(86400000)
#define MAILBOX_PREFIX "tasks."
#define AWAIT_STEP_NS 20000000

/* Control topics that are compacted have one partition: their readers need one order. The embedded broker makes four
 * partitions of whatever appears by itself, so nobody relies on more. */
static const struct topic_spec table[] = {
    {TOPIC_MAILBOX, 1, "delete", 7 * DAY_MS, false, "coordinator", "its agent", "task id",
     "a node's mailbox: tasks, and commands to the node in order with them"},
    {TOPIC_ATTEMPTS, 4, "delete", 30 * DAY_MS, false, "agents", "coordinator", "task id",
     "raw outcome of every attempt, late and duplicate ones too"},
    {TOPIC_HEARTBEATS, 4, "delete", DAY_MS, false, "agents, coordinator", "coordinator", "node",
     "attempts held with progress; the coordinator's ticks"},
    {TOPIC_NODES, 1, "compact", -1, false, "agents", "coordinator, agents", "node",
     "inventory: devices, drivers, agent version, incarnation"},
    {TOPIC_DESIRED, 1, "compact", -1, false, "coordinator", "agents", "node",
     "desired state of a node, and its mailbox"},
    {TOPIC_CAMPAIGNS, 1, "compact", -1, false, "coordinator", "coordinator", "campaign", "definitions and state"},
    {TOPIC_SCHEMAS, 1, "compact", -1, false, "coordinator, agents", "coordinator, agents", "fingerprint",
     "the text of every schema that is used on the internal topics"},
    {TOPIC_RESULTS, 4, "compact", -1, true, "coordinator", "anyone", "task id",
     "the accepted outcome of a task: upsert by key, the higher revision wins"},
    {TOPIC_MEASUREMENTS, 4, "delete", -1, true, "coordinator", "anyone", "attempt/candidate/size/role",
     "one flat row per candidate, size and device"},
    {TOPIC_DEADLETTER, 1, "delete", -1, false, "coordinator, agents", "coordinator",
     "task id, or topic/partition/offset", "tasks given up, and records that could not be decoded, with the reason"},
};
#define TABLE_COUNT (sizeof table / sizeof *table)

const struct topic_spec *topic_table(size_t *ret_count) {
    *ret_count = TABLE_COUNT;
    return table;
}

static bool is_mailbox_row(const struct topic_spec *spec) {
    return spec == &table[0];
}

const struct topic_spec *topic_find(const char *name) {
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (!is_mailbox_row(&table[i]) && !strcmp(table[i].name, name)) return &table[i];
    return strncmp(name, MAILBOX_PREFIX, strlen(MAILBOX_PREFIX)) ? NULL : &table[0];
}

int topic_mailbox(const char *node, char *out, struct error *err) {
    size_t len = strlen(node);
    if (len == 0 || len > TOPIC_NODE_NAME_MAX || strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return error_set(err, ERR_INVALID, "node name %.80s: must be 1 to %d of a-z, 0-9 and '-'", node,
                         TOPIC_NODE_NAME_MAX);
    snprintf(out, BUS_TOPIC_MAX + 1, "%s%s", MAILBOX_PREFIX, node);
    return 0;
}

/* --- creating --------------------------------------------------------------------------------- */
static int create(struct bus *bus, const char *name, const struct topic_spec *spec, int replication, int timeout_ms,
                  struct error *err) {
    char retention[32];
    snprintf(retention, sizeof retention, "%lld", (long long)spec->retention_ms);
    const struct bus_topic_setting settings[] = {{"cleanup.policy", spec->cleanup_policy}, {"retention.ms", retention}};
    return bus_topic_create(bus, name, spec->partitions, replication, settings, 2, timeout_ms, err);
}

static bool is_among(char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], name)) return true;
    return false;
}

/* Most often all are there: then one question is enough. */
int topics_create(struct bus *bus, int replication, int timeout_ms, struct error *err) {
    char **names = NULL;
    size_t count = 0;
    int failed = bus_topics(bus, timeout_ms, &names, &count, err);
    for (size_t i = 0; i < TABLE_COUNT && !failed; i++)
        if (!is_mailbox_row(&table[i]) && !is_among(names, count, table[i].name))
            failed = create(bus, table[i].name, &table[i], replication, timeout_ms, err);
    bus_topics_free(names, count);
    return failed;
}

int topic_create_mailboxes(struct bus *bus, const char *const *nodes, size_t count, int replication, int timeout_ms,
                           struct error *errs, struct error *err) {
    const struct topic_spec *spec = &table[0];
    char retention[32];
    snprintf(retention, sizeof retention, "%lld", (long long)spec->retention_ms);
    const struct bus_topic_setting settings[] = {{"cleanup.policy", spec->cleanup_policy}, {"retention.ms", retention}};
    char(*names)[BUS_TOPIC_MAX + 1] = xcalloc(count + 1, sizeof *names);
    const char **topics = xcalloc(count + 1, sizeof *topics);
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        topics[i] = names[i];
        status = topic_mailbox(nodes[i], names[i], err);
    }
    if (status == 0)
        status =
            bus_topics_create(bus, topics, count, spec->partitions, replication, settings, 2, timeout_ms, errs, err);
    free(names);
    free(topics);
    return status;
}

int topic_create_mailbox(struct bus *bus, const char *node, int replication, int timeout_ms, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    if (topic_mailbox(node, name, err)) return -1;
    return create(bus, name, &table[0], replication, timeout_ms, err);
}

int topics_await(struct bus *bus, int timeout_ms, struct error *err) {
    int64_t deadline = clock_mono_ms() + timeout_ms;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        struct error why = ERROR_INIT;
        int32_t partitions;
        if (is_mailbox_row(&table[i])) continue;
        while (bus_partitions(bus, table[i].name, timeout_ms, &partitions, &why) != 0) {
            if (why.code != ERR_NOT_FOUND || clock_mono_ms() >= deadline)
                return error_set(err, why.code, "%s", why.text);
            nanosleep(&(struct timespec){.tv_nsec = AWAIT_STEP_NS}, NULL);
        }
    }
    return 0;
}

/* --- checking --------------------------------------------------------------------------------- */
static void check_setting(struct bus *bus, struct topic_status *status, const char *key, const char *want,
                          int timeout_ms) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *found = bus_topic_setting(bus, status->spec->name, key, timeout_ms, &err);
    if (!found) {
        if (err.code != ERR_UNSUPPORTED)
            snprintf(status->problem, sizeof status->problem, "%s cannot be read: %.160s", key, err.text);
    } else if (strcmp(found, want)) {
        snprintf(status->problem, sizeof status->problem, "%s is %.60s, should be %s", key, found, want);
    }
}

/* ERR_NOT_FOUND is an answer, everything else ends the check. */
static int check_topic(struct bus *bus, bool embedded, struct topic_status *status, int timeout_ms, struct error *err) {
    const struct topic_spec *spec = status->spec;
    struct error trouble = ERROR_INIT;
    char retention[32];
    if (bus_partitions(bus, spec->name, timeout_ms, &status->partitions, &trouble)) {
        if (trouble.code == ERR_NOT_FOUND) return 0;
        return error_set(err, trouble.code, "%s", trouble.text);
    }
    status->exists = true;
    if (embedded) return 0; /* it has no settings */
    snprintf(retention, sizeof retention, "%lld", (long long)spec->retention_ms);
    /* a compacted topic keeps what it has whatever its retention says */
    if (strcmp(spec->cleanup_policy, "compact")) check_setting(bus, status, "retention.ms", retention, timeout_ms);
    check_setting(bus, status, "cleanup.policy", spec->cleanup_policy, timeout_ms);
    if (spec->partitions == 1 && status->partitions != 1)
        snprintf(status->problem, sizeof status->problem, "has %d partitions, must have 1", status->partitions);
    return 0;
}

int topics_check(struct bus *bus, int timeout_ms, struct topic_status **ret, size_t *ret_count, struct error *err) {
    if (bus_wait(bus, timeout_ms, err)) return -1;
    bool embedded = bus_is_embedded(bus);
    CLEANUP_FREE struct topic_status *rows = xcalloc(TABLE_COUNT, sizeof *rows);
    size_t count = 0;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (is_mailbox_row(&table[i])) continue;
        struct topic_status *status = &rows[count++];
        status->spec = &table[i];
        if (bus_topic_name(bus, table[i].name, status->full_name, err)) return -1;
        if (check_topic(bus, embedded, status, timeout_ms, err)) return -1;
    }
    *ret = TAKE(rows);
    *ret_count = count;
    return 0;
}
