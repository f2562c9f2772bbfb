/* The bus for integration scripts; see tests/integration/bus.sh. Every line of output is one event, flushed.
 *   produce BOOTSTRAP TOPIC COUNT PER_SECOND   -> "sent", then "delivered N PARTITION OFFSET" or "failed N REASON" each
 *   consume BOOTSTRAP TOPIC COUNT MODE         -> "record PARTITION OFFSET KEY VALUE" until COUNT came, or, with COUNT
 * 0, until the end; MODE: committed or uncommitted transact BOOTSTRAP TOPIC COUNT MODE        -> COUNT records in a
 * transaction; MODE: commit or abort fence BOOTSTRAP TOPIC                      -> two producers of one transactional
 * id: "old FENCED" and "new ok" topics BOOTSTRAP MODE                      -> MODE: create or check; the listing as
 * JSON "connected" and "unreachable TEXT" tell the state of the connection. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "fleet/bus/bus.h"
#include "fleet/bus/topics.h"

#define PATIENCE_MS 60000

static struct bus *bus;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    flockfile(stdout);
    vprintf(fmt, ap);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
    va_end(ap);
}

static int fail(const struct error *err) {
    fprintf(stderr, "bus_tool: %s: %s\n", error_name(err->code), err->text);
    return 1;
}

static void on_state(void *context, enum bus_state state, const char *text) {
    (void)context;
    if (state == BUS_CONNECTED) say("connected");
    if (state == BUS_UNREACHABLE) say("unreachable %s", text);
    if (state == BUS_WARNING) say("warning %s", text);
}

/* --- produce ----------------------------------------------------------------------------------------------------- */
struct deliveries {
    long good, bad;
};
static void on_delivery(void *context, const struct bus_delivery *delivery) {
    struct deliveries *count = context;
    long n = (long)(intptr_t)delivery->token;
    if (delivery->code)
        count->bad++, say("failed %ld %s", n, delivery->text);
    else
        count->good++, say("delivered %ld %d %" PRId64, n, delivery->partition, delivery->offset);
}

static int send_numbered(struct bus_producer *producer, const char *topic, long n, struct error *err) {
    char key[32], value[64];
    snprintf(key, sizeof key, "key%ld", n % 97);
    snprintf(value, sizeof value, "value%ld", n);
    return bus_send(producer, topic, BUS_ANY_PARTITION, key, value, strlen(value), (void *)(intptr_t)n, err);
}

static int produce(const char *topic, long count, long per_second, struct error *err) {
    struct deliveries deliveries = {0};
    struct bus_producer_config config = {.on_delivery = on_delivery, .context = &deliveries};
    CLEANUP(cleanup_bus_producer) struct bus_producer *producer = bus_producer_new(bus, &config, err);
    if (!producer) return fail(err);
    int64_t start = clock_mono_ms();
    for (long n = 0; n < count; n++) {
        while (per_second > 0 && (clock_mono_ms() - start) * per_second < n * 1000) bus_producer_poll(producer, 1);
        while (send_numbered(producer, topic, n, err)) {
            if (err->code != ERR_LIMIT) return fail(err);
            bus_producer_poll(producer, 10);
        }
    }
    say("sent");
    if (bus_flush(producer, PATIENCE_MS, err)) return fail(err);
    if (bus_wait(bus, PATIENCE_MS, err)) return fail(err); /* so that "connected" is told before we end */
    return deliveries.good == count && !deliveries.bad ? 0 : 1;
}

/* --- consume ----------------------------------------------------------------------------------------------------- */
static int visit(void *context, const struct bus_record *record, struct error *err) {
    (void)context, (void)err;
    say("record %d %" PRId64 " %s %.*s", record->partition, record->offset, record->key ? record->key : "-",
        (int)record->len, (const char *)record->value);
    return 0;
}

static int follow(struct bus_consumer *consumer, long count, struct error *err) {
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    while (count > 0 && clock_mono_ms() < deadline) {
        CLEANUP(cleanup_bus_record) struct bus_record *record = NULL;
        enum bus_event event = bus_next(consumer, 1000, &record, err);
        if (event == BUS_RECORD) {
            visit(NULL, record, err);
            count--;
        } else if (event == BUS_FAILED && !error_retriable(err->code)) {
            return fail(err);
        }
    }
    return count ? 1 : 0;
}

static int consume(const char *topic, long count, bool committed, struct error *err) {
    int32_t partitions;
    if (!count) return bus_replay(bus, topic, committed, PATIENCE_MS, visit, NULL, err) ? fail(err) : 0;
    if (bus_partitions(bus, topic, PATIENCE_MS, &partitions, err)) return fail(err);
    struct bus_consumer_config config = {.read_committed = committed};
    CLEANUP(cleanup_bus_consumer) struct bus_consumer *consumer = bus_consumer_new(bus, &config, err);
    if (!consumer) return fail(err);
    for (int32_t p = 0; p < partitions; p++)
        if (bus_assign(consumer, topic, p, BUS_BEGINNING, err)) return fail(err);
    return follow(consumer, count, err);
}

/* --- transactions ------------------------------------------------------------------------------------------------ */
static struct bus_producer *transactional(struct error *err) {
    struct bus_producer_config config = {.transactional_id = "bus-tool"};
    CLEANUP(cleanup_bus_producer) struct bus_producer *producer = bus_producer_new(bus, &config, err);
    return producer && !bus_tx_init(producer, PATIENCE_MS, err) ? TAKE(producer) : NULL;
}

static int transact(const char *topic, long count, bool commit, struct error *err) {
    CLEANUP(cleanup_bus_producer) struct bus_producer *producer = transactional(err);
    if (!producer || bus_tx_begin(producer, err)) return fail(err);
    for (long n = 0; n < count; n++)
        if (send_numbered(producer, topic, n, err)) return fail(err);
    if (bus_flush(producer, PATIENCE_MS, err)) return fail(err); /* so that an abort has something to take back */
    int failed = commit ? bus_tx_commit(producer, PATIENCE_MS, err) : bus_tx_abort(producer, PATIENCE_MS, err);
    return failed ? fail(err) : 0;
}

static int fence(const char *topic, struct error *err) {
    CLEANUP(cleanup_bus_producer) struct bus_producer *old = transactional(err);
    if (!old || bus_tx_begin(old, err) || send_numbered(old, topic, 1, err)) return fail(err);
    CLEANUP(cleanup_bus_producer) struct bus_producer *new = transactional(err);
    if (!new || bus_tx_begin(new, err) || send_numbered(new, topic, 2, err)) return fail(err);
    int late = bus_tx_commit(old, PATIENCE_MS, err);
    say("old %s", late ? error_name(err->code) : "ok");
    late = bus_tx_begin(old, err);
    say("again %s", late ? error_name(err->code) : "ok");
    if (bus_tx_commit(new, PATIENCE_MS, err)) return fail(err);
    say("new ok");
    return 0;
}

/* --- topics ------------------------------------------------------------------------------------------------------ */
static int list_topics(bool create, struct error *err) {
    struct topic_status *status;
    size_t count;
    if (create && (topics_create(bus, -1, PATIENCE_MS, err) || topics_await(bus, PATIENCE_MS, err) ||
                   topic_create_mailbox(bus, "node-1", -1, PATIENCE_MS, err)))
        return fail(err);
    if (topics_check(bus, PATIENCE_MS, &status, &count, err)) return fail(err);
    json_t *json = topics_json(bus_prefix(bus), status, count);
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
    free(status);
    return 0;
}

static int run(int argc, char **argv, struct error *err) {
    const char *op = argv[1], *topic = argv[3];
    if (!strcmp(op, "topics") && argc == 4) return list_topics(!strcmp(argv[3], "create"), err);
    if (!strcmp(op, "fence") && argc == 4) return fence(topic, err);
    if (argc != 6) return 2;
    long count = strtol(argv[4], NULL, 10);
    if (!strcmp(op, "produce")) return produce(topic, count, strtol(argv[5], NULL, 10), err);
    if (!strcmp(op, "consume")) return consume(topic, count, !strcmp(argv[5], "committed"), err);
    if (!strcmp(op, "transact")) return transact(topic, count, !strcmp(argv[5], "commit"), err);
    return 2;
}

int main(int argc, char **argv) {
    struct error err = ERROR_INIT;
    if (argc < 4) return 2;
    bus = bus_new(&(struct bus_config){.bootstrap = argv[2], .on_state = strcmp(argv[1], "topics") ? on_state : NULL},
                  &err);
    if (!bus) return fail(&err);
    int status = run(argc, argv, &err);
    bus_free(bus);
    if (status == 2) fputs("bus_tool: see the top of tests/tools/bus_tool.c\n", stderr);
    return status;
}
