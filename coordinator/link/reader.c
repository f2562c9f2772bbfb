/* Connects, then reads attempts, heartbeats, nodes and schemas, and hands decoded records to the loop. */
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "coordinator/events.h"
#include "coordinator/link/internal.h"
#include "fleet/bus/topics.h"

#define WAIT_MS 1000
#define CALL_TIMEOUT_MS 10000
#define RETRY_MS 1000
#define POLL_MS 500
#define LEARN_INTERVAL_MS 1000
#define PAYLOAD_KEPT 65536

/* --- schemas ---------------------------------------------------------------------------------- */
static int learn(void *context, const struct bus_record *record, struct error *err) {
    struct link *link = context;
    struct rec_schema schema;
    struct error problem = ERROR_INIT;
    (void)err;
    if (!record->value) return 0;
    if (codec_decode_as(link->codec, record->value, record->len, &rec_schema_desc, &schema, &problem) != 0) {
        log_warn("schemas offset %lld: %s", (long long)record->offset, problem.text);
        return 0;
    }
    if (codec_learn(link->codec, schema.text, &problem) != 0)
        log_warn("schema %s is left out: %s", schema.name, problem.text);
    rec_schema_done(&schema);
    return 0;
}

/* Every process publishes the schemas it writes with; the topic is compacted by fingerprint. */
static int publish_schemas(struct link *link, struct error *err) {
    for (size_t i = 0; i < rec_top_level_count; i++) {
        struct rec_schema schema;
        char fingerprint[17];
        uint8_t *value = NULL;
        size_t len = 0;
        codec_fingerprint_hex(rec_top_level[i], fingerprint);
        rec_schema_init(&schema);
        rec_set(&schema.name, rec_top_level[i]->full_name);
        rec_set(&schema.fingerprint, fingerprint);
        rec_set(&schema.text, rec_top_level[i]->text);
        int status = codec_encode(&rec_schema_desc, &schema, CODEC_SINGLE_OBJECT, 0, &value, &len, err);
        rec_schema_done(&schema);
        if (status == 0) status = bus_send(link->producer, TOPIC_SCHEMAS, 0, fingerprint, value, len, NULL, err);
        free(value);
        if (status != 0) return -1;
    }
    return 0;
}

/* --- connecting ------------------------------------------------------------------------------- */
static int see_epoch(void *context, const struct bus_record *record, struct error *err) {
    void **both = context;
    struct rec_desired desired;
    (void)err;
    if (!record->value || codec_decode_as(both[0], record->value, record->len, &rec_desired_desc, &desired, NULL) != 0)
        return 0;
    int64_t *epoch = both[1];
    if (desired.epoch > *epoch) *epoch = desired.epoch;
    rec_desired_done(&desired);
    return 0;
}

/* Missing topics are made where that is allowed; where not, they must be there. */
static int check_topics(struct link *link, struct error *err) {
    struct error refused = ERROR_INIT;
    struct topic_status *status = NULL;
    size_t count = 0;
    if (topics_create(link->bus, link->replication, CALL_TIMEOUT_MS, &refused) == 0) return 0;
    if (topics_check(link->bus, CALL_TIMEOUT_MS, &status, &count, err) != 0) return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        if (status[i].exists) continue;
        error_set(err, ERR_NOT_FOUND, "topic %s is missing and cannot be created: %s", status[i].full_name,
                  refused.text);
        result = error_hint(err, "`portolan topics` prints what must exist");
    }
    free(status);
    return result;
}

static int look_around(struct link *link, struct link_up *up, struct error *err) {
    int64_t low = 0;
    int32_t attempts = 0, heartbeats = 0;
    void *both[2] = {link->codec, &up->epoch_seen};
    if (bus_wait(link->bus, WAIT_MS, err) != 0) return -1;
    CLEANUP_FREE char *cluster = bus_cluster_id(link->bus, CALL_TIMEOUT_MS, err);
    if (!cluster || check_topics(link, err) != 0 || maker_look(link, err) != 0 || publish_schemas(link, err) != 0)
        return -1;
    snprintf(up->cluster_id, sizeof up->cluster_id, "%s", cluster);
    if (bus_replay(link->bus, TOPIC_SCHEMAS, false, CALL_TIMEOUT_MS, learn, link, err) != 0 ||
        bus_replay(link->bus, TOPIC_DESIRED, false, CALL_TIMEOUT_MS, see_epoch, both, err) != 0 ||
        bus_partitions(link->bus, TOPIC_ATTEMPTS, CALL_TIMEOUT_MS, &attempts, err) != 0 ||
        bus_partitions(link->bus, TOPIC_HEARTBEATS, CALL_TIMEOUT_MS, &heartbeats, err) != 0 ||
        bus_watermarks(link->bus, TOPIC_NODES, 0, CALL_TIMEOUT_MS, &low, &up->nodes_high, err) != 0)
        return -1;
    up->attempts_partitions = attempts;
    up->heartbeats_partitions = heartbeats < LEASE_PARTITIONS_MAX ? heartbeats : LEASE_PARTITIONS_MAX;
    up->attempts_offset = xcalloc((size_t)attempts + 1, sizeof *up->attempts_offset);
    /* Asked now, before the first tick is written: "the end" as the consumer would find it later may lie behind it. */
    up->heartbeats_offset = xcalloc((size_t)up->heartbeats_partitions + 1, sizeof *up->heartbeats_offset);
    for (int p = 0; p < up->heartbeats_partitions; p++)
        if (bus_watermarks(link->bus, TOPIC_HEARTBEATS, p, CALL_TIMEOUT_MS, &low, &up->heartbeats_offset[p], err) != 0)
            return -1;
    return 0;
}

static int assign_all(struct link *link, const struct link_up *up, struct error *err) {
    size_t count = 0;
    CLEANUP_FREE struct bus_position *all =
        xcalloc((size_t)(up->attempts_partitions + up->heartbeats_partitions) + 1, sizeof *all);
    for (int p = 0; p < up->attempts_partitions; p++)
        all[count++] = (struct bus_position){TOPIC_ATTEMPTS, p, up->attempts_offset[p]};
    for (int p = 0; p < up->heartbeats_partitions; p++)
        all[count++] = (struct bus_position){TOPIC_HEARTBEATS, p, up->heartbeats_offset[p]};
    all[count++] = (struct bus_position){TOPIC_NODES, 0, up->nodes_offset};
    return bus_assign_all(link->consumer, all, count, err);
}

static int connect_once(struct link *link, struct error *err) {
    struct link_up up = {0};
    int status = look_around(link, &up, err);
    if (status == 0) status = adopt_published(link, err);
    if (status == 0) status = loop_call(link->loop, event_linked, &up, err);
    if (status == 0) status = assign_all(link, &up, err);
    free(up.attempts_offset);
    free(up.heartbeats_offset);
    return status;
}

static void tell_failure(struct link *link, const struct error *err) {
    struct event *event = event_new(EVENT_LINK_STATE);
    event->code = err->code;
    event->text = xstrdup(err->text);
    loop_post(link->loop, event);
}

/* Repeats until it works; says so when the reason changes. False when stopping. */
static bool connect_link(struct link *link) {
    char last[ERROR_TEXT_MAX] = "";
    while (!link_stopping(link)) {
        struct error err = ERROR_INIT;
        if (connect_once(link, &err) == 0) {
            log_info("on the bus: %s", bus_bootstrap(link->bus));
            return true;
        }
        if (link_stopping(link)) break;
        if (strcmp(last, err.text) != 0) log_warn("not on the bus yet: %s", err.text);
        snprintf(last, sizeof last, "%s", err.text);
        tell_failure(link, &err);
        link_pause(link, RETRY_MS);
    }
    return false;
}

/* --- reading ---------------------------------------------------------------------------------- */
/* A schema that is not known may have been published after we looked: look again, at most once a second, so that
 * garbage does not make us read the topic over and over. */
static int decode(struct link *link, const struct bus_record *record, const struct rec_desc **desc, void **rec,
                  struct error *err) {
    int64_t now = clock_mono_ms();
    int status = codec_decode(link->codec, record->value, record->len, desc, rec, err);
    if (status == 0 || err->code != ERR_NOT_FOUND || now - link->learned_mono_ms < LEARN_INTERVAL_MS) return status;
    struct error ignored = ERROR_INIT;
    link->learned_mono_ms = now;
    bus_replay(link->bus, TOPIC_SCHEMAS, false, CALL_TIMEOUT_MS, learn, link, &ignored);
    *err = (struct error)ERROR_INIT;
    return codec_decode(link->codec, record->value, record->len, desc, rec, err);
}

static void on_record(struct link *link, const struct bus_record *record) {
    struct error err = ERROR_INIT;
    if (!record->value) return; /* a tombstone of a compacted topic */
    struct event *event = event_new(EVENT_RECORD);
    snprintf(event->topic, sizeof event->topic, "%.63s", record->topic);
    event->partition = record->partition;
    event->offset = record->offset;
    if (decode(link, record, &event->desc, &event->rec, &err) != 0) {
        event->rec = NULL;
        event->text = xstrdup(err.text);
    }
    /* Kept for a dead letter; heartbeats are too many and too small to be worth it. */
    if (!event->rec || event->desc != &rec_heartbeat_desc) {
        event->len = record->len < PAYLOAD_KEPT ? record->len : PAYLOAD_KEPT;
        event->payload = xmalloc(event->len + 1);
        memcpy(event->payload, record->value, event->len);
    }
    loop_post(link->loop, event);
}

/* Retention took what we wanted to read, or the topic was made anew: go on with what there is. */
static void on_failed(struct link *link, const struct bus_record *where, const struct error *err) {
    struct error problem = ERROR_INIT;
    if (err->code != ERR_NOT_FOUND || !where) {
        log_warn("reading: %s", err->text);
        return;
    }
    log_warn("%s/%d: %s; going on with the oldest record kept", where->topic, (int)where->partition, err->text);
    bool beats = strcmp(where->topic, TOPIC_HEARTBEATS) == 0;
    if (bus_assign(link->consumer, where->topic, where->partition, beats ? BUS_END : BUS_BEGINNING, &problem) != 0)
        log_error("%s/%d cannot be read: %s", where->topic, (int)where->partition, problem.text);
}

void *reader_run(void *context) {
    struct link *link = context;
    if (!connect_link(link)) return NULL;
    while (!link_stopping(link)) {
        struct error err = ERROR_INIT;
        struct bus_record *record = NULL;
        enum bus_event event = bus_next(link->consumer, POLL_MS, &record, &err);
        if (event == BUS_RECORD)
            on_record(link, record);
        else if (event == BUS_FAILED)
            on_failed(link, record, &err);
        bus_record_free(record);
    }
    return NULL;
}
