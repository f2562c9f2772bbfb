/* Topics: creation and settings, by Kafka's admin API or the embedded broker's C call. See bus.h. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "fleet/bus/admin.h"
#include "fleet/bus/security.h"

static void free_resource(rd_kafka_ConfigResource_t **resource) {
    if (*resource) rd_kafka_ConfigResource_destroy(*resource);
}

rd_kafka_AdminOptions_t *admin_options(struct bus *bus, rd_kafka_admin_op_t operation, int timeout_ms) {
    char reason[256];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(bus->client, operation);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    return options;
}

rd_kafka_event_t *admin_await(struct bus *bus, rd_kafka_queue_t *queue, int timeout_ms, const char *what,
                              struct error *err) {
    /* librdkafka answers its own time-out; a little longer, so that it is the one that speaks */
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event && !rd_kafka_event_error(event)) return event;
    bus_error(bus, err, event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT,
              event ? rd_kafka_event_error_string(event) : NULL, "%s", what);
    if (event) rd_kafka_event_destroy(event);
    return NULL;
}

/* The embedded broker knows no admin API: librdkafka would wait for a controller until the time is up. */
static int refuse_embedded(struct bus *bus, const char *what, const char *name, struct error *err) {
    if (!bus_is_embedded(bus)) return 0;
    return error_set(err, ERR_UNSUPPORTED, "%s of topic %s: the embedded broker has no administration", what, name);
}

/* --- creation --------------------------------------------------------------------------------- */
static int create_embedded(struct bus *bus, const char *name, int32_t partitions, struct error *err) {
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(bus->embedded->cluster, name, partitions, 1);
    if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return 0;
    return bus_error(bus, err, code, NULL, "creating topic %s", name);
}

static rd_kafka_NewTopic_t *describe_topic(const char *name, int32_t partitions, int replication,
                                           const struct bus_topic_setting *settings, size_t setting_count,
                                           struct error *err) {
    char reason[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, replication, reason, sizeof reason);
    if (!topic) {
        error_set(err, ERR_INVALID, "topic %s: %s", name, reason);
        return NULL;
    }
    for (size_t i = 0; i < setting_count; i++) rd_kafka_NewTopic_set_config(topic, settings[i].key, settings[i].value);
    return topic;
}

/* librdkafka puts the answers into the order of the questions. */
static void note_created(struct bus *bus, rd_kafka_event_t *event, char *const *names, size_t count,
                         struct error *errs) {
    size_t answers = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &answers);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = i < answers ? rd_kafka_topic_result_error(results[i]) : RD_KAFKA_RESP_ERR__FAIL;
        if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
        if (bus_is_denied(code)) {
            bus_denied(bus, &errs[i], "Create", "topic", names[i]);
            continue;
        }
        bus_error(bus, &errs[i], code, i < answers ? rd_kafka_topic_result_error_string(results[i]) : "no answer",
                  "creating topic %s", names[i]);
    }
}

/* The topics of one request: full names, and what librdkafka makes of them. */
struct batch {
    char **names;
    rd_kafka_NewTopic_t **wanted;
    size_t count;
};
static void batch_done(struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->names[i]);
        if (batch->wanted[i]) rd_kafka_NewTopic_destroy(batch->wanted[i]);
    }
    free(batch->names);
    free(batch->wanted);
}

static int batch_name(struct bus *bus, const char *const *topics, size_t count, struct batch *ret, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    ret->names = xcalloc(count + 1, sizeof *ret->names);
    ret->wanted = xcalloc(count + 1, sizeof *ret->wanted);
    ret->count = count;
    for (size_t i = 0; i < count; i++) {
        if (bus_topic_name(bus, topics[i], name, err)) return -1;
        ret->names[i] = xstrdup(name);
    }
    return 0;
}

int bus_topics_create(struct bus *bus, const char *const *topics, size_t count, int32_t partitions, int replication,
                      const struct bus_topic_setting *settings, size_t setting_count, int timeout_ms,
                      struct error *errs, struct error *err) {
    CLEANUP(batch_done) struct batch batch = {0};
    for (size_t i = 0; i < count; i++) errs[i] = (struct error)ERROR_INIT;
    if (batch_name(bus, topics, count, &batch, err)) return -1;
    for (size_t i = 0; bus->embedded && i < count; i++)
        (void)create_embedded(bus, batch.names[i], partitions, &errs[i]);
    if (bus->embedded || !count) return 0;
    if (refuse_embedded(bus, "creation", batch.names[0], err)) return -1;
    for (size_t i = 0; i < count; i++)
        if (!(batch.wanted[i] = describe_topic(batch.names[i], partitions, replication, settings, setting_count, err)))
            return -1;
    CLEANUP(admin_free_options)
    rd_kafka_AdminOptions_t *options = admin_options(bus, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    CLEANUP(admin_free_queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(bus->client);
    rd_kafka_CreateTopics(bus->client, batch.wanted, count, options, queue);
    CLEANUP(admin_free_event) rd_kafka_event_t *event = admin_await(bus, queue, timeout_ms, batch.names[0], err);
    if (!event) return -1;
    note_created(bus, event, batch.names, count, errs);
    return 0;
}

int bus_topic_create(struct bus *bus, const char *topic, int32_t partitions, int replication,
                     const struct bus_topic_setting *settings, size_t setting_count, int timeout_ms,
                     struct error *err) {
    struct error one = ERROR_INIT;
    if (bus_topics_create(bus, &topic, 1, partitions, replication, settings, setting_count, timeout_ms, &one, err))
        return -1;
    if (one.code == ERR_NONE) return 0;
    if (err) *err = one;
    return -1;
}

/* --- settings --------------------------------------------------------------------------------- */
static char *find_setting(const rd_kafka_ConfigResource_t *resource, const char *key) {
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(rd_kafka_ConfigEntry_name(entries[i]), key)) {
            const char *value = rd_kafka_ConfigEntry_value(entries[i]);
            return value ? xstrdup(value) : NULL;
        }
    return NULL;
}

char *bus_topic_setting(struct bus *bus, const char *topic, const char *key, int timeout_ms, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    if (bus_topic_name(bus, topic, name, err) || refuse_embedded(bus, "settings", name, err)) return NULL;
    CLEANUP(free_resource)
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    CLEANUP(admin_free_options)
    rd_kafka_AdminOptions_t *options = admin_options(bus, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    CLEANUP(admin_free_queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(bus->client);
    rd_kafka_DescribeConfigs(bus->client, &resource, 1, options, queue);
    CLEANUP(admin_free_event) rd_kafka_event_t *event = admin_await(bus, queue, timeout_ms, name, err);
    if (!event) return NULL;
    size_t count = 0;
    const rd_kafka_ConfigResource_t **answers =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    if (count == 1 && bus_is_denied(rd_kafka_ConfigResource_error(answers[0]))) {
        bus_denied(bus, err, "DescribeConfigs", "topic", name);
        return NULL;
    }
    if (count != 1 || rd_kafka_ConfigResource_error(answers[0])) {
        bus_error(bus, err, count == 1 ? rd_kafka_ConfigResource_error(answers[0]) : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                  count == 1 ? rd_kafka_ConfigResource_error_string(answers[0]) : NULL, "settings of topic %s", name);
        return NULL;
    }
    char *value = find_setting(answers[0], key);
    if (!value) error_set(err, ERR_NOT_FOUND, "topic %s has no setting %s", name, key);
    return value;
}
