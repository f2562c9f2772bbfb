/* Configuration of librdkafka clients: our defaults, then the user's properties, then what the design depends on. */
#include <string.h>

#include "common/log.h"
#include "fleet/bus/security.h"

/* The design depends on these: a user's value would break a promise, so it is refused rather than overruled in silence.
 */
static const struct {
    const char *key, *why;
} reserved[] = {
    {"metadata.broker.list", "it is given by the bootstrap address"},
    {"client.id", "portolan sets it"},
    {"allow.auto.create.topics", "topics are made with the settings of docs/protocol.md, by the coordinator"},
    {"acks", "every record is acknowledged by all in-sync replicas"},
    {"request.required.acks", "every record is acknowledged by all in-sync replicas"},
    {"enable.idempotence", "producers are idempotent"},
    {"transactional.id", "portolan sets it"},
    {"enable.auto.commit", "offsets are kept in portolan's own store"},
    {"enable.auto.offset.store", "offsets are kept in portolan's own store"},
    {"auto.offset.reset", "a lost offset must be noticed"},
    {"enable.partition.eof", "portolan needs to know where a topic ends"},
    {"isolation.level", "portolan sets it per topic"},
    {"partitioner", "foreign producers and consumers rely on the Java client's partitioner"},
    {"message.timeout.ms", "portolan sets it per producer"},
    {"delivery.timeout.ms", "portolan sets it per producer"},
    {"delivery.report.only.error", "every delivery is awaited"},
};

int bus_conf_check(const struct bus_config *config, struct error *err) {
    for (size_t i = 0; i < config->property_count; i++)
        for (size_t k = 0; k < sizeof reserved / sizeof *reserved; k++)
            if (!strcmp(config->keys[i], reserved[k].key))
                return error_set(err, ERR_INVALID, "kafka property %s cannot be set: %s", config->keys[i],
                                 reserved[k].why);
    return 0;
}

int bus_conf_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *err) {
    char reason[512];
    if (rd_kafka_conf_set(conf, key, value, reason, sizeof reason) == RD_KAFKA_CONF_OK) return 0;
    return error_set(err, ERR_INVALID, "kafka property %s: %s", key, reason);
}

/* librdkafka's log lines are for debugging; what an operator must know comes as errors. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    (void)client, (void)level;
    log_debug("kafka: %s: %s", facility, text);
}

static int set_all(const struct bus *bus, rd_kafka_conf_t *conf, const char *const *fixed, struct error *err) {
    static const char *const defaults[] = {"reconnect.backoff.ms",
                                           "50",
                                           "reconnect.backoff.max.ms",
                                           "2000", /* resume soon after a broker's restart */
                                           "compression.type",
                                           "lz4",
                                           "linger.ms",
                                           "0.2", /* ms: a round trip takes less than one */
                                           "socket.nagle.disable",
                                           "true", /* else a small request waits up to 40 ms for an acknowledgement */
                                           "socket.keepalive.enable",
                                           "true",
                                           "log.connection.close",
                                           "false",
                                           "fetch.error.backoff.ms",
                                           "100",
                                           "queued.max.messages.kbytes",
                                           "16384",
                                           "broker.address.family",
                                           "any",
                                           "allow.auto.create.topics",
                                           "false", /* a broker's own defaults would be their settings */
                                           NULL};
    for (size_t i = 0; defaults[i]; i += 2)
        if (bus_conf_set(conf, defaults[i], defaults[i + 1], err)) return -1;
    for (size_t i = 0; i < bus->property_count; i++)
        if (bus_conf_set(conf, bus->keys[i], bus->values[i], err)) return -1;
    for (size_t i = 0; fixed && fixed[i]; i += 2)
        if (bus_conf_set(conf, fixed[i], fixed[i + 1], err)) return -1;
    return bus_conf_set(conf, "bootstrap.servers", bus->bootstrap, err) ||
                   bus_conf_set(conf, "client.id", bus->client_id, err)
               ? -1
               : 0;
}

rd_kafka_conf_t *bus_conf_new(const struct bus *bus, const char *const *fixed, void *opaque, struct error *err) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, opaque);
    rd_kafka_conf_set_log_cb(conf, on_log);
    bus_security_conf(bus, conf);
    if (!set_all(bus, conf, fixed, err)) return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}
