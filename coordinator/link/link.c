/* Construction, sending, deliveries. Connecting and reading are in reader.c, mailboxes in maker.c. */
#include "coordinator/link/internal.h"

#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "coordinator/map.h"
#include "fleet/bus/topics.h"

/* --- what becomes of what was sent ------------------------------------------------------------ */
enum token_kind { TOKEN_ATTEMPT, TOKEN_TICK, TOKEN_DESIRED, TOKEN_OTHER };
struct token {
    enum token_kind kind;
    char name[256]; /* "task.n"; the node */
};

static struct token *token_new(enum token_kind kind, const char *name) {
    struct token *token = xcalloc(1, sizeof *token);
    token->kind = kind;
    snprintf(token->name, sizeof token->name, "%s", name);
    return token;
}

static void report(struct link *link, const struct token *token, enum error_code code, const char *text) {
    struct event *event = NULL;
    if (token->kind == TOKEN_ATTEMPT) {
        event = event_new(EVENT_DELIVERY);
        event->text2 = xstrdup(token->name);
    } else if (code != ERR_NONE && token->kind == TOKEN_TICK) {
        event = event_new(EVENT_TICK_LOST);
    } else if (code != ERR_NONE && token->kind == TOKEN_DESIRED) {
        /* The node waits for it: as if its mailbox had just been made, which sends the record again. */
        event = event_new(EVENT_MAILBOX);
        event->text = xstrdup(token->name);
        loop_post(link->loop, event);
        return;
    }
    if (code != ERR_NONE) log_debug("a record for %s was not delivered: %s", token->name, text);
    if (!event) return;
    event->code = code;
    event->text = xstrdup(text);
    loop_post(link->loop, event);
}

static void on_delivery(void *context, const struct bus_delivery *delivery) {
    struct token *token = delivery->token;
    if (!token) return;
    /* What the producer drops at the end is no news: the next coordinator finds out by itself. One that is rebuilt
     * after a fatal error drops records, too: those must be told, or their attempts would be on their way for ever. */
    if (delivery->code != ERR_CANCELLED || !link_stopping(context))
        report(context, token, delivery->code, delivery->text);
    free(token);
}

static void send_record(struct link *link, const char *topic, int32_t partition, const char *key, const void *value,
                        size_t len, struct token *token) {
    struct error err = ERROR_INIT;
    if (bus_send(link->producer, topic, partition, key, value, len, token, &err) == 0) return;
    log_warn("%s: a record cannot be sent: %s", topic, err.text);
    report(link, token, err.code, err.text);
    free(token);
}

void link_perform(struct link *link, const struct effect *effect) {
    if (effect->kind == EFFECT_MAILBOX) {
        maker_want(link, effect->topic);
        return;
    }
    enum token_kind kind = effect->attempt                             ? TOKEN_ATTEMPT
                           : strcmp(effect->topic, TOPIC_DESIRED) == 0 ? TOKEN_DESIRED
                                                                       : TOKEN_OTHER;
    struct token *token = token_new(kind, effect->attempt ? effect->attempt : effect->key);
    send_record(link, effect->topic, effect->partition, effect->key, effect->value, effect->len, token);
}

void link_tick(struct link *link, int partitions, int64_t round, int64_t epoch) {
    struct rec_tick tick;
    struct error err = ERROR_INIT;
    uint8_t *value = NULL;
    size_t len = 0;
    rec_tick_init(&tick);
    tick.epoch = epoch;
    tick.sequence = round;
    tick.sent_ms = clock_wall_ms();
    if (codec_encode(&rec_tick_desc, &tick, CODEC_SINGLE_OBJECT, 0, &value, &len, &err) != 0) {
        log_error("a tick cannot be encoded: %s", err.text);
        return;
    }
    for (int p = 0; p < partitions; p++)
        send_record(link, TOPIC_HEARTBEATS, p, "coordinator", value, len, token_new(TOKEN_TICK, "tick"));
    free(value);
    rec_tick_done(&tick);
}

/* --- state of the connection ------------------------------------------------------------------ */
/* From a thread of librdkafka: may come before link_start(). */
static void on_state(void *context, enum bus_state state, const char *text) {
    struct link *link = context;
    if (state == BUS_WARNING) {
        log_warn("kafka: %s", text);
        return;
    }
    if (state == BUS_UNREACHABLE)
        log_warn("%s", text);
    else
        log_info("a broker answers%s%s", *text ? ": " : "", text);
    pthread_mutex_lock(&link->mutex);
    struct loop *loop = link->loop;
    pthread_mutex_unlock(&link->mutex);
    if (!loop) return;
    struct event *event = event_new(EVENT_LINK_STATE);
    event->code = state == BUS_CONNECTED ? ERR_NONE : ERR_NETWORK;
    event->text = xstrdup(text);
    loop_post(loop, event);
}

/* --- life ------------------------------------------------------------------------------------- */
struct link *link_new(const struct link_config *config, struct error *err) {
    struct link *link = xcalloc(1, sizeof *link);
    pthread_mutex_init(&link->mutex, NULL);
    clock_cond_init(&link->wake);
    link->codec = config->codec;
    link->wire = config->wire;
    link->found = map_new();
    link->replication = config->replication;
    struct bus_config bus = config->bus;
    bus.on_state = on_state;
    bus.context = link;
    bus.client_id = "portolan-coordinator";
    link->bus = bus_new(&bus, err);
    struct bus_producer_config producer = {.on_delivery = on_delivery, .context = link, .own_thread = true};
    struct bus_consumer_config consumer = {0};
    if (link->bus) link->producer = bus_producer_new(link->bus, &producer, err);
    if (link->producer) link->consumer = bus_consumer_new(link->bus, &consumer, err);
    if (link->consumer) return link;
    link_free(link);
    return NULL;
}

int link_start(struct link *link, struct loop *loop, struct error *err) {
    pthread_mutex_lock(&link->mutex);
    link->loop = loop;
    pthread_mutex_unlock(&link->mutex);
    int rc = pthread_create(&link->reader, NULL, reader_run, link);
    if (rc == 0) link->reader_started = true;
    if (rc == 0) rc = pthread_create(&link->maker, NULL, maker_run, link);
    if (rc != 0) return error_errno(err, ERR_NOMEM, rc, "cannot start a thread");
    link->maker_started = true;
    return 0;
}

bool link_stopping(struct link *link) {
    pthread_mutex_lock(&link->mutex);
    bool stop = link->stop;
    pthread_mutex_unlock(&link->mutex);
    return stop;
}

void link_stop(struct link *link) {
    pthread_mutex_lock(&link->mutex);
    link->stop = true;
    pthread_cond_broadcast(&link->wake);
    pthread_mutex_unlock(&link->mutex);
    bus_consumer_wake(link->consumer);
    if (link->reader_started) pthread_join(link->reader, NULL);
    if (link->maker_started) pthread_join(link->maker, NULL);
    link->reader_started = link->maker_started = false;
}

void link_free(struct link *link) {
    if (!link) return;
    bus_consumer_free(link->consumer);
    bus_producer_free(link->producer);
    bus_free(link->bus);
    maker_done(link);
    pthread_mutex_destroy(&link->mutex);
    pthread_cond_destroy(&link->wake);
    free(link);
}

struct bus *link_bus(struct link *link) {
    return link->bus;
}
