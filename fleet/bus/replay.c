/* Reading a topic from beginning to end. See bus.h. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "fleet/bus/internal.h"

#define FETCH_WAIT_MS 10 /* the end is told by an answer without records: someone waits for it */

struct replay {
    struct bus_consumer *consumer;
    const char *topic;
    bool *ended; /* by partition */
    int32_t partitions, left;
    bus_visit_fn *visit;
    void *context;
};

static int assign_all(struct replay *replay, struct error *err) {
    for (int32_t p = 0; p < replay->partitions; p++)
        if (bus_assign(replay->consumer, replay->topic, p, BUS_BEGINNING, err)) return -1;
    replay->left = replay->partitions;
    return 0;
}

static void end_partition(struct replay *replay, const struct bus_record *record) {
    if (record->partition >= replay->partitions || replay->ended[record->partition]) return;
    replay->ended[record->partition] = true;
    replay->left--;
}

/* 1: something came, 0: nothing, -1: stop. A connection that is lost is waited for: the caller's clock ends that. */
static int step(struct replay *replay, int timeout_ms, struct error *trouble, struct error *err) {
    CLEANUP(cleanup_bus_record) struct bus_record *record = NULL;
    switch (bus_next(replay->consumer, timeout_ms, &record, trouble)) {
        case BUS_NOTHING:
            return 0;
        case BUS_AT_END:
            end_partition(replay, record);
            return 1;
        case BUS_RECORD:
            if (replay->ended[record->partition]) return 1; /* written after we began: not ours to wait for */
            return replay->visit(replay->context, record, err) ? -1 : 1;
        case BUS_FAILED:
            break;
    }
    if (error_retriable(trouble->code)) return 0;
    return error_set(err, trouble->code, "%s", trouble->text);
}

static int run(struct bus *bus, struct replay *replay, int timeout_ms, struct error *err) {
    struct error trouble = ERROR_INIT;
    int64_t deadline = clock_mono_ms() + timeout_ms;
    while (replay->left > 0) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0) {
            bus_error(bus, err, RD_KAFKA_RESP_ERR__TIMED_OUT, *trouble.text ? trouble.text : NULL, "reading %s%s",
                      bus->prefix, replay->topic);
            return -1;
        }
        int came = step(replay, (int)left, &trouble, err);
        if (came < 0) return -1;
        if (came > 0) deadline = clock_mono_ms() + timeout_ms;
    }
    return 0;
}

int bus_replay(struct bus *bus, const char *topic, bool read_committed, int timeout_ms, bus_visit_fn *visit,
               void *context, struct error *err) {
    struct bus_consumer_config config = {.read_committed = read_committed, .fetch_wait_ms = FETCH_WAIT_MS};
    struct replay replay = {.topic = topic, .visit = visit, .context = context};
    if (bus_partitions(bus, topic, timeout_ms, &replay.partitions, err)) return -1;
    CLEANUP(cleanup_bus_consumer) struct bus_consumer *consumer = bus_consumer_new(bus, &config, err);
    if (!consumer) return -1;
    CLEANUP_FREE bool *ended = xcalloc((size_t)replay.partitions + 1, sizeof *ended);
    replay.consumer = consumer;
    replay.ended = ended;
    if (assign_all(&replay, err)) return -1;
    return run(bus, &replay, timeout_ms, err);
}
