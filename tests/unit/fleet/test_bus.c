/* The bus on the embedded broker. What only a real Kafka can show is in tests/integration/bus.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "fleet/bus/bus.h"
#include "fleet/bus/internal.h"
#include "tests/tools/under_tsan.h"

#define PATIENCE_MS 20000

static struct bus_embedded *embedded;
static struct bus *bus;

static struct bus *connect_with(const struct bus_config *config) {
    struct error err = ERROR_INIT;
    struct bus *made = bus_new(config, &err);
    if (!made) fail_msg("%s", err.text);
    return made;
}

static int setup(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    embedded = bus_embedded_start(&err);
    if (!embedded) return -1;
    bus = connect_with(&(struct bus_config){.embedded = embedded});
    return 0;
}
static int teardown(void **state) {
    (void)state;
    bus_free(bus);
    bus_embedded_stop(embedded);
    return 0;
}

/* A topic of the test's own. */
static void make_topic(const char *topic, int32_t partitions) {
    struct error err = ERROR_INIT;
    if (bus_topic_create(bus, topic, partitions, -1, NULL, 0, PATIENCE_MS, &err)) fail_msg("%s", err.text);
}
static struct bus_producer *producer_with(const struct bus_producer_config *config) {
    struct error err = ERROR_INIT;
    struct bus_producer *producer = bus_producer_new(bus, config, &err);
    if (!producer) fail_msg("%s", err.text);
    return producer;
}
static void put(struct bus_producer *producer, const char *topic, int32_t partition, const char *key,
                const char *value) {
    struct error err = ERROR_INIT;
    if (bus_send_wait(producer, topic, partition, key, value, value ? strlen(value) : 0, PATIENCE_MS, NULL, &err))
        fail_msg("%s", err.text);
}
/* The next record; anything else but waiting fails. */
static struct bus_record *take(struct bus_consumer *consumer) {
    struct error err = ERROR_INIT;
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    while (clock_mono_ms() < deadline) {
        struct bus_record *record;
        enum bus_event event = bus_next(consumer, 1000, &record, &err);
        if (event == BUS_RECORD) return record;
        bus_record_free(record);
        if (event == BUS_FAILED) fail_msg("%s", err.text);
    }
    fail_msg("no record came");
    return NULL;
}
static void expect(struct bus_consumer *consumer, const char *value) {
    struct bus_record *record = take(consumer);
    assert_int_equal(record->len, strlen(value));
    assert_memory_equal(record->value, value, record->len);
    bus_record_free(record);
}

/* --- configuration ---------------------------------------------------------------------------- */
static void refuse(const char *key, const char *value, const char *say) {
    struct error err = ERROR_INIT;
    struct bus_config config = {.bootstrap = "127.0.0.1:1", .keys = &key, .values = &value, .property_count = 1};
    assert_null(bus_new(&config, &err));
    assert_int_equal(err.code, ERR_INVALID);
    if (!strstr(err.text, say)) fail_msg("%s", err.text);
}

static void properties_that_the_design_rests_on_cannot_be_set(void **state) {
    (void)state;
    refuse("acks", "1", "kafka property acks cannot be set");
    refuse("enable.auto.commit", "true", "store");
}

static void unknown_properties_are_named(void **state) {
    (void)state;
    refuse("fetch.wait.maxx.ms", "1", "fetch.wait.maxx.ms");
    refuse("fetch.wait.max.ms", "often", "fetch.wait.max.ms");
}

static void no_address_and_a_bad_prefix_are_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    assert_null(bus_new(&(struct bus_config){.bootstrap = ""}, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(bus_new(&(struct bus_config){.bootstrap = "a:1", .prefix = "a b"}, &err));
    assert_int_equal(err.code, ERR_INVALID);
}

static void names_get_the_prefix_and_bad_ones_are_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    char name[BUS_TOPIC_MAX + 1];
    assert_int_equal(bus_topic_name(bus, "tasks.gpu-7", name, &err), 0);
    assert_string_equal(name, "portolan.tasks.gpu-7");
    assert_int_equal(bus_topic_name(bus, "a/b", name, &err), -1);
    assert_int_equal(bus_topic_name(bus, "", name, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
}

/* --- sending and reading ---------------------------------------------------------------------- */
static void records_come_back_with_key_value_and_offset(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int64_t offset = -1;
    make_topic("basic", 1);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    put(producer, "basic", 0, "k0", "zero");
    assert_int_equal(bus_send_wait(producer, "basic", BUS_ANY_PARTITION, "k1", "one", 3, PATIENCE_MS, &offset, &err),
                     0);
    assert_int_equal(offset, 1);
    put(producer, "basic", 0, "k0", NULL);
    struct bus_consumer *consumer = bus_consumer_new(bus, NULL, &err);
    assert_int_equal(bus_assign(consumer, "basic", 0, 1, &err), 0);
    struct bus_record *record = take(consumer);
    assert_string_equal(record->topic, "basic");
    assert_string_equal(record->key, "k1");
    assert_int_equal(record->offset, 1);
    assert_memory_equal(record->value, "one", 3);
    bus_record_free(record);
    record = take(consumer); /* the tombstone */
    assert_string_equal(record->key, "k0");
    assert_null(record->value);
    bus_record_free(record);
    assert_int_equal(bus_next(consumer, PATIENCE_MS, &record, &err), BUS_AT_END);
    assert_int_equal(record->offset, 3);
    bus_record_free(record);
    bus_consumer_free(consumer);
    bus_producer_free(producer);
}

struct tally {
    int count, failed;
    int64_t next[4]; /* expected offset, by partition */
    bool ordered;
};
static void on_delivery(void *context, const struct bus_delivery *delivery) {
    struct tally *tally = context;
    tally->count++;
    if (delivery->code)
        tally->failed++;
    else if (delivery->offset != tally->next[delivery->partition]++)
        tally->ordered = false;
    free(delivery->token);
}

static void every_record_gets_one_delivery_report_in_order(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct tally tally = {.ordered = true};
    make_topic("many", 4);
    struct bus_producer *producer =
        producer_with(&(struct bus_producer_config){.on_delivery = on_delivery, .context = &tally});
    for (int i = 0; i < 2000; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i % 37);
        assert_int_equal(bus_send(producer, "many", BUS_ANY_PARTITION, key, key, strlen(key), malloc(1), &err), 0);
    }
    assert_int_equal(bus_flush(producer, PATIENCE_MS, &err), 0);
    assert_int_equal(tally.count, 2000);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.ordered);
    assert_int_equal(bus_producer_pending(producer), 0);
    bus_producer_free(producer);
}

static void a_producer_with_its_own_thread_delivers_by_itself(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct tally tally = {.ordered = true};
    make_topic("own", 1);
    struct bus_producer *producer =
        producer_with(&(struct bus_producer_config){.on_delivery = on_delivery, .context = &tally, .own_thread = true});
    for (int i = 0; i < 10; i++) assert_int_equal(bus_send(producer, "own", 0, NULL, "x", 1, malloc(1), &err), 0);
    put(producer, "own", 0, NULL, "last");
    assert_int_equal(bus_flush(producer, PATIENCE_MS, &err), 0);
    assert_int_equal(tally.count, 10);
    bus_producer_free(producer);
}

static void keys_go_where_the_java_client_sends_them(void **state) {
    (void)state;
    /* murmur2 of the Java client: Utils.toPositive(Utils.murmur2(key)) % 4, computed by Kafka's own class */
    static const struct {
        const char *key;
        int32_t partition;
    } known[] = {{"a", 0}, {"task-1", 3}, {"portolan", 1}};
    struct error err = ERROR_INIT;
    make_topic("keys", 4);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    struct bus_consumer *consumer = bus_consumer_new(bus, NULL, &err);
    for (int32_t p = 0; p < 4; p++) assert_int_equal(bus_assign(consumer, "keys", p, BUS_BEGINNING, &err), 0);
    for (size_t i = 0; i < 3; i++) {
        put(producer, "keys", BUS_ANY_PARTITION, known[i].key, "v");
        struct bus_record *record = take(consumer);
        assert_string_equal(record->key, known[i].key);
        assert_int_equal(record->partition, known[i].partition);
        bus_record_free(record);
    }
    bus_consumer_free(consumer);
    bus_producer_free(producer);
}

static void an_oversized_record_is_refused_at_once(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    char *big = calloc(1, 2000000);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    assert_int_equal(bus_send(producer, "basic", 0, NULL, big, 2000000, NULL, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(bus_producer_pending(producer), 0);
    bus_producer_free(producer);
    free(big);
}

/* --- assignment ------------------------------------------------------------------------------- */
static void partitions_are_added_and_moved_without_disturbing_others(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    make_topic("first", 1);
    make_topic("second", 1);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    put(producer, "first", 0, NULL, "a0");
    put(producer, "second", 0, NULL, "b0");
    struct bus_consumer *consumer = bus_consumer_new(bus, NULL, &err);
    assert_int_equal(bus_assign(consumer, "first", 0, BUS_BEGINNING, &err), 0);
    expect(consumer, "a0");
    assert_int_equal(bus_assign(consumer, "second", 0, BUS_BEGINNING, &err), 0);
    expect(consumer, "b0");
    put(producer, "first", 0, NULL, "a1");
    expect(consumer, "a1");
    assert_int_equal(bus_assign(consumer, "first", 0, 0, &err), 0); /* back */
    expect(consumer, "a0");
    expect(consumer, "a1");
    assert_int_equal(bus_unassign(consumer, "first", 0, &err), 0);
    assert_int_equal(bus_unassign(consumer, "first", 0, &err), 0);
    put(producer, "first", 0, NULL, "a2");
    put(producer, "second", 0, NULL, "b1");
    expect(consumer, "b1");
    bus_consumer_free(consumer);
    bus_producer_free(producer);
}

/* Hundreds of mailboxes are made, opened and read this way; one bad name among them is told as itself. */
static void many_topics_are_made_opened_and_read_at_once(void **state) {
    (void)state;
    enum { MANY = 60 };
    struct error err = ERROR_INIT, errs[MANY];
    char names[MANY][32];
    const char *topics[MANY];
    struct bus_position positions[MANY];
    int64_t low;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "many-%02d", (i * 37) % MANY); /* not in their order */
        topics[i] = names[i];
    }
    assert_int_equal(bus_topics_create(bus, topics, MANY, 1, -1, NULL, 0, PATIENCE_MS, errs, &err), 0);
    for (int i = 0; i < MANY; i++) assert_int_equal(errs[i].code, ERR_NONE);
    CLEANUP(cleanup_bus_producer) struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    assert_int_equal(bus_producer_open(producer, topics, MANY, &err), 0);
    assert_int_equal(bus_producer_open(producer, topics, MANY, &err), 0); /* what is open stays as it is */
    for (int i = 0; i < MANY; i++) put(producer, topics[i], 0, NULL, "before");
    CLEANUP(cleanup_bus_consumer) struct bus_consumer *consumer = bus_consumer_new(bus, NULL, &err);
    assert_non_null(consumer);
    for (int i = 0; i < MANY; i++) {
        positions[i] = (struct bus_position){.topic = topics[i]};
        assert_int_equal(bus_watermarks(bus, topics[i], 0, PATIENCE_MS, &low, &positions[i].offset, &err), 0);
        assert_int_equal(positions[i].offset, 1);
    }
    assert_int_equal(bus_assign_all(consumer, positions, MANY, &err), 0);
    for (int i = 0; i < MANY; i++) put(producer, topics[i], 0, NULL, topics[i]);
    bool seen[MANY] = {false};
    for (int i = 0; i < MANY; i++) {
        CLEANUP(cleanup_bus_record) struct bus_record *record = take(consumer);
        int n = atoi(record->topic + strlen("many-"));
        assert_memory_equal(record->value, record->topic, record->len);
        assert_false(seen[n]);
        seen[n] = true;
    }
    topics[7] = "not a name";
    assert_int_equal(bus_topics_create(bus, topics, MANY, 1, -1, NULL, 0, PATIENCE_MS, errs, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(bus_producer_open(producer, topics, MANY, &err), -1);
}

static void a_paused_partition_keeps_its_position(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    char value[16];
    make_topic("paused", 1);
    make_topic("running", 1);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    struct bus_consumer *consumer = bus_consumer_new(bus, NULL, &err);
    assert_int_equal(bus_assign(consumer, "paused", 0, BUS_BEGINNING, &err), 0);
    assert_int_equal(bus_assign(consumer, "running", 0, BUS_BEGINNING, &err), 0);
    assert_int_equal(bus_resume(consumer, "paused", 0, &err), 0); /* is not paused: nothing may be lost by it */
    for (int i = 0; i < 20; i++) {
        snprintf(value, sizeof value, "p%d", i);
        put(producer, "paused", 0, NULL, value);
    }
    for (int i = 0; i < 10; i++) {
        snprintf(value, sizeof value, "p%d", i);
        expect(consumer, value);
    }
    assert_int_equal(bus_pause(consumer, "paused", 0, &err), 0);
    assert_int_equal(bus_pause(consumer, "paused", 0, &err), 0);
    put(producer, "running", 0, NULL, "r0");
    expect(consumer, "r0");
    assert_int_equal(bus_resume(consumer, "paused", 0, &err), 0);
    for (int i = 10; i < 20; i++) {
        snprintf(value, sizeof value, "p%d", i);
        expect(consumer, value);
    }
    assert_int_equal(bus_pause(consumer, "paused", 7, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    bus_consumer_free(consumer);
    bus_producer_free(producer);
}

static void an_offset_that_is_gone_is_an_error_not_a_jump(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct bus_record *record = NULL;
    make_topic("gone", 1);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    put(producer, "gone", 0, NULL, "only");
    struct bus_consumer *consumer = bus_consumer_new(bus, NULL, &err);
    assert_int_equal(bus_assign(consumer, "gone", 0, 99, &err), 0);
    enum bus_event event;
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    while ((event = bus_next(consumer, 1000, &record, &err)) == BUS_NOTHING && clock_mono_ms() < deadline) continue;
    assert_int_equal(event, BUS_FAILED);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(record->topic, "gone");
    bus_record_free(record);
    assert_int_equal(bus_assign(consumer, "gone", 0, BUS_BEGINNING, &err), 0);
    expect(consumer, "only");
    bus_consumer_free(consumer);
    bus_producer_free(producer);
}

static void *wake_soon(void *consumer) {
    bus_consumer_wake(consumer);
    return NULL;
}

static void a_waiting_consumer_can_be_woken(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct bus_record *record;
    pthread_t thread;
    struct bus_consumer *consumer = bus_consumer_new(bus, NULL, &err);
    int64_t start = clock_mono_ms();
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, consumer), 0);
    assert_int_equal(bus_next(consumer, PATIENCE_MS, &record, &err), BUS_NOTHING);
    assert_true(clock_mono_ms() - start < PATIENCE_MS / 2);
    pthread_join(thread, NULL);
    bus_consumer_free(consumer);
}

static int count_records(void *context, const struct bus_record *record, struct error *err) {
    (void)record, (void)err;
    ++*(int *)context;
    return 0;
}

static void a_topic_is_replayed_to_its_end(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int count = 0;
    make_topic("replayed", 3);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    for (int i = 0; i < 30; i++) assert_int_equal(bus_send(producer, "replayed", i % 2, NULL, "x", 1, NULL, &err), 0);
    assert_int_equal(bus_flush(producer, PATIENCE_MS, &err), 0);
    if (bus_replay(bus, "replayed", false, PATIENCE_MS, count_records, &count, &err)) fail_msg("%s", err.text);
    assert_int_equal(count, 30); /* and the empty partition ended too */
    bus_producer_free(producer);
}

/* --- metadata --------------------------------------------------------------------------------- */
static void partitions_watermarks_and_cluster_id_can_be_asked(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int32_t partitions;
    int64_t low, high;
    make_topic("asked", 3);
    assert_int_equal(bus_partitions(bus, "asked", PATIENCE_MS, &partitions, &err), 0);
    assert_int_equal(partitions, 3);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    put(producer, "asked", 2, NULL, "x");
    assert_int_equal(bus_watermarks(bus, "asked", 2, PATIENCE_MS, &low, &high, &err), 0);
    assert_int_equal(low, 0);
    assert_int_equal(high, 1);
    CLEANUP_FREE char *id = bus_cluster_id(bus, PATIENCE_MS, &err);
    assert_non_null(id);
    assert_true(bus_is_embedded(bus));
    struct bus *other = connect_with(&(struct bus_config){.bootstrap = bus_bootstrap(bus)});
    assert_true(bus_is_embedded(other)); /* told by its cluster id alone */
    int64_t start = clock_mono_ms();
    assert_int_equal(bus_topic_create(other, "asked", 3, -1, NULL, 0, PATIENCE_MS, &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_null(bus_topic_setting(other, "asked", "retention.ms", PATIENCE_MS, &err));
    assert_true(clock_mono_ms() - start < PATIENCE_MS / 2); /* at once: it would never answer */
    bus_free(other);
    bus_producer_free(producer);
}

/* --- transactions ----------------------------------------------------------------------------- */
static void a_transaction_delivers_its_records(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct tally tally = {.ordered = true};
    make_topic("tx", 1);
    struct bus_producer *producer = producer_with(
        &(struct bus_producer_config){.transactional_id = "test", .on_delivery = on_delivery, .context = &tally});
    if (bus_tx_init(producer, PATIENCE_MS, &err)) fail_msg("%s", err.text);
    assert_int_equal(bus_send(producer, "tx", 0, NULL, "x", 1, NULL, &err), -1); /* outside of one */
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_int_equal(bus_tx_begin(producer, &err), 0);
    assert_int_equal(bus_send(producer, "tx", 0, NULL, "x", 1, malloc(1), &err), 0);
    if (bus_tx_commit(producer, PATIENCE_MS, &err)) fail_msg("%s", err.text);
    assert_int_equal(tally.count, 1);
    assert_int_equal(tally.failed, 0);
    bus_producer_free(producer);
}

/* --- trouble ---------------------------------------------------------------------------------- */
static void a_producer_is_rebuilt_after_a_fatal_error(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    make_topic("fatal", 1);
    struct bus_producer *producer = producer_with(&(struct bus_producer_config){0});
    put(producer, "fatal", 0, NULL, "before");
    rd_kafka_test_fatal_error(bus_producer_client(producer), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                              "made by the test");
    assert_int_equal(bus_send(producer, "fatal", 0, NULL, "lost", 4, NULL, &err), -1);
    assert_int_equal(err.code, ERR_NETWORK);
    bus_producer_poll(producer, 0);
    put(producer, "fatal", 0, NULL, "after");
    bus_producer_free(producer);
}

struct states {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int connected, unreachable;
    char text[1024];
};
static void on_state(void *context, enum bus_state state, const char *text) {
    struct states *states = context;
    pthread_mutex_lock(&states->lock);
    if (state == BUS_CONNECTED) states->connected++;
    if (state == BUS_UNREACHABLE) {
        states->unreachable++;
        snprintf(states->text, sizeof states->text, "%s", text);
    }
    pthread_cond_broadcast(&states->changed);
    pthread_mutex_unlock(&states->lock);
}
static void await_count(struct states *states, const int *count, int want) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&states->lock);
    while (*count < want)
        if (pthread_cond_timedwait(&states->changed, &states->lock, &until)) break;
    int got = *count;
    pthread_mutex_unlock(&states->lock);
    assert_int_equal(got, want);
}

static void a_broker_that_goes_and_comes_is_told_and_nothing_is_lost(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct states states = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    make_topic("outage", 1);
    struct bus *watched =
        connect_with(&(struct bus_config){.bootstrap = bus_bootstrap(bus), .on_state = on_state, .context = &states});
    await_count(&states, &states.connected, 1);
    struct bus_producer *producer = bus_producer_new(watched, &(struct bus_producer_config){0}, &err);
    struct bus_consumer *consumer = bus_consumer_new(watched, NULL, &err);
    assert_int_equal(bus_assign(consumer, "outage", 0, BUS_BEGINNING, &err), 0);
    put(producer, "outage", 0, NULL, "before");
    expect(consumer, "before");
    assert_int_equal(bus_embedded_set_up(embedded, false, &err), 0);
    await_count(&states, &states.unreachable, 1);
    assert_non_null(strstr(states.text, "no broker answers: tried 127.0.0.1:"));
    assert_int_equal(bus_send(producer, "outage", 0, NULL, "during", 6, NULL, &err), 0);
    assert_int_equal(bus_flush(producer, 50, &err), -1);
    assert_int_equal(err.code, ERR_TIMEOUT);
    assert_int_equal(bus_embedded_set_up(embedded, true, &err), 0);
    await_count(&states, &states.connected, 2);
    if (bus_flush(producer, PATIENCE_MS, &err)) fail_msg("%s", err.text);
    expect(consumer, "during");
    bus_consumer_free(consumer);
    bus_producer_free(producer);
    bus_free(watched);
}

static void a_broker_that_is_not_there_is_named_and_waited_for(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct bus *lost = connect_with(&(struct bus_config){.bootstrap = "127.0.0.1:1"});
    assert_int_equal(bus_wait(lost, 300, &err), -1);
    assert_int_equal(err.code, ERR_TIMEOUT);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    struct bus_producer *producer = bus_producer_new(lost, &(struct bus_producer_config){.timeout_ms = 300}, &err);
    assert_int_equal(bus_send_wait(producer, "x", 0, NULL, "v", 1, PATIENCE_MS, NULL, &err), -1);
    assert_int_equal(err.code, ERR_TIMEOUT);
    bus_producer_free(producer);
    bus_free(lost);
}

int main(void) {
    const struct CMUnitTest without_broker[] = {
        cmocka_unit_test(properties_that_the_design_rests_on_cannot_be_set),
        cmocka_unit_test(unknown_properties_are_named),
        cmocka_unit_test(no_address_and_a_bad_prefix_are_refused),
    };
    const struct CMUnitTest with_broker[] = {
        cmocka_unit_test(names_get_the_prefix_and_bad_ones_are_refused),
        cmocka_unit_test(records_come_back_with_key_value_and_offset),
        cmocka_unit_test(every_record_gets_one_delivery_report_in_order),
        cmocka_unit_test(a_producer_with_its_own_thread_delivers_by_itself),
        cmocka_unit_test(keys_go_where_the_java_client_sends_them),
        cmocka_unit_test(an_oversized_record_is_refused_at_once),
        cmocka_unit_test(partitions_are_added_and_moved_without_disturbing_others),
        cmocka_unit_test(many_topics_are_made_opened_and_read_at_once),
        cmocka_unit_test(a_paused_partition_keeps_its_position),
        cmocka_unit_test(an_offset_that_is_gone_is_an_error_not_a_jump),
        cmocka_unit_test(a_waiting_consumer_can_be_woken),
        cmocka_unit_test(a_topic_is_replayed_to_its_end),
        cmocka_unit_test(partitions_watermarks_and_cluster_id_can_be_asked),
        cmocka_unit_test(a_transaction_delivers_its_records),
        cmocka_unit_test(a_producer_is_rebuilt_after_a_fatal_error),
        cmocka_unit_test(a_broker_that_goes_and_comes_is_told_and_nothing_is_lost),
        cmocka_unit_test(a_broker_that_is_not_there_is_named_and_waited_for),
    };
    int failed = cmocka_run_group_tests(without_broker, NULL, NULL);
    if (!UNDER_TSAN) failed += cmocka_run_group_tests(with_broker, setup, teardown);
    return failed;
}
