#include "coordinator/events.h"

#include <string.h>

#include "common/log.h"
#include "coordinator/accept/accept.h"
#include "coordinator/accept/result.h"
#include "coordinator/publish/wire.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/nodes.h"
#include "coordinator/store/backup.h"
#include "fleet/bus/bus.h"
#include "fleet/bus/topics.h"

/* --- records ---------------------------------------------------------------------------------- */
/* A tick counts when it is ours. One with a higher epoch is of a coordinator that has taken over. */
static int on_tick(struct core *core, const struct event *event, const struct rec_tick *tick, struct error *err) {
    bool gap = false;
    int64_t epoch = store_epoch(core->store);
    if (tick->epoch > epoch) {
        error_set(err, ERR_FENCED, "a coordinator of epoch %lld has taken over (this one has %lld)",
                  (long long)tick->epoch, (long long)epoch);
        return error_hint(err, "one Kafka prefix serves one coordinator: give the other one its own --prefix");
    }
    if (tick->epoch < epoch) return 0;
    if (!lease_clock_read(&core->lease, event->partition, tick->sequence, core_mono_ms(core), &gap)) return 0;
    return nodes_on_lease_time(core, gap, err);
}

static int on_known(struct core *core, struct event *event, const struct record_source *source, struct error *err) {
    char text[200];
    if (event->desc == &rec_attempt_desc && strcmp(event->topic, TOPIC_ATTEMPTS) == 0)
        return accept_attempt(core, event->rec, source, err);
    if (event->desc == &rec_heartbeat_desc && strcmp(event->topic, TOPIC_HEARTBEATS) == 0)
        return nodes_on_heartbeat(core, event->rec, err);
    if (event->desc == &rec_tick_desc && strcmp(event->topic, TOPIC_HEARTBEATS) == 0)
        return on_tick(core, event, event->rec, err);
    if (event->desc == &rec_node_desc && strcmp(event->topic, TOPIC_NODES) == 0) {
        struct rec_node *info = event->rec;
        event->rec = NULL;
        return nodes_on_record(core, info, event->offset >= core->nodes_high, err);
    }
    snprintf(text, sizeof text, "a record of type %.80s does not belong here", event->desc->name);
    return accept_dead_letter(core, source, text, err);
}

/* Nothing that a record says may stop the coordinator: what a handler refuses becomes a dead letter. */
static int on_record(struct core *core, struct event *event, struct error *err) {
    struct error problem = ERROR_INIT;
    struct record_source source = {.topic = event->topic,
                                   .partition = event->partition,
                                   .offset = event->offset,
                                   .payload = event->payload,
                                   .len = event->len};
    int status = event->rec ? on_known(core, event, &source, &problem)
                            : accept_dead_letter(core, &source, event->text ? event->text : "undecodable", &problem);
    bool fatal = core_is_broken(&problem) || problem.code == ERR_FENCED;
    if (status != 0 && !fatal) {
        char text[ERROR_TEXT_MAX];
        snprintf(text, sizeof text, "%s", problem.text);
        status = accept_dead_letter(core, &source, text, &problem);
    }
    if (status != 0) {
        if (err) *err = problem;
        return -1;
    }
    /* Heartbeats are read from the end at each start: their offsets are of no use. */
    if (strcmp(event->topic, TOPIC_HEARTBEATS) == 0) return 0;
    return store_offset_put(core->store, event->topic, event->partition, event->offset + 1, err);
}

/* --- the link --------------------------------------------------------------------------------- */
static int64_t start_offset(struct core *core, const char *topic, int partition, struct error *err) {
    int64_t next = store_offset_get(core->store, topic, partition, err);
    return next >= 0 ? next : BUS_BEGINNING;
}

static int note_cluster(struct core *core, const char *cluster_id, bool *ret_new, struct error *err) {
    CLEANUP_FREE char *old = store_meta_get(core->store, "cluster_id", err);
    if (!old) return -1;
    *ret_new = *old && strcmp(old, cluster_id) != 0;
    if (strcmp(old, cluster_id) != 0 && store_meta_put(core->store, "cluster_id", cluster_id, err) != 0) return -1;
    if (!*ret_new) return 0;
    log_warn("the broker is another one than before (%s): what it should hold is published again", cluster_id);
    if (store_offsets_clear(core->store, err) != 0) return -1;
    return results_publish_again(core, err);
}

/* Somebody used this prefix with another store: what was handed out from that one is nothing that we know. */
static int forget_others(struct core *core, struct error *err) {
    char text[24];
    core->known_since = store_epoch(core->store);
    snprintf(text, sizeof text, "%lld", (long long)core->known_since);
    return store_meta_put(core->store, META_KNOWN_SINCE, text, err);
}

int event_linked(struct core *core, void *link_up, struct error *err) {
    struct link_up *link = link_up;
    bool new_cluster = false;
    if (link->epoch_seen >= store_epoch(core->store)) {
        log_warn("epoch %lld was seen on the bus: going on with the next one", (long long)link->epoch_seen);
        if (store_raise_epoch(core->store, link->epoch_seen + 1, err) != 0 || forget_others(core, err) != 0) return -1;
    }
    if (note_cluster(core, link->cluster_id, &new_cluster, err) != 0) return -1;
    snprintf(core->link.cluster_id, sizeof core->link.cluster_id, "%s", link->cluster_id);
    for (int p = 0; p < link->attempts_partitions; p++)
        link->attempts_offset[p] = start_offset(core, TOPIC_ATTEMPTS, p, err);
    link->nodes_offset = start_offset(core, TOPIC_NODES, 0, err);
    if (err && err->code != ERR_NONE) return -1;
    core->nodes_high = link->nodes_high;
    core->linked = core->link.connected = true;
    core->link.tried = true;
    core->linked_mono_ms = core_mono_ms(core);
    core->schedule_wanted = core->announce_wanted = true;
    lease_clock_link(&core->lease, link->heartbeats_partitions, core_mono_ms(core));
    return nodes_on_link(core, new_cluster, err);
}

/* The link itself stays: librdkafka reconnects, offsets and assignments hold. Ticks stand still meanwhile. */
static int on_link_state(struct core *core, const struct event *event) {
    core->link.tried = true;
    core->link.connected = event->code == ERR_NONE;
    snprintf(core->link.last_error, sizeof core->link.last_error, "%s",
             event->code == ERR_NONE ? ""
             : event->text           ? event->text
                                     : "");
    if (*core->link.cluster_id) core->linked = core->link.connected;
    core->schedule_wanted = true;
    return 0;
}

static int on_published(struct core *core, const struct event *event, struct error *err) {
    if (event->code != ERR_NONE) return 0;
    core->metrics.published += (int64_t)event->len;
    return store_outbox_clear(core->store, 0, event->offset, err);
}

static int on_mailbox(struct core *core, const struct event *event, struct error *err) {
    if (event->code == ERR_NONE) return nodes_on_mailbox(core, event->text, err);
    core_want_mailbox(core, event->text);
    return 0;
}

static int on_schema_id(struct core *core, const struct event *event, struct error *err) {
    struct wire_id id = {.own = (int32_t)event->offset, .external = event->partition};
    return wire_keep(core, &id, err);
}

int event_handle(struct core *core, struct event *event, struct error *err) {
    switch (event->kind) {
        case EVENT_RECORD:
            return on_record(core, event, err);
        case EVENT_DELIVERY:
            return attempt_on_delivery(core, event->text2, event->code, event->text ? event->text : "", err);
        case EVENT_TICK_LOST:
            lease_clock_lost(&core->lease, core_mono_ms(core));
            return 0;
        case EVENT_LINK_STATE:
            return on_link_state(core, event);
        case EVENT_MAILBOX:
            return on_mailbox(core, event, err);
        case EVENT_PUBLISHED:
            return on_published(core, event, err);
        case EVENT_SCHEMA_ID:
            return on_schema_id(core, event, err);
        case EVENT_REGISTRY:
            core->registry.waiting = event->code != ERR_NONE;
            snprintf(core->registry.last_error, sizeof core->registry.last_error, "%s", event->text);
            return 0;
        case EVENT_CALL:
            break;
    }
    return 0;
}
