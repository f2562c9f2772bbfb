#include "tests/sim/plane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent-node/daemon/inventory.h"
#include "agent-node/daemon/mailbox.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "fleet/bus/topics.h"

#define CALL_TIMEOUT_MS 10000
#define POLL_MS 100
#define CONSUMERS_MAX 16
#define FETCH_WAIT_MOST_MS 150
#define WISHES_MOST 256 /* granted at a time */

/* A mailbox to join or to part from. */
struct wish {
    bool join;
    size_t node;
    uint32_t lives;
    char topic[BUS_TOPIC_MAX + 1];
    int32_t partition;
    struct wish *next;
};
struct reader {
    struct plane *plane;
    struct bus_consumer *consumer;
    pthread_t thread;
    bool started;
};
struct plane {
    struct bus *bus;
    struct bus_producer *producer;
    struct codec *codec;
    struct reader readers[CONSUMERS_MAX + 1]; /* the last one reads the control topics */
    int consumers;
    pthread_t joiner;
    bool joiner_started;
    atomic_bool stop;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t came, wished;
    struct inbound *first, **last;
    struct wish *wish, **last_wish;
};

/* --- the inbox -------------------------------------------------------------------------------- */
static void post(struct plane *plane, struct inbound *in) {
    pthread_mutex_lock(&plane->mutex);
    *plane->last = in;
    plane->last = &in->next;
    pthread_cond_signal(&plane->came);
    pthread_mutex_unlock(&plane->mutex);
}

struct inbound *plane_take(struct plane *plane, int timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    pthread_mutex_lock(&plane->mutex);
    while (!plane->first && timeout_ms > 0)
        if (pthread_cond_timedwait(&plane->came, &plane->mutex, &until) != 0) break;
    struct inbound *first = plane->first;
    plane->first = NULL;
    plane->last = &plane->first;
    pthread_mutex_unlock(&plane->mutex);
    return first;
}

void inbound_free(struct inbound *in) {
    if (in->rec) rec_free(in->desc, in->rec);
    free(in);
}

/* --- sending ---------------------------------------------------------------------------------- */
static void on_delivery(void *context, const struct bus_delivery *delivery) {
    struct plane_token *token = delivery->token;
    if (!token) return;
    struct inbound *in = xcalloc(1, sizeof *in);
    *in = (struct inbound){.kind = IN_DELIVERED,
                           .node = token->node,
                           .lives = token->lives,
                           .number = token->number,
                           .offset = delivery->offset,
                           .good = delivery->code == ERR_NONE};
    free(token);
    post(context, in);
}

bool plane_send_bytes(struct plane *plane, const char *topic, const char *key, const void *data, size_t len,
                      const struct plane_token *token) {
    struct error err = ERROR_INIT;
    struct plane_token *copy = token ? xmalloc(sizeof *copy) : NULL;
    if (copy) *copy = *token;
    if (bus_send(plane->producer, topic, BUS_ANY_PARTITION, key, data, len, copy, &err) == 0) return true;
    log_warn("%s: %s", topic, err.text);
    free(copy);
    return false;
}

bool plane_send(struct plane *plane, const char *topic, const char *key, const struct rec_desc *desc, const void *rec,
                const struct plane_token *token) {
    struct error err = ERROR_INIT;
    uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, &err) != 0) {
        log_warn("%s: %s", topic, err.text);
        return false;
    }
    bool good = plane_send_bytes(plane, topic, key, data, len, token);
    free(data);
    return good;
}

/* --- mailboxes -------------------------------------------------------------------------------- */
static const char *short_name(const struct plane *plane, const char *topic) {
    size_t len = strlen(bus_prefix(plane->bus));
    return strncmp(topic, bus_prefix(plane->bus), len) ? topic : topic + len;
}

static void add_wish(struct plane *plane, struct wish wish, const char *topic) {
    struct wish *copy = xmalloc(sizeof *copy);
    *copy = wish;
    snprintf(copy->topic, sizeof copy->topic, "%s", short_name(plane, topic));
    pthread_mutex_lock(&plane->mutex);
    *plane->last_wish = copy;
    plane->last_wish = &copy->next;
    pthread_cond_signal(&plane->wished);
    pthread_mutex_unlock(&plane->mutex);
}

void plane_join(struct plane *plane, size_t node, uint32_t lives, const char *topic, int32_t partition) {
    add_wish(plane, (struct wish){.join = true, .node = node, .lives = lives, .partition = partition}, topic);
}

void plane_part(struct plane *plane, size_t node, const char *topic, int32_t partition) {
    add_wish(plane, (struct wish){.node = node, .partition = partition}, topic);
}

static struct bus_consumer *consumer_of(struct plane *plane, const struct wish *wish) {
    return plane->readers[wish->node % (size_t)plane->consumers].consumer;
}

static void part(struct plane *plane, const struct wish *wish) {
    struct error err = ERROR_INIT;
    if (bus_unassign(consumer_of(plane, wish), wish->topic, wish->partition, &err) != 0)
        log_warn("%s: %s", wish->topic, err.text);
}

static void answer(struct plane *plane, const struct wish *wish, const struct error *err) {
    if (err->code != ERR_NONE) log_warn("mailbox %s: %s; trying again", wish->topic, err->text);
    struct inbound *in = xcalloc(1, sizeof *in);
    *in = (struct inbound){.kind = IN_JOINED, .node = wish->node, .lives = wish->lives, .good = err->code == ERR_NONE};
    post(plane, in);
}

/* Those of one consumer together: an assignment waits for the consumer's own long poll. */
static void join_some(struct plane *plane, struct wish *const *wishes, size_t count, size_t consumer) {
    struct bus_position *positions = xcalloc(count + 1, sizeof *positions);
    struct wish **joining = xcalloc(count + 1, sizeof *joining);
    struct error err = ERROR_INIT;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct wish *wish = wishes[i];
        struct error one = ERROR_INIT;
        int64_t low, high;
        if (wish->node % (size_t)plane->consumers != consumer) continue;
        if (bus_watermarks(plane->bus, wish->topic, wish->partition, CALL_TIMEOUT_MS, &low, &high, &one) != 0) {
            answer(plane, wish, &one);
            continue;
        }
        positions[n] = (struct bus_position){.topic = wish->topic, .partition = wish->partition, .offset = high};
        joining[n++] = wish;
    }
    if (n > 0) bus_assign_all(plane->readers[consumer].consumer, positions, n, &err);
    for (size_t i = 0; i < n; i++) answer(plane, joining[i], &err);
    free(positions);
    free(joining);
}

static void grant(struct plane *plane, struct wish *const *wishes, size_t count) {
    if (!wishes[0]->join)
        for (size_t i = 0; i < count; i++) part(plane, wishes[i]);
    else
        for (size_t c = 0; c < (size_t)plane->consumers; c++) join_some(plane, wishes, count, c);
}

/* The next wishes of one kind, each for another node; waits for the first. 0 when stopping. */
static size_t next_wishes(struct plane *plane, struct wish **ret) {
    size_t n = 0;
    bool same = false;
    pthread_mutex_lock(&plane->mutex);
    while (!plane->wish && !plane->stop) pthread_cond_wait(&plane->wished, &plane->mutex);
    while (!plane->stop && plane->wish && n < WISHES_MOST && !same && (n == 0 || plane->wish->join == ret[0]->join)) {
        for (size_t i = 0; i < n && !same; i++) same = ret[i]->node == plane->wish->node;
        if (same) break;
        ret[n++] = plane->wish;
        if (!(plane->wish = plane->wish->next)) plane->last_wish = &plane->wish;
    }
    pthread_mutex_unlock(&plane->mutex);
    return n;
}

static void *run_joiner(void *context) {
    struct wish *wishes[WISHES_MOST];
    size_t count;
    while ((count = next_wishes(context, wishes)) > 0) {
        grant(context, wishes, count);
        for (size_t i = 0; i < count; i++) free(wishes[i]);
    }
    return NULL;
}

/* --- reading ---------------------------------------------------------------------------------- */
static void on_record(struct plane *plane, const struct bus_record *record) {
    struct error err = ERROR_INIT;
    const struct rec_desc *desc = NULL;
    void *rec = NULL;
    if (!record->value) return;
    if (mailbox_decode(plane->bus, plane->codec, record, &desc, &rec, &err) != 0) {
        mailbox_dead_letter(plane->producer, "sim", record, err.text);
        return;
    }
    if (desc == &rec_schema_desc) codec_learn(plane->codec, ((struct rec_schema *)rec)->text, NULL);
    struct inbound *in = xcalloc(1, sizeof *in);
    *in = (struct inbound){.kind = IN_RECORD, .desc = desc, .rec = rec, .offset = record->offset};
    post(plane, in);
}

static void *run_reader(void *context) {
    struct reader *reader = context;
    while (!reader->plane->stop) {
        struct error err = ERROR_INIT;
        CLEANUP(cleanup_bus_record) struct bus_record *record = NULL;
        enum bus_event event = bus_next(reader->consumer, POLL_MS, &record, &err);
        if (event == BUS_RECORD) on_record(reader->plane, record);
        if (event != BUS_FAILED) continue;
        log_warn("reading: %s", err.text);
        if (err.code == ERR_NOT_FOUND && record)
            bus_assign(reader->consumer, record->topic, record->partition, BUS_BEGINNING, NULL);
    }
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */
/* The coordinator makes the topics; until it did, there is nothing to register with. */
static int publish_schemas(struct plane *plane, struct error *err) {
    int64_t end_ms = clock_mono_ms() + PLANE_WAIT_MS;
    for (;;) {
        struct error one = ERROR_INIT;
        if (bus_wait(plane->bus, POLL_MS, &one) == 0 &&
            inventory_publish_schemas(plane->bus, plane->producer, plane->codec, CALL_TIMEOUT_MS, &one) == 0)
            return 0;
        if (clock_mono_ms() < end_ms && !plane->stop) {
            nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
            continue;
        }
        *err = one;
        return -1;
    }
}

static int start_readers(struct plane *plane, struct error *err) {
    int64_t low, nodes_end;
    struct bus_consumer *control = plane->readers[plane->consumers].consumer;
    if (bus_watermarks(plane->bus, TOPIC_NODES, 0, CALL_TIMEOUT_MS, &low, &nodes_end, err) != 0 ||
        bus_assign(control, TOPIC_SCHEMAS, 0, BUS_BEGINNING, err) != 0 ||
        bus_assign(control, TOPIC_NODES, 0, nodes_end, err) != 0 ||
        bus_assign(control, TOPIC_DESIRED, 0, BUS_BEGINNING, err) != 0)
        return -1;
    for (int i = 0; i <= plane->consumers; i++) {
        if (pthread_create(&plane->readers[i].thread, NULL, run_reader, &plane->readers[i]) != 0)
            return error_set(err, ERR_NOMEM, "no thread for a consumer");
        plane->readers[i].started = true;
    }
    if (pthread_create(&plane->joiner, NULL, run_joiner, plane) != 0)
        return error_set(err, ERR_NOMEM, "no thread for joining");
    plane->joiner_started = true;
    return 0;
}

/* A fetch names every mailbox of its consumer, and librdkafka knows no fetch sessions: with hundreds of them, one fetch
 * for each record would keep the broker busy with nothing else. So each waits a moment for more. (Real agents have a
 * connection each; what they cost a broker is in docs/scale.md.) */
#define FETCH_PROPERTIES 3
#define MAILBOXES_FEW 25 /* a consumer with so many fetches at once */
static void fewer_fetches(const struct plane_config *config, const char **keys, const char **values, char wait_ms[16],
                          size_t *count) {
    size_t each = config->mailboxes / (size_t)config->consumers;
    snprintf(wait_ms, 16, "%zu", each / 2 < FETCH_WAIT_MOST_MS ? each / 2 : FETCH_WAIT_MOST_MS);
    if (each > MAILBOXES_FEW) {
        keys[0] = "fetch.min.bytes";
        values[0] = "1000000";
        keys[1] = "fetch.wait.max.ms";
        values[1] = wait_ms;
        keys[2] = "linger.ms"; /* heartbeats of many nodes in one request */
        values[2] = "20";
        *count = FETCH_PROPERTIES;
    }
    for (size_t i = 0; i < config->property_count; i++) {
        keys[*count] = config->keys[i];
        values[(*count)++] = config->values[i];
    }
}

static int open_bus(struct plane *plane, const struct plane_config *config, struct error *err) {
    CLEANUP_FREE const char **keys = xcalloc(config->property_count + FETCH_PROPERTIES, sizeof *keys);
    CLEANUP_FREE const char **values = xcalloc(config->property_count + FETCH_PROPERTIES, sizeof *values);
    char wait_ms[16];
    struct bus_config bus = {.bootstrap = config->bootstrap, .prefix = config->prefix, .client_id = "portolan-sim"};
    fewer_fetches(config, keys, values, wait_ms, &bus.property_count);
    bus.keys = keys;
    bus.values = values;
    plane->bus = bus_new(&bus, err);
    return plane->bus ? 0 : -1;
}

static int connect_plane(struct plane *plane, const struct plane_config *config, struct error *err) {
    struct bus_producer_config producer = {.on_delivery = on_delivery, .context = plane, .own_thread = true};
    if (open_bus(plane, config, err) != 0) return -1;
    plane->producer = bus_producer_new(plane->bus, &producer, err);
    if (!plane->producer || publish_schemas(plane, err) != 0) return -1;
    for (int i = 0; i <= plane->consumers; i++) {
        struct bus_consumer_config consumer = {0};
        plane->readers[i].plane = plane;
        plane->readers[i].consumer = bus_consumer_new(plane->bus, &consumer, err);
        if (!plane->readers[i].consumer) return -1;
    }
    return start_readers(plane, err);
}

static void init_cond(pthread_cond_t *cond) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

struct plane *plane_new(const struct plane_config *config, struct error *err) {
    struct plane *plane = xcalloc(1, sizeof *plane);
    plane->codec = codec_new();
    plane->consumers = config->consumers < CONSUMERS_MAX ? config->consumers : CONSUMERS_MAX;
    plane->last = &plane->first;
    plane->last_wish = &plane->wish;
    pthread_mutex_init(&plane->mutex, NULL);
    init_cond(&plane->came);
    init_cond(&plane->wished);
    if (connect_plane(plane, config, err) == 0) return plane;
    plane_free(plane);
    return NULL;
}

static void drop_rest(struct plane *plane) {
    for (struct inbound *in = plane->first, *next; in; in = next) next = in->next, inbound_free(in);
    for (struct wish *wish = plane->wish, *next; wish; wish = next) next = wish->next, free(wish);
}

void plane_free(struct plane *plane) {
    if (!plane) return;
    pthread_mutex_lock(&plane->mutex);
    plane->stop = true;
    pthread_cond_broadcast(&plane->wished);
    pthread_mutex_unlock(&plane->mutex);
    if (plane->joiner_started) pthread_join(plane->joiner, NULL);
    for (int i = 0; i <= plane->consumers; i++)
        if (plane->readers[i].started) pthread_join(plane->readers[i].thread, NULL);
    for (int i = 0; i <= plane->consumers; i++) bus_consumer_free(plane->readers[i].consumer);
    if (plane->producer) bus_flush(plane->producer, CALL_TIMEOUT_MS, NULL);
    bus_producer_free(plane->producer);
    bus_free(plane->bus);
    drop_rest(plane);
    codec_free(plane->codec);
    pthread_mutex_destroy(&plane->mutex);
    pthread_cond_destroy(&plane->came);
    pthread_cond_destroy(&plane->wished);
    free(plane);
}
