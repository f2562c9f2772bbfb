/* Agents without devices, for tests of the coordinator: they speak the whole protocol on a real broker and answer every
 * task at once with `correct` and made-up times.
 *   scripted_agent [--work-ms N] BOOTSTRAP TARGET NODE...
 * PORTOLAN_PREFIX is the topics' prefix. With --work-ms all of them together need so long for each task. Each node has
 * one device of TARGET. Says `ready NODE` when a node may get tasks, and `first SECONDS` (wall clock, as date +%s.%N
 * has it) when the first task after each new epoch arrives. Ends with SIGTERM. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/random.h"
#include "fleet/bus/bus.h"
#include "fleet/bus/topics.h"
#include "fleet/protocol.h"
#include "records.h"
#include "schemas/codec.h"

#define BEAT_MS 1000
#define CALL_MS 10000
#define NODES_MOST 64
#define MAILBOX_TRIES 100 /* of 200 ms */

struct agent {
    char node[TOPIC_NODE_NAME_MAX + 1], incarnation[33];
    char mailbox[BUS_TOPIC_MAX + 1];
    int64_t epoch, beat_ms;
    bool ready;
};
static struct {
    struct bus *bus;
    struct bus_producer *producer;
    struct bus_consumer *consumer;
    struct codec *codec;
    const char *target;
    struct agent agents[NODES_MOST];
    size_t count;
    int64_t first_epoch;
    long work_ms; /* below 1000 */
} plane;
static atomic_bool stop;

static void on_signal(int number) {
    (void)number;
    atomic_store(&stop, true);
}

static _Noreturn void fail(const struct error *err) {
    fprintf(stderr, "scripted_agent: %s\n", err->text);
    exit(1);
}

static void publish(const char *topic, const char *key, const struct rec_desc *desc, const void *rec) {
    struct error err = ERROR_INIT;
    uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, &err) != 0) fail(&err);
    if (bus_send(plane.producer, topic, BUS_ANY_PARTITION, key, data, len, NULL, &err) != 0) fail(&err);
    free(data);
}

/* --- what an agent says ----------------------------------------------------------------------- */
static void say_schemas(void) {
    for (size_t i = 0; i < rec_top_level_count; i++) {
        struct rec_schema schema;
        char fingerprint[17];
        codec_fingerprint_hex(rec_top_level[i], fingerprint);
        rec_schema_init(&schema);
        rec_set(&schema.name, rec_top_level[i]->full_name);
        rec_set(&schema.fingerprint, fingerprint);
        rec_set(&schema.text, rec_top_level[i]->text);
        publish(TOPIC_SCHEMAS, fingerprint, &rec_schema_desc, &schema);
        rec_schema_done(&schema);
    }
}

static void say_node(const struct agent *a, const char *state) {
    struct rec_node node;
    rec_node_init(&node);
    rec_set(&node.node, a->node);
    rec_set(&node.incarnation, a->incarnation);
    rec_set(&node.state, state);
    rec_set(&node.agent_version, PORTOLAN_VERSION);
    node.protocol = 1;
    node.cores = 2;
    struct rec_device *device = rec_list_device_push(&node.devices);
    rec_set(&device->id, "dev0");
    rec_set(&device->target, plane.target);
    rec_set(&device->name, "scripted");
    rec_set(&device->driver_version, "1");
    device->memory_bytes = INT64_C(8) << 30;
    device->max_alloc_bytes = INT64_C(2) << 30;
    device->copy_gbps = 30;
    device->fma_gflops = 200;
    publish(TOPIC_NODES, a->node, &rec_node_desc, &node);
    rec_node_done(&node);
}

static void say_beat(struct agent *a) {
    struct rec_heartbeat beat;
    a->beat_ms = clock_mono_ms();
    rec_heartbeat_init(&beat);
    rec_set(&beat.node, a->node);
    rec_set(&beat.incarnation, a->incarnation);
    beat.epoch = a->epoch;
    beat.sent_ms = clock_wall_ms();
    publish(TOPIC_HEARTBEATS, a->node, &rec_heartbeat_desc, &beat);
    rec_heartbeat_done(&beat);
}

static void add_measured(struct rec_attempt *attempt, const struct rec_task *task, const char *role, const char *kernel,
                         double time_ns) {
    struct rec_measured *m = rec_list_measured_push(&attempt->measured);
    rec_set(&m->candidate, task->kernel_hash);
    rec_set(&m->kernel, kernel);
    rec_set(&m->size, task->size);
    rec_set(&m->role, role);
    rec_set(&m->verdict, "correct");
    m->time_ns_p50 = time_ns;
    m->has_time_ns_p50 = true;
    if (strcmp(role, "candidate") != 0) return;
    rec_set(&m->baseline, "plain");
    m->speedup = 1.5, m->speedup_low = 1.4, m->speedup_high = 1.6;
    m->has_speedup = m->has_speedup_low = m->has_speedup_high = true;
    m->speedup_confidence = 0.99;
}

static void say_attempt(const struct rec_task *task, const char *outcome) {
    bool verdict = strcmp(outcome, "verdict") == 0;
    struct rec_attempt attempt;
    protocol_attempt_of(task, &attempt);
    rec_set(&attempt.device_name, "scripted");
    rec_set(&attempt.driver_version, "1");
    rec_set(&attempt.outcome, outcome);
    if (verdict) rec_set(&attempt.verdict, "correct");
    attempt.finished_ms = clock_wall_ms();
    attempt.duration_ms = 1;
    if (verdict) add_measured(&attempt, task, "baseline", "plain", 3000);
    if (verdict) add_measured(&attempt, task, "candidate", task->kernel, 2000);
    publish(TOPIC_ATTEMPTS, task->task_id, &rec_attempt_desc, &attempt);
    rec_attempt_done(&attempt);
}

/* --- what it hears ---------------------------------------------------------------------------- */
static struct agent *agent_of(const char *node, const char *incarnation) {
    for (size_t i = 0; i < plane.count; i++)
        if (strcmp(plane.agents[i].node, node) == 0 && strcmp(plane.agents[i].incarnation, incarnation) == 0)
            return &plane.agents[i];
    return NULL;
}

static void on_desired(const struct rec_desired *desired) {
    struct agent *a = agent_of(desired->node, desired->incarnation);
    struct error err = ERROR_INIT;
    int64_t low = 0, high = 0;
    if (!a || desired->epoch < a->epoch) return;
    bool anew = desired->epoch > a->epoch;
    a->epoch = desired->epoch;
    if (a->ready && strcmp(a->mailbox, desired->mailbox_topic) == 0) {
        if (anew) say_beat(a);
        return;
    }
    /* A mailbox that was made a moment ago is not known to every broker yet. */
    for (int i = 0;
         bus_watermarks(plane.bus, desired->mailbox_topic, desired->mailbox_partition, CALL_MS, &low, &high, &err) != 0;
         i++) {
        if (i == MAILBOX_TRIES) fail(&err);
        err = (struct error)ERROR_INIT;
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    if (bus_assign(plane.consumer, desired->mailbox_topic, desired->mailbox_partition, high, &err) != 0) fail(&err);
    snprintf(a->mailbox, sizeof a->mailbox, "%s", desired->mailbox_topic);
    a->ready = true;
    say_node(a, "ready");
    printf("ready %s\n", a->node);
}

static void on_task(const struct rec_task *task) {
    const struct agent *a = agent_of(task->node, task->incarnation);
    if (!a) return;
    if (task->epoch < a->epoch) {
        say_attempt(task, "cancelled");
        return;
    }
    if (task->epoch > plane.first_epoch) printf("first %.3f\n", (double)clock_wall_ms() / 1000);
    if (task->epoch > plane.first_epoch) plane.first_epoch = task->epoch;
    if (plane.work_ms) nanosleep(&(struct timespec){.tv_nsec = plane.work_ms * 1000000}, NULL);
    say_attempt(task, "verdict");
}

static void on_record(const struct bus_record *record) {
    const struct rec_desc *desc = NULL;
    void *rec = NULL;
    struct error err = ERROR_INIT;
    if (!record->value || codec_decode(plane.codec, record->value, record->len, &desc, &rec, &err) != 0) return;
    if (desc == &rec_schema_desc) codec_learn(plane.codec, ((const struct rec_schema *)rec)->text, NULL);
    if (desc == &rec_desired_desc) on_desired(rec);
    if (desc == &rec_task_desc) on_task(rec);
    rec_free(desc, rec);
}

static int learn(void *context, const struct bus_record *record, struct error *err) {
    (void)context, (void)err;
    on_record(record);
    return 0;
}

/* The coordinator makes them, a moment after its API answers. */
static void await_topics(void) {
    static const char *const wanted[] = {TOPIC_SCHEMAS, TOPIC_NODES, TOPIC_DESIRED, TOPIC_HEARTBEATS, TOPIC_ATTEMPTS};
    size_t there = 0;
    while (!atomic_load(&stop) && there < sizeof wanted / sizeof *wanted) {
        char **names = NULL;
        size_t count = 0;
        there = 0;
        if (bus_topics(plane.bus, CALL_MS, &names, &count, NULL) == 0)
            for (size_t i = 0; i < count; i++)
                for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) there += strcmp(names[i], wanted[k]) == 0;
        bus_topics_free(names, count);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

static void start(int argc, char **argv) {
    struct error err = ERROR_INIT;
    struct bus_config config = {
        .bootstrap = argv[1], .client_id = "scripted-agent", .prefix = getenv("PORTOLAN_PREFIX")};
    plane.bus = bus_new(&config, &err);
    if (!plane.bus) fail(&err);
    plane.producer = bus_producer_new(plane.bus, &(struct bus_producer_config){.own_thread = true}, &err);
    plane.consumer = plane.producer ? bus_consumer_new(plane.bus, &(struct bus_consumer_config){0}, &err) : NULL;
    if (!plane.consumer || bus_wait(plane.bus, CALL_MS, &err) != 0) fail(&err);
    await_topics();
    plane.codec = codec_new();
    plane.target = argv[2];
    say_schemas();
    for (int i = 3; i < argc && plane.count < NODES_MOST; i++) {
        struct agent *a = &plane.agents[plane.count++];
        snprintf(a->node, sizeof a->node, "%s", argv[i]);
        random_hex(a->incarnation, 16);
        say_node(a, "starting");
    }
    /* Of coordinators of other versions, too; before what they wrote is read. */
    if (bus_replay(plane.bus, TOPIC_SCHEMAS, false, CALL_MS, learn, NULL, &err) != 0 ||
        bus_assign(plane.consumer, TOPIC_SCHEMAS, 0, BUS_BEGINNING, &err) != 0)
        fail(&err);
    if (bus_assign(plane.consumer, TOPIC_DESIRED, 0, BUS_BEGINNING, &err) != 0) fail(&err);
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "--work-ms") == 0) {
        plane.work_ms = strtol(argv[2], NULL, 10) % 1000;
        argc -= 2;
        argv += 2;
    }
    if (argc < 4) {
        fprintf(stderr, "usage: scripted_agent [--work-ms N] BOOTSTRAP TARGET NODE...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, on_signal);
    start(argc, argv);
    while (!atomic_load(&stop)) {
        CLEANUP(cleanup_bus_record) struct bus_record *record = NULL;
        struct error err = ERROR_INIT;
        enum bus_event event = bus_next(plane.consumer, 100, &record, &err);
        if (event == BUS_RECORD) on_record(record);
        if (event == BUS_FAILED) fprintf(stderr, "scripted_agent: %s\n", err.text);
        for (size_t i = 0; i < plane.count; i++)
            if (plane.agents[i].ready && clock_mono_ms() >= plane.agents[i].beat_ms + BEAT_MS)
                say_beat(&plane.agents[i]);
    }
    codec_free(plane.codec);
    bus_consumer_free(plane.consumer);
    bus_producer_free(plane.producer);
    bus_free(plane.bus);
    return 0;
}
