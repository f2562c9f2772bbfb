/* Consuming by explicit assignment. See bus.h. */
#include <stdlib.h>
#include <string.h>

#include "fleet/bus/security.h"

struct assigned {
    char topic[BUS_TOPIC_MAX + 1]; /* full name */
    int32_t partition;
    bool paused;
};
struct bus_consumer {
    struct bus *bus;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    char *group;
    struct assigned *assigned;
    size_t assigned_count;
    pthread_mutex_t lock; /* assigned */
};

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct bus_consumer *consumer = opaque;
    (void)client;
    bus_client_error(consumer->bus, (rd_kafka_resp_err_t)code, reason);
}

/* librdkafka wants a group id even of a consumer that joins no group; the user may set one for the broker's ACLs. */
static int complete_conf(struct bus_consumer *consumer, rd_kafka_conf_t *conf, struct error *err) {
    const char *given = bus_property(consumer->bus, "group.id");
    consumer->group =
        given && *given ? xstrdup(given) : xasprintf("%s%s", consumer->bus->prefix, consumer->bus->client_id);
    return bus_conf_set(conf, "group.id", consumer->group, err);
}

struct bus_consumer *bus_consumer_new(struct bus *bus, const struct bus_consumer_config *config, struct error *err) {
    char reason[512], wait[16];
    snprintf(wait, sizeof wait, "%d", config ? config->fetch_wait_ms : 0);
    bool embedded = bus_is_embedded(bus), hurry = config && config->fetch_wait_ms > 0;
    const char *fixed[] = {"enable.auto.commit",
                           "false",
                           "enable.auto.offset.store",
                           "false",
                           "auto.offset.reset",
                           "error",
                           "enable.partition.eof",
                           "true",
                           "isolation.level",
                           config && config->read_committed ? "read_committed" : "read_uncommitted",
                           embedded || hurry ? "fetch.wait.max.ms" : NULL,
                           embedded ? BUS_EMBEDDED_FETCH_WAIT : wait,
                           NULL};
    struct bus_consumer *consumer = xcalloc(1, sizeof *consumer);
    consumer->bus = bus;
    pthread_mutex_init(&consumer->lock, NULL);
    rd_kafka_conf_t *conf = bus_conf_new(bus, fixed, consumer, err);
    if (!conf || complete_conf(consumer, conf, err)) {
        if (conf) rd_kafka_conf_destroy(conf);
        bus_consumer_free(consumer);
        return NULL;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    consumer->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!consumer->client) {
        rd_kafka_conf_destroy(conf);
        bus_consumer_free(consumer);
        error_set(err, ERR_INVALID, "kafka consumer: %s", reason);
        return NULL;
    }
    rd_kafka_poll_set_consumer(consumer->client);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
    return consumer;
}

void bus_consumer_free(struct bus_consumer *consumer) {
    if (!consumer) return;
    if (consumer->queue) rd_kafka_queue_destroy(consumer->queue);
    if (consumer->client) {
        rd_kafka_consumer_close(consumer->client);
        rd_kafka_destroy(consumer->client);
    }
    pthread_mutex_destroy(&consumer->lock);
    free(consumer->assigned);
    free(consumer->group);
    free(consumer);
}

/* --- assignment ------------------------------------------------------------------------------- */
static struct assigned *find(struct bus_consumer *consumer, const char *name, int32_t partition) {
    for (size_t i = 0; i < consumer->assigned_count; i++)
        if (consumer->assigned[i].partition == partition && !strcmp(consumer->assigned[i].topic, name))
            return &consumer->assigned[i];
    return NULL;
}

static rd_kafka_topic_partition_list_t *one(const char *name, int32_t partition, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, partition)->offset = offset;
    return list;
}

/* With the lock held; `at` is forgotten in any case. */
static int drop(struct bus_consumer *consumer, struct assigned *at, struct error *err) {
    rd_kafka_topic_partition_list_t *list = one(at->topic, at->partition, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(consumer->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    *at = consumer->assigned[--consumer->assigned_count];
    return error ? bus_error_object(consumer->bus, err, error, "end of an assignment") : 0;
}

static void free_handle(rd_kafka_topic_t **handle) {
    if (*handle) rd_kafka_topic_destroy(*handle);
}

static void remember(struct bus_consumer *consumer, const char *name, int32_t partition) {
    consumer->assigned = xrealloc(consumer->assigned, (consumer->assigned_count + 1) * sizeof *consumer->assigned);
    struct assigned *at = &consumer->assigned[consumer->assigned_count++];
    *at = (struct assigned){.partition = partition};
    memcpy(at->topic, name, strlen(name) + 1);
}

/* librdkafka is told of the topics while we hold handles on them, so that it asks for all of them at once. */
static void learn(struct bus_consumer *consumer, const rd_kafka_topic_partition_list_t *list) {
    rd_kafka_topic_t **handles = xcalloc((size_t)list->cnt + 1, sizeof *handles);
    for (int i = 0; i < list->cnt; i++) handles[i] = rd_kafka_topic_new(consumer->client, list->elems[i].topic, NULL);
    bus_learn_topic(consumer->bus, consumer->client, list->cnt == 1 ? handles[0] : NULL);
    for (int i = 0; i < list->cnt; i++) free_handle(&handles[i]);
    free(handles);
}

/* With the lock held: none of the list is assigned. */
static int add(struct bus_consumer *consumer, const rd_kafka_topic_partition_list_t *list, struct error *err) {
    learn(consumer, list);
    rd_kafka_error_t *error = rd_kafka_incremental_assign(consumer->client, list);
    if (error) return bus_error_object(consumer->bus, err, error, "assignment");
    for (int i = 0; i < list->cnt; i++) remember(consumer, list->elems[i].topic, list->elems[i].partition);
    return 0;
}

static void free_list(rd_kafka_topic_partition_list_t **list) {
    rd_kafka_topic_partition_list_destroy(*list);
}

int bus_assign_all(struct bus_consumer *consumer, const struct bus_position *positions, size_t count,
                   struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    int failed = 0;
    CLEANUP(free_list) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        if (bus_topic_name(consumer->bus, positions[i].topic, name, err)) return -1;
        if (positions[i].offset < BUS_BEGINNING || positions[i].partition < 0)
            return error_set(err, ERR_INVALID, "assignment of %s/%d at offset %lld", name, positions[i].partition,
                             (long long)positions[i].offset);
        rd_kafka_topic_partition_list_add(list, name, positions[i].partition)->offset = positions[i].offset;
    }
    pthread_mutex_lock(&consumer->lock);
    for (int i = 0; i < list->cnt && !failed; i++) {
        struct assigned *at = find(consumer, list->elems[i].topic, list->elems[i].partition);
        failed = at ? drop(consumer, at, err) : 0;
    }
    if (!failed && count > 0) failed = add(consumer, list, err);
    pthread_mutex_unlock(&consumer->lock);
    return failed;
}

int bus_assign(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t offset, struct error *err) {
    const struct bus_position position = {.topic = topic, .partition = partition, .offset = offset};
    return bus_assign_all(consumer, &position, 1, err);
}

int bus_unassign(struct bus_consumer *consumer, const char *topic, int32_t partition, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    if (bus_topic_name(consumer->bus, topic, name, err)) return -1;
    pthread_mutex_lock(&consumer->lock);
    struct assigned *at = find(consumer, name, partition);
    int failed = at ? drop(consumer, at, err) : 0;
    pthread_mutex_unlock(&consumer->lock);
    return failed;
}

static int set_paused(struct bus_consumer *consumer, const char *topic, int32_t partition, bool paused,
                      struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    if (bus_topic_name(consumer->bus, topic, name, err)) return -1;
    pthread_mutex_lock(&consumer->lock);
    struct assigned *at = find(consumer, name, partition);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (at && at->paused != paused) {
        rd_kafka_topic_partition_list_t *list = one(name, partition, RD_KAFKA_OFFSET_INVALID);
        code = paused ? rd_kafka_pause_partitions(consumer->client, list)
                      : rd_kafka_resume_partitions(consumer->client, list);
        if (!code) code = list->elems[0].err;
        rd_kafka_topic_partition_list_destroy(list);
        if (!code) at->paused = paused;
    }
    pthread_mutex_unlock(&consumer->lock);
    if (!at) return error_set(err, ERR_NOT_FOUND, "%s/%d is not assigned", name, partition);
    return code ? bus_error(consumer->bus, err, code, NULL, "%s of %s/%d", paused ? "pause" : "resume", name, partition)
                : 0;
}

int bus_pause(struct bus_consumer *consumer, const char *topic, int32_t partition, struct error *err) {
    return set_paused(consumer, topic, partition, true, err);
}
int bus_resume(struct bus_consumer *consumer, const char *topic, int32_t partition, struct error *err) {
    return set_paused(consumer, topic, partition, false, err);
}

/* --- records ---------------------------------------------------------------------------------- */
/* One allocation: the record, its key and a NUL, its value. */
static struct bus_record *copy_record(const struct bus *bus, const rd_kafka_message_t *message, bool with_data) {
    size_t key_len = with_data && message->key ? message->key_len : 0;
    size_t len = with_data && message->payload ? message->len : 0;
    struct bus_record *record = xcalloc(1, sizeof *record + key_len + 1 + len);
    char *data = (char *)(record + 1);
    snprintf(record->topic, sizeof record->topic, "%s", bus_short_name(bus, rd_kafka_topic_name(message->rkt)));
    record->partition = message->partition;
    record->offset = message->offset;
    record->timestamp_ms = -1;
    if (!with_data) return record;
    rd_kafka_timestamp_type_t type;
    int64_t timestamp = rd_kafka_message_timestamp(message, &type);
    if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record->timestamp_ms = timestamp;
    if (message->key) {
        memcpy(data, message->key, key_len);
        record->key = data;
        record->key_len = key_len;
    }
    if (message->payload) {
        if (len) memcpy(data + key_len + 1, message->payload, len);
        record->value = (const uint8_t *)data + key_len + 1;
        record->len = len;
    }
    return record;
}

void bus_record_free(struct bus_record *record) {
    free(record);
}

static enum bus_event take_error(struct bus_consumer *consumer, const rd_kafka_message_t *message,
                                 struct bus_record **ret, struct error *err) {
    if (message->rkt && message->partition >= 0) *ret = copy_record(consumer->bus, message, false);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return BUS_AT_END;
    if (*ret && message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        error_set(err, ERR_NOT_FOUND, "%s/%d: the offset to read from is not there (any more): %s", (*ret)->topic,
                  (*ret)->partition, rd_kafka_message_errstr(message));
        return BUS_FAILED;
    }
    if (*ret && bus_is_denied(message->err)) {
        bus_denied(consumer->bus, err, "Read", "topic", rd_kafka_topic_name(message->rkt));
        return BUS_FAILED;
    }
    if (message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
        bus_denied(consumer->bus, err, "Describe", "group", consumer->group);
        return BUS_FAILED;
    }
    bus_error(consumer->bus, err, message->err, rd_kafka_message_errstr(message), "%s",
              *ret ? (*ret)->topic : "consumer");
    return BUS_FAILED;
}

enum bus_event bus_next(struct bus_consumer *consumer, int timeout_ms, struct bus_record **ret, struct error *err) {
    *ret = NULL;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->client, timeout_ms);
    if (!message) return BUS_NOTHING;
    enum bus_event event = BUS_RECORD;
    if (message->err)
        event = take_error(consumer, message, ret, err);
    else
        *ret = copy_record(consumer->bus, message, true);
    rd_kafka_message_destroy(message);
    return event;
}

void bus_consumer_wake(struct bus_consumer *consumer) {
    rd_kafka_queue_yield(consumer->queue);
}
