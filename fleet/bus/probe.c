#include "fleet/bus/probe.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "fleet/bus/admin.h"
#include "fleet/bus/security.h"

#define WHY_MAX 256
#define PREFLIGHT_ID "preflight"

struct probe {
    struct bus *bus; /* first: callbacks of the clients look for it there */
    rd_kafka_t *reader, *writer;
    rd_kafka_resp_err_t written; /* of the one record in flight */
    bool reported;
};

static enum right right_of(rd_kafka_resp_err_t code, char *why) {
    if (!code) return RIGHT_GRANTED;
    if (bus_is_denied(code)) return RIGHT_DENIED;
    if (bus_error_code(code) == ERR_NOT_FOUND) return RIGHT_NO_TOPIC;
    snprintf(why, WHY_MAX, "%s", rd_kafka_err2str(code));
    return RIGHT_UNSEEN;
}

/* --- clients ---------------------------------------------------------------------------------- */
static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    struct probe *probe = opaque;
    (void)client;
    probe->written = message->err;
    probe->reported = true;
}

static rd_kafka_t *new_client(struct probe *probe, rd_kafka_type_t type, const char *const *fixed, struct error *err) {
    char reason[512];
    rd_kafka_conf_t *conf = bus_conf_new(probe->bus, fixed, probe, err);
    if (!conf) return NULL;
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    if (client) return client;
    rd_kafka_conf_destroy(conf);
    error_set(err, ERR_INVALID, "kafka client: %s", reason);
    return NULL;
}

struct probe *probe_new(struct bus *bus, struct error *err) {
    CLEANUP_FREE char *group = xasprintf("%s%s", bus->prefix, PREFLIGHT_ID);
    const char *reader[] = {"group.id",
                            group,
                            "enable.auto.commit",
                            "false",
                            "auto.offset.reset",
                            "error",
                            "fetch.wait.max.ms",
                            "10",
                            "enable.partition.eof",
                            "true",
                            NULL};
    /* 2 is none of the acks that there are; a broker says so after it has looked whether we may write at all. */
    const char *writer[] = {
        "enable.idempotence", "false", "acks", "2", "message.timeout.ms", "10000", "retries", "0", NULL};
    CLEANUP(cleanup_probe) struct probe *probe = xcalloc(1, sizeof *probe);
    probe->bus = bus;
    probe->reader = new_client(probe, RD_KAFKA_CONSUMER, reader, err);
    if (!probe->reader) return NULL;
    rd_kafka_poll_set_consumer(probe->reader);
    probe->writer = new_client(probe, RD_KAFKA_PRODUCER, writer, err);
    return probe->writer ? TAKE(probe) : NULL;
}

void probe_free(struct probe *probe) {
    if (!probe) return;
    if (probe->reader) rd_kafka_consumer_close(probe->reader);
    if (probe->reader) rd_kafka_destroy(probe->reader);
    if (probe->writer) rd_kafka_purge(probe->writer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (probe->writer) rd_kafka_flush(probe->writer, 1000);
    if (probe->writer) rd_kafka_destroy(probe->writer);
    free(probe);
}

/* --- topics ----------------------------------------------------------------------------------- */
/* Metadata that stay known while the handle lives: without it a client looks for a topic once a second only. */
static rd_kafka_topic_t *learn(rd_kafka_t *client, const char *name, int timeout_ms, rd_kafka_resp_err_t *ret) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, name, NULL);
    *ret = handle ? rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms) : rd_kafka_last_error();
    if (!*ret) *ret = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (metadata) rd_kafka_metadata_destroy(metadata);
    return handle;
}

/* The end of the partition is an answer, too; a record that comes is read by who may. */
static enum right read_topic(struct probe *probe, const char *name, int timeout_ms, char *why) {
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    enum right right = RIGHT_UNSEEN;
    bool answered = false;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, 0)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_assign(probe->reader, list);
    snprintf(why, WHY_MAX, "no answer within %d s", timeout_ms / 1000);
    while (!answered && clock_mono_ms() < until_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(probe->reader, 100);
        answered = message && message->rkt && strcmp(rd_kafka_topic_name(message->rkt), name) == 0;
        if (answered)
            right = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? RIGHT_GRANTED : right_of(message->err, why);
        if (message) rd_kafka_message_destroy(message);
    }
    rd_kafka_assign(probe->reader, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return right;
}

static enum right write_topic(struct probe *probe, const char *name, int timeout_ms, char *why) {
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    probe->reported = false;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_t *handle = learn(probe->writer, name, timeout_ms, &code);
    if (!code)
        code = rd_kafka_producev(probe->writer, RD_KAFKA_V_RKT(handle), RD_KAFKA_V_PARTITION(0),
                                 RD_KAFKA_V_VALUE(NULL, 0), RD_KAFKA_V_END);
    while (!code && !probe->reported && clock_mono_ms() < until_ms) rd_kafka_poll(probe->writer, 100);
    if (!code && !probe->reported) code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (handle) rd_kafka_topic_destroy(handle);
    if (code) return right_of(code, why);
    if (probe->written == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS) return RIGHT_GRANTED;
    if (probe->written) return right_of(probe->written, why);
    snprintf(why, WHY_MAX, "this broker is none of Apache's: it took a record with acks=2, which is now in the topic");
    return RIGHT_UNSEEN;
}

/* A topic that is there already may be created, too: authorization comes first. */
static enum right create_topic(struct probe *probe, const char *name, int timeout_ms, char *why) {
    struct bus *bus = probe->bus;
    char reason[256];
    size_t count = 0;
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, 1, -1, reason, sizeof reason);
    CLEANUP(admin_free_options)
    rd_kafka_AdminOptions_t *options = admin_options(bus, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_AdminOptions_set_validate_only(options, 1, reason, sizeof reason);
    CLEANUP(admin_free_queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(bus->client);
    rd_kafka_CreateTopics(bus->client, &topic, 1, options, queue);
    struct error err = ERROR_INIT;
    CLEANUP(admin_free_event) rd_kafka_event_t *event = admin_await(bus, queue, timeout_ms, name, &err);
    rd_kafka_NewTopic_destroy(topic);
    snprintf(why, WHY_MAX, "%.200s", err.text);
    if (!event) return RIGHT_UNSEEN;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    rd_kafka_resp_err_t code = count ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
    return code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? RIGHT_GRANTED : right_of(code, why);
}

static enum right describe_configs(struct probe *probe, const char *name, int timeout_ms, char *why) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *value =
        bus_topic_setting(probe->bus, bus_short_name(probe->bus, name), "cleanup.policy", timeout_ms, &err);
    snprintf(why, WHY_MAX, "%.200s", err.text);
    return value ? RIGHT_GRANTED : err.code == ERR_AUTH ? RIGHT_DENIED : RIGHT_UNSEEN;
}

enum right probe_topic(struct probe *probe, const char *topic, const char *operation, int timeout_ms, char *why) {
    *why = 0;
    if (strcmp(operation, "Create") == 0) return create_topic(probe, topic, timeout_ms, why);
    /* By the consumer: a producer's question would have a broker create the topic that allows that. */
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_t *handle = learn(probe->reader, topic, timeout_ms, &code);
    enum right right = right_of(code, why);
    if (right == RIGHT_GRANTED && strcmp(operation, "Read") == 0)
        right = read_topic(probe, topic, timeout_ms, why);
    else if (right == RIGHT_GRANTED && strcmp(operation, "Write") == 0)
        right = write_topic(probe, topic, timeout_ms, why);
    else if (right == RIGHT_GRANTED && strcmp(operation, "DescribeConfigs") == 0)
        right = describe_configs(probe, topic, timeout_ms, why);
    if (handle) rd_kafka_topic_destroy(handle);
    return right;
}

bool probe_find_topic(struct probe *probe, const char *prefix, int timeout_ms, char *out) {
    const struct rd_kafka_metadata *metadata = NULL;
    bool found = false;
    if (rd_kafka_metadata(probe->reader, 1, NULL, &metadata, timeout_ms)) return false;
    for (int i = 0; i < metadata->topic_cnt && !found; i++) {
        found = strncmp(metadata->topics[i].topic, prefix, strlen(prefix)) == 0;
        if (found) snprintf(out, BUS_TOPIC_MAX + 1, "%s", metadata->topics[i].topic);
    }
    rd_kafka_metadata_destroy(metadata);
    return found;
}

/* --- others ----------------------------------------------------------------------------------- */
/* A group that does not exist may be described: it is dead, or (Kafka 4) said not to be found. */
enum right probe_group(struct probe *probe, const char *group, int timeout_ms, char *why) {
    struct bus *bus = probe->bus;
    struct error err = ERROR_INIT;
    size_t count = 0;
    *why = 0;
    CLEANUP(admin_free_options)
    rd_kafka_AdminOptions_t *options = admin_options(bus, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout_ms);
    CLEANUP(admin_free_queue) rd_kafka_queue_t *queue = rd_kafka_queue_new(bus->client);
    rd_kafka_DescribeConsumerGroups(bus->client, &group, 1, options, queue);
    CLEANUP(admin_free_event) rd_kafka_event_t *event = admin_await(bus, queue, timeout_ms, group, &err);
    snprintf(why, WHY_MAX, "%.200s", err.text);
    if (!event) return RIGHT_UNSEEN;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &count);
    const rd_kafka_error_t *error = count ? rd_kafka_ConsumerGroupDescription_error(groups[0]) : NULL;
    if (error && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return RIGHT_GRANTED;
    return right_of(error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR, why);
}

enum right probe_transactional(struct probe *probe, int timeout_ms, char *why) {
    struct error err = ERROR_INIT;
    struct bus_producer_config config = {.transactional_id = PREFLIGHT_ID};
    CLEANUP(cleanup_bus_producer) struct bus_producer *producer = bus_producer_new(probe->bus, &config, &err);
    *why = 0;
    if (producer && bus_tx_init(producer, timeout_ms, &err) == 0) return RIGHT_GRANTED;
    snprintf(why, WHY_MAX, "%.200s", err.text);
    return err.code == ERR_AUTH ? RIGHT_DENIED : RIGHT_UNSEEN;
}
