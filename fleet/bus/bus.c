/* Connection: its state, names, metadata. See bus.h. */
#include "fleet/bus/bus.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "fleet/bus/internal.h"
#include "fleet/bus/security.h"
#include "fleet/bus/steady.h"

#define CHECK_TIMEOUT_MS 2000
#define RECHECK_MS 500
#define WARN_AGAIN_MS 30000
#define WAIT_SLICE_MS 500
#define LEARN_TIMEOUT_MS 100

/* --- state of the connection ------------------------------------------------------------------ */
static void tell(struct bus *bus, enum bus_state state, const char *text) {
    pthread_mutex_lock(&bus->lock);
    bool changed = bus->state != (int)state;
    bus->state = (int)state;
    /* Why one is refused often comes after that nobody answers. */
    if (state == BUS_UNREACHABLE && *bus->trouble && strcmp(bus->trouble, bus->told)) {
        memcpy(bus->told, bus->trouble, sizeof bus->told);
        changed = true;
    }
    if (state == BUS_CONNECTED) bus->told[0] = 0;
    pthread_mutex_unlock(&bus->lock);
    if (changed && bus->on_state) bus->on_state(bus->context, state, text);
}

/* A missing right, or a broker's trouble, comes back with every retry. */
void bus_warn(struct bus *bus, const char *text) {
    int64_t now_ms = clock_mono_ms();
    bool known = false;
    pthread_mutex_lock(&bus->lock);
    for (int i = 0; i < BUS_WARNINGS_KEPT && !known; i++)
        known = !strcmp(bus->warned[i].text, text) && now_ms - bus->warned[i].mono_ms < WARN_AGAIN_MS;
    if (!known) {
        int at = bus->next_warned++ % BUS_WARNINGS_KEPT;
        snprintf(bus->warned[at].text, sizeof bus->warned[at].text, "%s", text);
        bus->warned[at].mono_ms = now_ms;
    }
    pthread_mutex_unlock(&bus->lock);
    if (!known && bus->on_state) bus->on_state(bus->context, BUS_WARNING, text);
}

static bool is_connection_error(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           code == RD_KAFKA_RESP_ERR__SSL || code == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

void bus_client_error(struct bus *bus, rd_kafka_resp_err_t code, const char *reason) {
    bool refused = bus_security_explain(bus, code, reason);
    if (!refused && !is_connection_error(code)) {
        bus_warn(bus, reason);
        return;
    }
    pthread_mutex_lock(&bus->lock);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* its text says nothing that is not known */
        bus->all_down = true;
    else
        snprintf(bus->last_error, sizeof bus->last_error, "%s", reason);
    pthread_mutex_unlock(&bus->lock);
    bus->check = true;
}

static void on_client_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    (void)client;
    bus_client_error(opaque, (rd_kafka_resp_err_t)code, reason);
}

static rd_kafka_resp_err_t ask_anything(struct bus *bus, int timeout_ms) {
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(bus->client, 0, NULL, &metadata, timeout_ms);
    if (metadata) rd_kafka_metadata_destroy(metadata);
    return code;
}

/* Does a broker answer? A refusal is quick, but is told only when callbacks are served: look for it after a moment, and
 * else give a slow broker its time. */
static bool answers(struct bus *bus) {
    if (!ask_anything(bus, WAIT_SLICE_MS)) return true;
    rd_kafka_poll(bus->client, 0);
    if (bus->stopping || bus_security_refused(bus, NULL)) return false;
    return !ask_anything(bus, CHECK_TIMEOUT_MS);
}

/* Does any broker answer now? A lost connection alone says little: brokers close idle ones, others remain. */
static void check_connection(struct bus *bus) {
    if (answers(bus)) {
        pthread_mutex_lock(&bus->lock);
        bus->last_error[0] = 0;
        pthread_mutex_unlock(&bus->lock);
        bus_security_clear(bus);
        tell(bus, BUS_CONNECTED, "");
        return;
    }
    bus->check = true; /* again until one does */
    if (bus->stopping) return;
    pthread_mutex_lock(&bus->lock);
    CLEANUP_FREE char *text = *bus->trouble && bus->all_down ? xstrdup(bus->trouble)
                                                             : xasprintf("no broker answers: tried %s%s%s%s; retrying",
                                                                         bus->bootstrap, *bus->last_error ? " (" : "",
                                                                         bus->last_error, *bus->last_error ? ")" : "");
    pthread_mutex_unlock(&bus->lock);
    tell(bus, BUS_UNREACHABLE, text);
}

static void *serve(void *argument) {
    struct bus *bus = argument;
    while (!bus->stopping) {
        if (atomic_exchange(&bus->check, false)) check_connection(bus);
        rd_kafka_poll(bus->client, RECHECK_MS);
    }
    return NULL;
}

/* --- making and ending ------------------------------------------------------------------------ */
static int check_prefix(const char *prefix, struct error *err) {
    for (const char *c = prefix; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            return error_set(err, ERR_INVALID, "topic prefix %s: only letters, digits, '.', '_' and '-' can be in it",
                             prefix);
    if (strlen(prefix) > 100) return error_set(err, ERR_INVALID, "the topic prefix is longer than 100 characters");
    return 0;
}

/* The address given by itself, else the property; the property alone is set last in any case (conf.c). */
static const char *bootstrap_of(const struct bus_config *config) {
    const char *found = config->bootstrap;
    for (size_t i = 0; !found && i < config->property_count; i++)
        if (!strcmp(config->keys[i], "bootstrap.servers")) found = config->values[i];
    return found ? found : "";
}

static void copy_config(struct bus *bus, const struct bus_config *config) {
    bus->embedded = config->embedded;
    bus->bootstrap = xstrdup(config->embedded ? bus_embedded_bootstrap(config->embedded) : bootstrap_of(config));
    bus->prefix = xstrdup(config->prefix ? config->prefix : BUS_PREFIX_DEFAULT);
    bus->client_id = xstrdup(config->client_id ? config->client_id : "portolan");
    bus->on_state = config->on_state;
    bus->context = config->context;
    bus->keys = xcalloc(config->property_count + 1, sizeof *bus->keys);
    bus->values = xcalloc(config->property_count + 1, sizeof *bus->values);
    for (; bus->property_count < config->property_count; bus->property_count++) {
        bus->keys[bus->property_count] = xstrdup(config->keys[bus->property_count]);
        bus->values[bus->property_count] = xstrdup(config->values[bus->property_count]);
    }
}

static int start_client(struct bus *bus, struct error *err) {
    char reason[512];
    rd_kafka_conf_t *conf = bus_conf_new(bus, NULL, bus, err);
    if (!conf) return -1;
    rd_kafka_conf_set_error_cb(conf, on_client_error);
    bus->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!bus->client) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERR_INVALID, "kafka client: %s", reason);
    }
    bus->check = true;
    if (pthread_create(&bus->thread, NULL, serve, bus)) {
        rd_kafka_destroy(bus->client);
        bus->client = NULL;
        return error_set(err, ERR_NOMEM, "kafka client: no thread");
    }
    return 0;
}

struct bus *bus_new(const struct bus_config *config, struct error *err) {
    if (!config->embedded && !*bootstrap_of(config)) {
        error_set(err, ERR_INVALID, "no kafka bootstrap address is given");
        return NULL;
    }
    if (check_prefix(config->prefix ? config->prefix : BUS_PREFIX_DEFAULT, err) || bus_conf_check(config, err))
        return NULL;
    steady_begin();
    CLEANUP(cleanup_bus) struct bus *bus = xcalloc(1, sizeof *bus);
    bus->self = bus;
    bus->state = -1;
    pthread_mutex_init(&bus->lock, NULL);
    copy_config(bus, config);
    return bus_security_init(bus, err) || start_client(bus, err) ? NULL : TAKE(bus);
}

void bus_free(struct bus *bus) {
    if (!bus) return;
    if (bus->client) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_main(bus->client);
        bus->stopping = true;
        rd_kafka_queue_yield(queue);
        rd_kafka_queue_destroy(queue);
        pthread_join(bus->thread, NULL);
        rd_kafka_destroy(bus->client);
    }
    for (size_t i = 0; i < bus->property_count; i++) {
        free(bus->keys[i]);
        free(bus->values[i]);
    }
    free(bus->keys);
    free(bus->values);
    free(bus->bootstrap);
    free(bus->prefix);
    free(bus->client_id);
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

/* --- names ------------------------------------------------------------------------------------ */
const char *bus_bootstrap(const struct bus *bus) {
    return bus->bootstrap;
}
const char *bus_prefix(const struct bus *bus) {
    return bus->prefix;
}
const char *bus_principal(const struct bus *bus) {
    return bus->principal;
}

int bus_topic_name(const struct bus *bus, const char *topic, char *out, struct error *err) {
    size_t prefix_len = strlen(bus->prefix), len = strlen(topic);
    if (len == 0 || prefix_len + len > BUS_TOPIC_MAX)
        return error_set(err, ERR_INVALID, "topic %s%.80s: a name has 1 to %d characters", bus->prefix, topic,
                         BUS_TOPIC_MAX);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)topic[i]) && !strchr("._-", topic[i]))
            return error_set(err, ERR_INVALID, "topic %.80s: only letters, digits, '.', '_' and '-' can be in it",
                             topic);
    memcpy(out, bus->prefix, prefix_len);
    memcpy(out + prefix_len, topic, len + 1);
    return 0;
}

const char *bus_short_name(const struct bus *bus, const char *full) {
    size_t len = strlen(bus->prefix);
    return strncmp(full, bus->prefix, len) ? full : full + len;
}

/* --- metadata --------------------------------------------------------------------------------- */
/* A listener that speaks another protocol just hangs up, or waits. */
static int hint_protocol(struct bus *bus, struct error *err) {
    const char *protocol = bus_property(bus, "security.protocol");
    if (!err || strstr(err->text, "refused") || strstr(err->text, "resolve")) return -1;
    return error_hint(err,
                      "if the address is right, its listener may want another kafka: {security.protocol: %s} "
                      "(plaintext, ssl, sasl_plaintext or sasl_ssl)",
                      protocol ? protocol : "plaintext");
}

int bus_wait(struct bus *bus, int timeout_ms, struct error *err) {
    int64_t deadline = clock_mono_ms() + timeout_ms;
    rd_kafka_resp_err_t code;
    int slice_ms = WAIT_SLICE_MS;
    do {
        int64_t left = deadline - clock_mono_ms();
        code = ask_anything(bus, left > slice_ms ? slice_ms : left > 0 ? (int)left : 0);
        slice_ms = CHECK_TIMEOUT_MS;
        if (!code) {
            bus_security_clear(bus);
            tell(bus, BUS_CONNECTED, "");
            return 0;
        }
        if (bus_security_refused(bus, err)) return -1;
    } while (clock_mono_ms() < deadline);
    bus_error(bus, err, code, NULL, "waiting for a broker");
    if (err) err->code = ERR_TIMEOUT;
    return hint_protocol(bus, err);
}

char *bus_cluster_id(struct bus *bus, int timeout_ms, struct error *err) {
    rd_kafka_resp_err_t code = ask_anything(bus, timeout_ms); /* the id is kept from the last answer: get a new one */
    char *id = code ? NULL : rd_kafka_clusterid(bus->client, timeout_ms);
    if (!id) {
        bus_error(bus, err, code ? code : RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, "cluster id");
        return NULL;
    }
    char *copy = xstrdup(id);
    rd_kafka_mem_free(bus->client, id);
    return copy;
}

bool bus_is_embedded(struct bus *bus) {
    if (bus->embedded) return true;
    CLEANUP_FREE char *id = bus_cluster_id(bus, CHECK_TIMEOUT_MS, NULL);
    return id && !strncmp(id, BUS_EMBEDDED_CLUSTER, strlen(BUS_EMBEDDED_CLUSTER));
}

static int partitions_of(struct bus *bus, rd_kafka_topic_t *handle, int timeout_ms, int32_t *ret, struct error *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    const char *name = rd_kafka_topic_name(handle);
    rd_kafka_resp_err_t code = rd_kafka_metadata(bus->client, 0, handle, &metadata, timeout_ms);
    if (!code && metadata->topic_cnt != 1) code = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (!code) code = metadata->topics[0].err;
    if (!code) *ret = metadata->topics[0].partition_cnt;
    if (metadata) rd_kafka_metadata_destroy(metadata);
    if (bus_is_denied(code)) return bus_denied(bus, err, "Describe", "topic", name);
    return code ? bus_error(bus, err, code, NULL, "topic %s", name) : 0;
}

void bus_learn_topic(struct bus *bus, rd_kafka_t *client, rd_kafka_topic_t *handle) {
    const struct rd_kafka_metadata *metadata = NULL;
    pthread_mutex_lock(&bus->lock);
    bool connected = bus->state == BUS_CONNECTED;
    pthread_mutex_unlock(&bus->lock);
    if (!connected) return;
    rd_kafka_metadata(client, 0, handle, &metadata, LEARN_TIMEOUT_MS);
    if (metadata) rd_kafka_metadata_destroy(metadata);
}

int bus_topics(struct bus *bus, int timeout_ms, char ***ret, size_t *ret_count, struct error *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    size_t count = 0, prefix_len = strlen(bus->prefix);
    rd_kafka_resp_err_t code = rd_kafka_metadata(bus->client, 1, NULL, &metadata, timeout_ms);
    if (code) return bus_error(bus, err, code, NULL, "list of topics");
    char **names = xcalloc((size_t)metadata->topic_cnt + 1, sizeof *names);
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const char *name = metadata->topics[i].topic;
        if (strncmp(name, bus->prefix, prefix_len) == 0) names[count++] = xstrdup(name + prefix_len);
    }
    rd_kafka_metadata_destroy(metadata);
    *ret = names;
    *ret_count = count;
    return 0;
}

void bus_topics_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

int bus_partitions(struct bus *bus, const char *topic, int timeout_ms, int32_t *ret, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    if (bus_topic_name(bus, topic, name, err)) return -1;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(bus->client, name, NULL);
    if (!handle) return bus_error(bus, err, rd_kafka_last_error(), NULL, "topic %s", name);
    int failed = partitions_of(bus, handle, timeout_ms, ret, err);
    rd_kafka_topic_destroy(handle);
    return failed;
}

/* librdkafka remembers for long that a partition was not there, and asks nobody: so ask for the topic first then. */
int bus_watermarks(struct bus *bus, const char *topic, int32_t partition, int timeout_ms, int64_t *ret_low,
                   int64_t *ret_high, struct error *err) {
    char name[BUS_TOPIC_MAX + 1];
    int32_t partitions = 0;
    if (bus_topic_name(bus, topic, name, err)) return -1;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(bus->client, name, partition, ret_low, ret_high, timeout_ms);
    bool unknown = code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    struct error why = ERROR_INIT;
    bool there = unknown && bus_partitions(bus, topic, timeout_ms, &partitions, &why) == 0;
    if (why.code == ERR_AUTH) return error_set(err, ERR_AUTH, "%s", why.text);
    if (there && partition < partitions)
        code = rd_kafka_query_watermark_offsets(bus->client, name, partition, ret_low, ret_high, timeout_ms);
    if (bus_is_denied(code)) return bus_denied(bus, err, "Describe", "topic", name);
    return code ? bus_error(bus, err, code, NULL, "offsets of %s/%d", name, partition) : 0;
}
