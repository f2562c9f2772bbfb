/* Producing. See bus.h.
 *
 * Each record in flight has a `struct sent` as its opaque, released by its one delivery report. The client itself may
 * be replaced (a fatal error of the idempotent producer leaves it useless): senders hold the lock shared, the thread
 * that polls takes it alone to swap. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "fleet/bus/security.h"

#define POLL_MS 100
#define REBUILD_AGAIN_MS 1000
#define FREE_WAIT_MS 1000
#define TIMEOUT_DEFAULT_MS 120000

struct bus_producer {
    struct bus *bus;
    rd_kafka_t *client;
    rd_kafka_topic_t **topics; /* those that were sent to, kept open, by name */
    size_t topic_count;
    pthread_rwlock_t lock; /* client and topics */
    char *transactional_id;
    bus_delivery_fn *on_delivery;
    void *context;
    enum tx_call tx; /* that is not yet through */
    int timeout_ms;
    bool own_thread;
    pthread_t thread;
    atomic_bool stopping, fatal;
    int64_t rebuilt_ms; /* of the thread that polls */
    atomic_int pending;
    pthread_mutex_t waiters; /* struct waiter, and the condition */
    pthread_cond_t delivered;
};

/* Of a bus_send_wait(); shared with the record in flight, whichever ends last frees it. */
struct waiter {
    bool done, abandoned;
    enum error_code code;
    int64_t offset;
    char text[256];
};
struct sent {
    void *token;
    struct waiter *waiter;
};

rd_kafka_t *bus_producer_client(struct bus_producer *producer) {
    return producer->client;
}
enum tx_call *bus_producer_tx(struct bus_producer *producer) {
    return &producer->tx;
}
struct bus *bus_producer_bus(struct bus_producer *producer) {
    return producer->bus;
}

/* --- deliveries ------------------------------------------------------------------------------- */
static void tell_waiter(struct bus_producer *producer, struct waiter *waiter, const struct bus_delivery *delivery) {
    pthread_mutex_lock(&producer->waiters);
    bool abandoned = waiter->abandoned;
    waiter->done = true;
    waiter->code = delivery->code;
    waiter->offset = delivery->offset;
    snprintf(waiter->text, sizeof waiter->text, "%s", delivery->text);
    pthread_mutex_unlock(&producer->waiters);
    if (abandoned) free(waiter);
}

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    struct bus_producer *producer = opaque;
    struct sent *sent = message->_private;
    struct error denied = ERROR_INIT;
    if (bus_is_denied(message->err)) bus_tell_denied(producer->bus, rd_kafka_topic_name(message->rkt), &denied);
    struct bus_delivery delivery = {
        .code = bus_error_code(message->err),
        .text = denied.code    ? denied.text
                : message->err ? rd_kafka_err2str(message->err)
                               : "",
        .topic = bus_short_name(producer->bus, rd_kafka_topic_name(message->rkt)),
        .partition = message->partition,
        .offset = message->offset,
        .token = sent->token,
    };
    (void)client;
    if (sent->waiter)
        tell_waiter(producer, sent->waiter, &delivery);
    else if (producer->on_delivery)
        producer->on_delivery(producer->context, &delivery);
    free(sent);
    pthread_mutex_lock(&producer->waiters);
    producer->pending--;
    pthread_cond_broadcast(&producer->delivered);
    pthread_mutex_unlock(&producer->waiters);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct bus_producer *producer = opaque;
    char text[512];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(client, text, sizeof text);
        reason = text;
        producer->fatal = true;
        /* An idempotent producer needs a right to write to any topic at all. */
        if (bus_is_denied((rd_kafka_resp_err_t)code) && !producer->transactional_id) {
            snprintf(
                text, sizeof text,
                "principal %s may not WRITE any topic, so no record can be sent (`portolan topics --check` says what "
                "is missing)",
                bus_principal(producer->bus));
            bus_warn(producer->bus, text);
            return;
        }
    }
    bus_client_error(producer->bus, (rd_kafka_resp_err_t)code, reason);
}

/* --- the client ------------------------------------------------------------------------------- */
static void close_topics(struct bus_producer *producer) {
    for (size_t i = 0; i < producer->topic_count; i++) rd_kafka_topic_destroy(producer->topics[i]);
    free(producer->topics);
    producer->topics = NULL;
    producer->topic_count = 0;
}

static rd_kafka_t *new_client(struct bus_producer *producer, struct error *err) {
    char reason[512], timeout[16], id[256];
    bool transactional = producer->transactional_id != NULL;
    snprintf(timeout, sizeof timeout, "%d", producer->timeout_ms);
    snprintf(id, sizeof id, "%s%s", producer->bus->prefix, transactional ? producer->transactional_id : "");
    const char *fixed[] = {"enable.idempotence",
                           "true",
                           "acks",
                           "all",
                           "partitioner",
                           "murmur2_random",
                           "message.timeout.ms",
                           timeout,
                           transactional ? "transactional.id" : NULL,
                           id,
                           NULL};
    rd_kafka_conf_t *conf = bus_conf_new(producer->bus, fixed, producer, err);
    if (!conf) return NULL;
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (client) return client;
    rd_kafka_conf_destroy(conf);
    error_set(err, ERR_INVALID, "kafka producer: %s", reason);
    return NULL;
}

/* Everything in flight is reported as failed, then a new client takes the old one's place. */
static int replace_client(struct bus_producer *producer, struct error *err) {
    rd_kafka_t *fresh = new_client(producer, err);
    if (!fresh) return -1;
    pthread_rwlock_wrlock(&producer->lock);
    rd_kafka_t *old = producer->client;
    close_topics(producer);
    producer->client = fresh;
    producer->fatal = false;
    producer->tx = TX_NONE;
    pthread_rwlock_unlock(&producer->lock);
    rd_kafka_purge(old, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(old) > 0) rd_kafka_poll(old, POLL_MS);
    rd_kafka_destroy(old);
    bus_warn(producer->bus, "the producer was built anew after a fatal error");
    return 0;
}

/* After a fatal error. Not for a transactional one: making it anew fences others, which its owner decides. */
static void rebuild(struct bus_producer *producer) {
    struct error err = ERROR_INIT;
    if (!producer->fatal || producer->transactional_id) return;
    /* What is fatal for lack of a right is so again at once, until somebody grants it. */
    int64_t now_ms = clock_mono_ms();
    if (producer->rebuilt_ms && now_ms - producer->rebuilt_ms < REBUILD_AGAIN_MS) return;
    producer->rebuilt_ms = now_ms;
    if (replace_client(producer, &err) != 0) log_error("kafka producer cannot be rebuilt: %s", err.text);
}

int bus_tx_renew(struct bus_producer *producer, struct error *err) {
    return replace_client(producer, err);
}

static int poll_once(struct bus_producer *producer, int timeout_ms) {
    int served = rd_kafka_poll(producer->client, timeout_ms);
    rebuild(producer);
    return served;
}

static void *serve(void *argument) {
    struct bus_producer *producer = argument;
    while (!producer->stopping) poll_once(producer, POLL_MS);
    return NULL;
}

struct bus_producer *bus_producer_new(struct bus *bus, const struct bus_producer_config *config, struct error *err) {
    if (config->own_thread && config->transactional_id) {
        error_set(err, ERR_INVALID, "a transactional producer cannot have a thread of its own");
        return NULL;
    }
    struct bus_producer *producer = xcalloc(1, sizeof *producer);
    producer->bus = bus;
    producer->transactional_id = config->transactional_id ? xstrdup(config->transactional_id) : NULL;
    producer->on_delivery = config->on_delivery;
    producer->context = config->context;
    producer->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : TIMEOUT_DEFAULT_MS;
    /* librdkafka demands message.timeout.ms <= transaction.timeout.ms, which is 60 s */
    if (config->transactional_id && producer->timeout_ms > 60000) producer->timeout_ms = 60000;
    pthread_rwlock_init(&producer->lock, NULL);
    pthread_mutex_init(&producer->waiters, NULL);
    clock_cond_init(&producer->delivered);
    producer->client = new_client(producer, err);
    if (producer->client && config->own_thread && !pthread_create(&producer->thread, NULL, serve, producer))
        producer->own_thread = true;
    if (producer->client && producer->own_thread == config->own_thread) return producer;
    if (producer->client) error_set(err, ERR_NOMEM, "kafka producer: no thread");
    bus_producer_free(producer);
    return NULL;
}

static void drain(struct bus_producer *producer) {
    int64_t deadline = clock_mono_ms() + FREE_WAIT_MS;
    while (rd_kafka_outq_len(producer->client) > 0 && clock_mono_ms() < deadline)
        rd_kafka_poll(producer->client, POLL_MS);
    rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(producer->client) > 0) rd_kafka_poll(producer->client, POLL_MS);
}

void bus_producer_free(struct bus_producer *producer) {
    if (!producer) return;
    producer->stopping = true;
    if (producer->own_thread) pthread_join(producer->thread, NULL);
    if (producer->client) {
        drain(producer);
        close_topics(producer);
        rd_kafka_destroy(producer->client);
    }
    pthread_rwlock_destroy(&producer->lock);
    pthread_mutex_destroy(&producer->waiters);
    pthread_cond_destroy(&producer->delivered);
    free(producer->transactional_id);
    free(producer);
}

/* --- sending ---------------------------------------------------------------------------------- */
/* A record that could not be queued: why. */
static int refuse(struct bus_producer *producer, const char *name, rd_kafka_resp_err_t code, size_t len,
                  struct error *err) {
    char text[512];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(producer->client, text, sizeof text);
        producer->fatal = true;
        /* not transactional: it will be rebuilt by the next poll, so trying again helps */
        return error_set(err, producer->transactional_id ? bus_error_code(cause) : ERR_NETWORK, "sending to %s: %s",
                         name, text);
    }
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return error_set(err, ERR_LIMIT, "sending to %s: a record of %zu bytes is larger than message.max.bytes", name,
                         len);
    if (bus_is_denied(code)) return bus_denied(producer->bus, err, "Write", "topic", name);
    return bus_error(producer->bus, err, code, NULL, "sending to %s", name);
}

/* Where `name` is among the sorted topics, or would have to be. */
static size_t topic_place(const struct bus_producer *producer, const char *name, bool *ret_there) {
    size_t low = 0, high = producer->topic_count;
    *ret_there = false;
    while (low < high && !*ret_there) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(rd_kafka_topic_name(producer->topics[middle]), name);
        *ret_there = order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return *ret_there ? high : low;
}

static rd_kafka_topic_t *find_topic(const struct bus_producer *producer, const char *name) {
    bool there = false;
    size_t at = topic_place(producer, name, &there);
    return there ? producer->topics[at] : NULL;
}

/* With the lock held alone. */
static int add_topic(struct bus_producer *producer, const char *name, rd_kafka_topic_t **ret, struct error *err) {
    bool there = false;
    size_t at = topic_place(producer, name, &there);
    *ret = NULL;
    if (there) return 0;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer->client, name, NULL);
    if (!handle) return bus_error(producer->bus, err, rd_kafka_last_error(), NULL, "topic %s", name);
    producer->topics = xrealloc(producer->topics, (producer->topic_count + 1) * sizeof(rd_kafka_topic_t *));
    memmove(producer->topics + at + 1, producer->topics + at,
            (producer->topic_count++ - at) * sizeof(rd_kafka_topic_t *));
    *ret = producer->topics[at] = handle;
    return 0;
}

/* Open a topic that this producer has not sent to before. */
static int open_topic(struct bus_producer *producer, const char *name, struct error *err) {
    rd_kafka_topic_t *fresh = NULL;
    pthread_rwlock_wrlock(&producer->lock);
    int failed = add_topic(producer, name, &fresh, err);
    if (fresh) bus_learn_topic(producer->bus, producer->client, fresh);
    pthread_rwlock_unlock(&producer->lock);
    return failed;
}

int bus_producer_open(struct bus_producer *producer, const char *const *topics, size_t count, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    bool any = false;
    int failed = 0;
    pthread_rwlock_wrlock(&producer->lock);
    for (size_t i = 0; i < count && !failed; i++) {
        rd_kafka_topic_t *fresh = NULL;
        failed = bus_topic_name(producer->bus, topics[i], name, err) || add_topic(producer, name, &fresh, err) ? -1 : 0;
        any |= fresh != NULL;
    }
    pthread_rwlock_unlock(&producer->lock);
    /* Shared from here on: others may send meanwhile. */
    pthread_rwlock_rdlock(&producer->lock);
    if (any) bus_learn_topic(producer->bus, producer->client, NULL);
    pthread_rwlock_unlock(&producer->lock);
    return failed;
}

/* The topic, with the lock held shared; without it when NULL is returned with err. */
static rd_kafka_topic_t *lock_topic(struct bus_producer *producer, const char *name, struct error *err) {
    for (;;) {
        pthread_rwlock_rdlock(&producer->lock);
        rd_kafka_topic_t *handle = find_topic(producer, name);
        if (handle) return handle;
        pthread_rwlock_unlock(&producer->lock);
        if (open_topic(producer, name, err)) return NULL;
    }
}

/* librdkafka's macros cast const away; it copies what it is given. */
static void *writable(const void *data) {
    return (void *)(uintptr_t)data;
}

static int send_record(struct bus_producer *producer, const char *topic, int32_t partition, const char *key,
                       const void *value, size_t len, void *token, struct waiter *waiter, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    if (bus_topic_name(producer->bus, topic, name, err)) return -1;
    rd_kafka_topic_t *handle = lock_topic(producer, name, err);
    if (!handle) return -1;
    struct sent *sent = xmalloc(sizeof *sent);
    *sent = (struct sent){.token = token, .waiter = waiter};
    producer->pending++;
    rd_kafka_resp_err_t code =
        rd_kafka_producev(producer->client, RD_KAFKA_V_RKT(handle), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_KEY(writable(key), key ? strlen(key) : 0), RD_KAFKA_V_VALUE(writable(value), len),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(sent), RD_KAFKA_V_END);
    int failed = code ? refuse(producer, name, code, len, err) : 0;
    pthread_rwlock_unlock(&producer->lock);
    if (failed) {
        producer->pending--;
        free(sent);
    }
    return failed;
}

int bus_send(struct bus_producer *producer, const char *topic, int32_t partition, const char *key, const void *value,
             size_t len, void *token, struct error *err) {
    return send_record(producer, topic, partition, key, value, len, token, NULL, err);
}

int bus_producer_pending(struct bus_producer *producer) {
    return producer->pending;
}

int bus_producer_poll(struct bus_producer *producer, int timeout_ms) {
    return producer->own_thread ? 0 : poll_once(producer, timeout_ms);
}

/* --- waiting ---------------------------------------------------------------------------------- */
/* Let time pass until a delivery may have come: at most until `deadline`. With the mutex held, and held again after. */
static void await_delivery(struct bus_producer *producer, int64_t deadline) {
    int64_t left = deadline - clock_mono_ms();
    if (left > POLL_MS) left = POLL_MS;
    if (left < 0) left = 0;
    if (producer->own_thread) {
        clock_cond_wait(&producer->delivered, &producer->waiters, clock_mono_ns() + left * 1000000);
        return;
    }
    pthread_mutex_unlock(&producer->waiters);
    poll_once(producer, (int)left);
    pthread_mutex_lock(&producer->waiters);
}

int bus_flush(struct bus_producer *producer, int timeout_ms, struct error *err) {
    int64_t deadline = clock_mono_ms() + timeout_ms;
    pthread_mutex_lock(&producer->waiters);
    while (producer->pending > 0 && clock_mono_ms() < deadline) await_delivery(producer, deadline);
    pthread_mutex_unlock(&producer->waiters);
    if (!producer->pending) return 0;
    return bus_error(producer->bus, err, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, "%d records are not yet delivered",
                     producer->pending);
}

int bus_send_wait(struct bus_producer *producer, const char *topic, int32_t partition, const char *key,
                  const void *value, size_t len, int timeout_ms, int64_t *ret_offset, struct error *err) {
    int64_t deadline = clock_mono_ms() + timeout_ms;
    struct waiter *waiter = xcalloc(1, sizeof *waiter);
    if (send_record(producer, topic, partition, key, value, len, NULL, waiter, err)) {
        free(waiter);
        return -1;
    }
    pthread_mutex_lock(&producer->waiters);
    while (!waiter->done && clock_mono_ms() < deadline) await_delivery(producer, deadline);
    bool done = waiter->done;
    waiter->abandoned = !done;
    pthread_mutex_unlock(&producer->waiters);
    if (!done) /* the report will come, and free the waiter */
        return bus_error(producer->bus, err, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, "sending to %s%s",
                         producer->bus->prefix, topic);
    int failed = waiter->code
                     ? error_set(err, waiter->code, "sending to %s%s: %s", producer->bus->prefix, topic, waiter->text)
                     : 0;
    if (!failed && ret_offset) *ret_offset = waiter->offset;
    free(waiter);
    return failed;
}
