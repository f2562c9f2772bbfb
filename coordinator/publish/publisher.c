#include "coordinator/publish/publisher.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "fleet/bus/topics.h"

#define TRANSACTION_TIMEOUT_MS 5000
#define RETRY_MS 500
#define REGISTRY_RETRY_MAX_MS 30000
#define FENCE_WAIT_MS 5000
#define QUEUE_FULL_TRIES 100

struct publisher {
    struct bus *bus;
    struct bus_producer *producer;
    struct wire *wire; /* not owned */
    struct loop *loop;
    pthread_t thread;
    bool started, initialised;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
    struct outbox_batch *batch;
};

struct publisher *publisher_new(struct bus *bus, struct wire *wire, struct error *err) {
    struct publisher *publisher = xcalloc(1, sizeof *publisher);
    struct bus_producer_config config = {.transactional_id = "coordinator"};
    pthread_mutex_init(&publisher->mutex, NULL);
    clock_cond_init(&publisher->wake);
    publisher->bus = bus;
    publisher->wire = wire;
    publisher->producer = bus_producer_new(bus, &config, err);
    if (publisher->producer) return publisher;
    publisher_free(publisher);
    return NULL;
}

void publisher_free(struct publisher *publisher) {
    if (!publisher) return;
    bus_producer_free(publisher->producer);
    outbox_batch_free(publisher->batch);
    pthread_mutex_destroy(&publisher->mutex);
    pthread_cond_destroy(&publisher->wake);
    free(publisher);
}

static bool stopping(struct publisher *publisher) {
    pthread_mutex_lock(&publisher->mutex);
    bool stop = publisher->stop;
    pthread_mutex_unlock(&publisher->mutex);
    return stop;
}

static void pause_ms(struct publisher *publisher, int ms) {
    int64_t until_ns = clock_mono_ns() + ms * INT64_C(1000000);
    pthread_mutex_lock(&publisher->mutex);
    if (!publisher->stop) clock_cond_wait(&publisher->wake, &publisher->mutex, until_ns);
    pthread_mutex_unlock(&publisher->mutex);
}

/* --- one batch -------------------------------------------------------------------------------- */
static int send_row(struct publisher *publisher, const char *topic, const char *key, const void *value, size_t len,
                    struct error *err) {
    for (int i = 0; i < QUEUE_FULL_TRIES; i++) {
        *err = (struct error)ERROR_INIT;
        if (bus_send(publisher->producer, topic, BUS_ANY_PARTITION, key, value, len, NULL, err) == 0) return 0;
        if (err->code != ERR_LIMIT) return -1;
        bus_producer_poll(publisher->producer, 100);
    }
    return -1;
}

static int send_batch(struct publisher *publisher, const struct outbox_batch *batch, struct error *err) {
    for (size_t i = 0; i < batch->count; i++)
        if (send_row(publisher, batch->rows[i].topic, batch->rows[i].key, batch->rows[i].value, batch->rows[i].len,
                     err) != 0)
            return error_wrap(err, "topic %s", batch->rows[i].topic);
    return 0;
}

static int begin_with(struct publisher *publisher, const struct outbox_batch *batch, struct error *err) {
    struct error ignored = ERROR_INIT;
    if (!publisher->initialised && bus_tx_init(publisher->producer, TRANSACTION_TIMEOUT_MS, err) != 0) return -1;
    publisher->initialised = true;
    if (bus_tx_begin(publisher->producer, err) != 0) return -1;
    if (send_batch(publisher, batch, err) == 0) return 0;
    if (err->code != ERR_FENCED) bus_tx_abort(publisher->producer, TRANSACTION_TIMEOUT_MS, &ignored);
    return -1;
}

/* A commit that ran out of time is gone on with: this batch is in it. */
static int publish_once(struct publisher *publisher, const struct outbox_batch *batch, struct error *err) {
    if (!bus_tx_committing(publisher->producer) && begin_with(publisher, batch, err) != 0) return -1;
    return bus_tx_commit(publisher->producer, TRANSACTION_TIMEOUT_MS, err);
}

/* Our transactions are refused for good: a newer coordinator has fenced us, or the broker gave a transaction up while
 * it was out of reach. A newer one writes ticks twice a second, and the first that is read ends this process: so when
 * it lives on after a while, nobody is there whom a new producer could fence wrongly. */
static void renew(struct publisher *publisher) {
    struct error err = ERROR_INIT;
    pause_ms(publisher, FENCE_WAIT_MS);
    if (stopping(publisher)) return;
    publisher->initialised = false;
    if (bus_tx_renew(publisher->producer, &err) != 0) log_warn("results wait: %s", err.text);
}

/* --- schema ids ------------------------------------------------------------------------------- */
static void tell_registry(struct publisher *publisher, const struct error *err) {
    struct wire_id id;
    while (wire_learned(publisher->wire, &id)) {
        struct event *event = event_new(EVENT_SCHEMA_ID);
        event->offset = id.own;
        event->partition = id.external;
        loop_post(publisher->loop, event);
    }
    struct event *event = event_new(EVENT_REGISTRY);
    event->code = err->code;
    event->text = xstrdup(err->text);
    loop_post(publisher->loop, event);
}

static int translate(struct publisher *publisher, struct outbox_batch *batch, size_t *done, struct error *err) {
    for (; *done < batch->count; ++*done) {
        const char *topic = batch->rows[*done].topic;
        if (strcmp(topic, TOPIC_RESULTS) != 0 && strcmp(topic, TOPIC_MEASUREMENTS) != 0) continue;
        if (wire_out(publisher->wire, batch->rows[*done].value, batch->rows[*done].len, err) != 0) return -1;
    }
    return 0;
}

/* Puts the registry's ids into the batch, asking as long as it takes: consumers could not read what has none. */
static bool prepare(struct publisher *publisher, struct outbox_batch *batch, struct error *err) {
    char last[ERROR_TEXT_MAX] = "";
    int wait_ms = RETRY_MS;
    size_t done = 0;
    while (!stopping(publisher)) {
        *err = (struct error)ERROR_INIT;
        int status = translate(publisher, batch, &done, err);
        if (stopping(publisher)) break;
        if (wire_is_external(publisher->wire)) tell_registry(publisher, err);
        if (status == 0) return true;
        if (strcmp(last, err->text) != 0) log_warn("results wait for the schema registry: %s", err->text);
        snprintf(last, sizeof last, "%s", err->text);
        pause_ms(publisher, wait_ms);
        wait_ms = 2 * wait_ms < REGISTRY_RETRY_MAX_MS ? 2 * wait_ms : REGISTRY_RETRY_MAX_MS;
    }
    return false;
}

/* Until it is out: its rows are in the outbox as long, and come again after a crash with the same contents. */
static bool publish(struct publisher *publisher, struct outbox_batch *batch, struct error *err) {
    char last[ERROR_TEXT_MAX] = "";
    if (!prepare(publisher, batch, err)) return false;
    while (!stopping(publisher)) {
        *err = (struct error)ERROR_INIT;
        if (publish_once(publisher, batch, err) == 0) return true;
        if (strcmp(last, err->text) != 0) log_warn("results wait for the broker: %s", err->text);
        snprintf(last, sizeof last, "%s", err->text);
        if (err->code == ERR_FENCED || bus_tx_broken(publisher->producer))
            renew(publisher);
        else
            pause_ms(publisher, RETRY_MS);
    }
    return false;
}

static void *run(void *context) {
    struct publisher *publisher = context;
    for (;;) {
        pthread_mutex_lock(&publisher->mutex);
        while (!publisher->stop && !publisher->batch) pthread_cond_wait(&publisher->wake, &publisher->mutex);
        struct outbox_batch *batch = publisher->stop ? NULL : publisher->batch;
        if (batch) publisher->batch = NULL;
        pthread_mutex_unlock(&publisher->mutex);
        if (!batch) return NULL;
        struct error err = ERROR_INIT;
        bool ended = publish(publisher, batch, &err);
        struct event *event = event_new(EVENT_PUBLISHED);
        event->offset = batch->last;
        event->len = batch->count;
        event->code = ended ? err.code : ERR_CANCELLED;
        event->text = xstrdup(err.text);
        loop_post(publisher->loop, event);
        outbox_batch_free(batch);
    }
}

int publisher_start(struct publisher *publisher, struct loop *loop, struct error *err) {
    publisher->loop = loop;
    int rc = pthread_create(&publisher->thread, NULL, run, publisher);
    if (rc != 0) return error_errno(err, ERR_NOMEM, rc, "cannot start a thread");
    publisher->started = true;
    return 0;
}

void publisher_stop(struct publisher *publisher) {
    pthread_mutex_lock(&publisher->mutex);
    publisher->stop = true;
    pthread_cond_broadcast(&publisher->wake);
    pthread_mutex_unlock(&publisher->mutex);
    wire_cancel(publisher->wire);
    if (publisher->started) pthread_join(publisher->thread, NULL);
    publisher->started = false;
}

void publisher_hand(struct publisher *publisher, struct outbox_batch *batch) {
    pthread_mutex_lock(&publisher->mutex);
    outbox_batch_free(publisher->batch);
    publisher->batch = batch;
    pthread_cond_broadcast(&publisher->wake);
    pthread_mutex_unlock(&publisher->mutex);
}
