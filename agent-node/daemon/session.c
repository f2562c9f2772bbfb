#include "agent-node/daemon/session.h"

#include <stdlib.h>
#include <string.h>

#include "agent-node/daemon/fence.h"
#include "agent-node/daemon/inventory.h"
#include "agent-node/daemon/mailbox.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "fleet/bus/topics.h"
#include "schemas/codec.h"

#define POLL_MS 100
#define HEARTBEAT_LEAST_MS 200
#define HEARTBEAT_MOST_MS 3000
#define HEARTBEAT_TRY_MS 300
#define LEASE_DEFAULT_MS 30000
#define SEND_TIMEOUT_MS 10000
#define LEAVE_TIMEOUT_MS 5000

struct session {
    const struct session_config *config;
    struct bus *bus;
    struct bus_producer *producer;
    struct bus_consumer *consumer;
    struct codec *codec;
    struct mailbox mailbox;
    char incarnation[SESSION_INCARNATION_DIGITS + 1];
    int64_t started_ms;
    int64_t lease_ms;
    int64_t heartbeat_ms, retry_at_ms, tick_at_ms;
    int64_t sequence, node_sequence;
    int64_t desired_epoch, desired_sequence; /* of the latest `desired` record */
    int64_t registered_at;                   /* offset in `nodes` */
    unsigned changes_seen, taken_seen;
    char *wanted_topic; /* where the coordinator has the mailbox; NULL before it said so */
    int32_t wanted_partition;
    bool mailbox_due; /* not read yet, or not said to be */
    bool ready;
    atomic_bool unreachable;
};

static void on_state(void *context, enum bus_state state, const char *text) {
    struct session *s = context;
    if (state != BUS_WARNING) {
        atomic_store(&s->unreachable, state == BUS_UNREACHABLE);
        reports_away(s->config->reports, state == BUS_UNREACHABLE);
    }
    if (state == BUS_CONNECTED)
        log_info("connected to the broker%s%s", *text ? ": " : "", text);
    else
        log_warn("%s", text);
}

static void on_delivery(void *context, const struct bus_delivery *delivery) {
    struct session *s = context;
    reports_delivered(s->config->reports, delivery);
}

static bool stopping(const struct session *s) {
    return atomic_load(s->config->stop);
}

static bool moved(const struct session *s) {
    return atomic_load(&s->unreachable) && s->config->moved &&
           s->config->moved(s->config->context, s->config->bootstrap);
}

/* --- connecting and registering ---------------------------------------------------------------------------------- */
static int open_bus(struct session *s, struct error *err) {
    const struct session_config *c = s->config;
    struct bus_config bus = {.bootstrap = c->bootstrap,
                             .prefix = c->prefix,
                             .client_id = "portolan-agent",
                             .keys = c->keys,
                             .values = c->values,
                             .property_count = c->property_count,
                             .on_state = on_state,
                             .context = s};
    s->bus = bus_new(&bus, err);
    if (!s->bus) return -1;
    struct bus_producer_config producer = {.on_delivery = on_delivery, .context = s, .own_thread = true};
    s->producer = bus_producer_new(s->bus, &producer, err);
    if (!s->producer) return -1;
    struct bus_consumer_config consumer = {0};
    s->consumer = bus_consumer_new(s->bus, &consumer, err);
    if (!s->consumer) return -1;
    s->codec = codec_new();
    mailbox_init(&s->mailbox, c->node, s->incarnation, c->jobs, c->reports, c->devices, c->duty);
    return 0;
}

static void close_bus(struct session *s) {
    reports_attach(s->config->reports, NULL);
    mailbox_done(&s->mailbox);
    free(s->wanted_topic);
    bus_consumer_free(s->consumer);
    bus_producer_free(s->producer);
    codec_free(s->codec);
    bus_free(s->bus);
}

static int publish_node(struct session *s, const char *state, int64_t *ret_offset, struct error *err) {
    struct rec_node node;
    inventory_fill(&node, s->config, s->incarnation, s->started_ms);
    rec_set(&node.state, state);
    node.sequence = ++s->node_sequence;
    int rc = inventory_publish(s->producer, &node, SEND_TIMEOUT_MS, ret_offset, err);
    rec_node_done(&node);
    return rc;
}

static int register_node(struct session *s, struct error *err) {
    int64_t offset = 0;
    if (inventory_publish_schemas(s->bus, s->producer, s->codec, SEND_TIMEOUT_MS, err)) return -1;
    if (publish_node(s, "starting", &offset, err)) return -1;
    s->registered_at = offset;
    if (bus_assign(s->consumer, TOPIC_SCHEMAS, 0, BUS_BEGINNING, err)) return -1;
    if (bus_assign(s->consumer, TOPIC_NODES, 0, offset + 1, err)) return -1;
    if (bus_assign(s->consumer, TOPIC_DESIRED, 0, BUS_BEGINNING, err)) return -1;
    log_info("registered node %s, incarnation %s; waiting for the coordinator", s->config->node, s->incarnation);
    return 0;
}

static void tick(struct session *s) {
    int64_t now_ms = clock_mono_ms();
    if (!s->config->tick || now_ms < s->tick_at_ms) return;
    s->tick_at_ms = now_ms + 1000;
    s->config->tick(s->config->context, s->ready && !atomic_load(&s->unreachable));
}

/* Repeats registration until it works. */
static enum session_end join(struct session *s, struct error *err) {
    char last[ERROR_TEXT_MAX] = "";
    while (!stopping(s)) {
        tick(s);
        struct error one = ERROR_INIT;
        if (!bus_wait(s->bus, 1000, &one) && !register_node(s, &one)) return SESSION_RUNNING;
        if (moved(s)) return SESSION_MOVED;
        if (one.code == ERR_AUTH || one.code == ERR_INVALID) {
            *err = one;
            return SESSION_FAILED;
        }
        if (one.code != ERR_TIMEOUT && one.code != ERR_NETWORK) {
            bool missing = one.code == ERR_NOT_FOUND;
            if (strcmp(last, one.text) != 0)
                log_warn("cannot register yet: %s%s", one.text,
                         missing ? "; the coordinator makes the topics when it starts" : "");
            snprintf(last, sizeof last, "%s", one.text);
            bus_next(s->consumer, 1000, &(struct bus_record *){NULL}, NULL);
        }
    }
    return SESSION_STOPPED;
}

/* --- records ------------------------------------------------------------------------------------------------------ */
/* The bus knows topics by their short names; a desired record may carry the full one. */
static const char *short_name(const struct session *s, const char *topic) {
    size_t len = strlen(bus_prefix(s->bus));
    return strncmp(topic, bus_prefix(s->bus), len) ? topic : topic + len;
}

static int go_to_mailbox(struct session *s, struct error *err) {
    int64_t low, high;
    const char *topic = s->wanted_topic;
    int32_t partition = s->wanted_partition;
    if (mailbox_is_at(&s->mailbox, topic, partition)) return 0;
    if (bus_watermarks(s->bus, topic, partition, SEND_TIMEOUT_MS, &low, &high, err)) return -1;
    if (bus_assign(s->consumer, topic, partition, high, err)) return -1;
    mailbox_move(&s->mailbox, s->consumer, topic, partition);
    log_info("mailbox %s/%d from offset %lld", topic, (int)partition, (long long)high);
    return 0;
}

/* Until it works: a mailbox that was made a moment ago is not known to every broker yet. */
static void open_mailbox(struct session *s) {
    struct error err = ERROR_INIT;
    if (go_to_mailbox(s, &err) || publish_node(s, "ready", NULL, &err)) {
        log_warn("mailbox %s: %s; trying again", s->wanted_topic, err.text);
        return;
    }
    s->mailbox_due = false;
    s->ready = true;
    log_info("ready");
}

static void want_mailbox(struct session *s, const char *topic, int32_t partition) {
    if (s->wanted_topic && s->wanted_partition == partition && !strcmp(s->wanted_topic, topic)) return;
    free(s->wanted_topic);
    s->wanted_topic = xstrdup(topic);
    s->wanted_partition = partition;
    s->mailbox_due = true;
    open_mailbox(s);
}

static enum session_end on_desired(struct session *s, const struct rec_desired *desired, struct error *err) {
    if (strcmp(desired->node, s->config->node) != 0 || strcmp(desired->incarnation, s->incarnation) != 0)
        return SESSION_RUNNING;
    if (desired->epoch < s->mailbox.epoch || desired->epoch < s->desired_epoch) return SESSION_RUNNING;
    /* A repeated or delayed record must not undo what came after it. */
    bool counted = desired->sequence > 0 && desired->epoch == s->desired_epoch;
    if (counted && desired->sequence <= s->desired_sequence) return SESSION_RUNNING;
    s->desired_epoch = desired->epoch;
    s->desired_sequence = desired->sequence;
    if (!strcmp(desired->state, "refused")) {
        error_set(err, ERR_FENCED, "the coordinator refuses node %s: %s", s->config->node,
                  *desired->reason ? desired->reason : "it gives no reason");
        return SESSION_REFUSED;
    }
    /* A coordinator that has just started gives no work to nodes that it has not heard. */
    if (desired->epoch > s->mailbox.epoch) s->heartbeat_ms = 0;
    s->mailbox.epoch = desired->epoch;
    duty_set_desired(s->config->duty, desired->state, desired->reason);
    mailbox_return_refused(&s->mailbox);
    if (!*desired->mailbox_topic) return SESSION_RUNNING;
    s->lease_ms = desired->lease_ms > 0 ? desired->lease_ms : LEASE_DEFAULT_MS;
    want_mailbox(s, short_name(s, desired->mailbox_topic), desired->mailbox_partition);
    return SESSION_RUNNING;
}

static enum session_end on_node(struct session *s, const struct rec_node *node, struct error *err) {
    if (strcmp(node->node, s->config->node) != 0 || !strcmp(node->incarnation, s->incarnation)) return SESSION_RUNNING;
    if (fence_is_older(s->bus, s->codec, node->node, node->incarnation, s->registered_at, SEND_TIMEOUT_MS))
        return SESSION_RUNNING;
    error_set(err, ERR_FENCED, "another agent has started as node %s (incarnation %s)", node->node, node->incarnation);
    error_hint(err, "give each agent a name of its own with --node");
    return SESSION_FENCED;
}

static enum session_end on_record(struct session *s, const struct bus_record *record, struct error *err) {
    const struct rec_desc *desc = NULL;
    void *rec = NULL;
    if (!record->value) return SESSION_RUNNING;
    struct error why = ERROR_INIT;
    if (mailbox_decode(s->bus, s->codec, record, &desc, &rec, &why)) {
        mailbox_dead_letter(s->producer, s->config->node, record, why.text);
        return SESSION_RUNNING;
    }
    enum session_end end = SESSION_RUNNING;
    if (desc == &rec_desired_desc)
        end = on_desired(s, rec, err);
    else if (desc == &rec_node_desc)
        end = on_node(s, rec, err);
    else if (desc == &rec_schema_desc)
        codec_learn(s->codec, ((struct rec_schema *)rec)->text, NULL);
    else if (desc == &rec_task_desc)
        mailbox_task(&s->mailbox, rec);
    else if (desc == &rec_command_desc)
        mailbox_command(&s->mailbox, rec);
    rec_free(desc, rec);
    return end;
}

/* --- the loop --------------------------------------------------------------------------------- */
/* Often enough for the lease, and for the one who waits for a try; at once when a job begins, so that `running` shows.
 */
static int64_t heartbeat_every_ms(const struct session *s) {
    int64_t every_ms = s->lease_ms / 10,
            most_ms = jobs_have_try(s->config->jobs) ? HEARTBEAT_TRY_MS : HEARTBEAT_MOST_MS;
    if (every_ms > most_ms) every_ms = most_ms;
    return every_ms < HEARTBEAT_LEAST_MS ? HEARTBEAT_LEAST_MS : every_ms;
}

static void heartbeat(struct session *s) {
    int64_t now_ms = clock_mono_ms();
    unsigned taken = jobs_taken(s->config->jobs);
    int64_t wait_ms = taken != s->taken_seen ? HEARTBEAT_LEAST_MS : heartbeat_every_ms(s);
    if (now_ms < s->heartbeat_ms + wait_ms) return;
    s->heartbeat_ms = now_ms;
    s->taken_seen = taken;
    struct rec_heartbeat beat;
    rec_heartbeat_init(&beat);
    rec_set(&beat.node, s->config->node);
    rec_set(&beat.incarnation, s->incarnation);
    beat.sequence = ++s->sequence;
    beat.epoch = s->mailbox.epoch;
    beat.sent_ms = clock_wall_ms();
    beat.spooled = (int64_t)reports_waiting(s->config->reports);
    double load[1] = {0};
    if (getloadavg(load, 1) == 1) beat.load_1m = load[0];
    jobs_list(s->config->jobs, &beat.attempts);
    struct error err = ERROR_INIT;
    if (inventory_send(s->producer, TOPIC_HEARTBEATS, BUS_ANY_PARTITION, s->config->node, &rec_heartbeat_desc, &beat,
                       &err))
        log_warn("heartbeat: %s", err.text);
    rec_heartbeat_done(&beat);
}

static void housekeeping(struct session *s) {
    int64_t now_ms = clock_mono_ms();
    if (now_ms >= s->retry_at_ms) {
        s->retry_at_ms = now_ms + 1000;
        reports_retry(s->config->reports);
        if (s->mailbox_due) open_mailbox(s);
    }
    unsigned changes = atomic_load(s->config->changes);
    if (s->ready && changes != s->changes_seen && !atomic_load(&s->unreachable)) {
        struct error err = ERROR_INIT;
        if (publish_node(s, "ready", NULL, &err))
            log_warn("the changed inventory is not published yet: %s", err.text);
        else
            s->changes_seen = changes;
        mailbox_return_unserved(&s->mailbox);
        mailbox_return_refused(&s->mailbox);
    }
    if (s->ready) heartbeat(s);
    tick(s);
}

static enum session_end loop(struct session *s, struct error *err) {
    while (!stopping(s)) {
        CLEANUP(cleanup_bus_record) struct bus_record *record = NULL;
        struct error one = ERROR_INIT;
        enum bus_event event = bus_next(s->consumer, POLL_MS, &record, &one);
        if (event == BUS_RECORD) {
            enum session_end end = on_record(s, record, err);
            if (end != SESSION_RUNNING) return end;
        } else if (event == BUS_FAILED) {
            log_warn("reading from the broker: %s", one.text);
            if (one.code == ERR_NOT_FOUND && record &&
                bus_assign(s->consumer, record->topic, record->partition, BUS_BEGINNING, &one))
                log_warn("%s/%d: %s", record->topic, (int)record->partition, one.text);
        } else if (moved(s)) {
            return SESSION_MOVED;
        }
        housekeeping(s);
    }
    return SESSION_STOPPED;
}

/* Reports that are under way get a moment; while no broker answers the spool has them. */
static bool worth_waiting(const struct session *s) {
    if (jobs_running(s->config->jobs)) return true;
    return !atomic_load(&s->unreachable) && reports_waiting(s->config->reports);
}

/* Queued work goes back at once rather than by its lease; running work is interrupted. */
static void leave(struct session *s) {
    struct job *job;
    while ((job = jobs_close(s->config->jobs)))
        mailbox_report_unrun(&s->mailbox, job, "infrastructure", "the node is stopping");
    int64_t until_ms = clock_mono_ms() + LEAVE_TIMEOUT_MS;
    while (worth_waiting(s) && clock_mono_ms() < until_ms) {
        CLEANUP(cleanup_bus_record) struct bus_record *record = NULL;
        bus_next(s->consumer, POLL_MS, &record, NULL);
        reports_retry(s->config->reports);
    }
    if (atomic_load(&s->unreachable)) {
        log_warn("leaving without saying so: no broker answers");
        return;
    }
    struct error err = ERROR_INIT;
    if (publish_node(s, "leaving", NULL, &err)) log_warn("leaving without saying so: %s", err.text);
}

enum session_end session_run(const struct session_config *config, struct error *err) {
    struct session s = {.config = config,
                        .lease_ms = LEASE_DEFAULT_MS,
                        .started_ms = clock_wall_ms(),
                        .changes_seen = atomic_load(config->changes)};
    random_hex(s.incarnation, SESSION_INCARNATION_DIGITS / 2);
    enum session_end end = SESSION_FAILED;
    if (!open_bus(&s, err)) {
        end = join(&s, err);
        if (end == SESSION_RUNNING) {
            reports_attach(config->reports, s.producer);
            end = loop(&s, err);
        }
        if (end == SESSION_STOPPED && s.ready) leave(&s);
    }
    close_bus(&s);
    return end;
}
