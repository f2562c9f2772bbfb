/* What the files of the bus share. librdkafka's types stay behind this header. */
#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/buf.h"
#include "fleet/bus/bus.h"

#define BUS_EMBEDDED_CLUSTER "mockCluster" /* what librdkafka's mock puts in front of its cluster ids */
#define BUS_EMBEDDED_FETCH_WAIT "20"
#define BUS_WARNINGS_KEPT 8

/* The first member of whatever is a client's opaque is a pointer to its bus: callbacks find it through that. */
struct bus {
    struct bus *self;
    char *bootstrap, *prefix, *client_id;
    char **keys, **values; /* pass-through properties */
    size_t property_count;
    struct bus_embedded *embedded;
    bus_state_fn *on_state;
    void *context;
    rd_kafka_t *client;          /* metadata, watermarks, administration; a producer that produces nothing */
    pthread_t thread;            /* serves the client's events and watches the connection */
    atomic_bool stopping, check; /* check: some client lost a connection, look whether a broker still answers */
    pthread_mutex_t lock;        /* what follows */
    int state;                   /* enum bus_state, or -1 before anything is known */
    char last_error[512];
    char trouble[ERROR_TEXT_MAX]; /* why a broker does not let us in; "" when one did */
    char told[ERROR_TEXT_MAX];    /* what was told of that */
    struct {
        char text[ERROR_TEXT_MAX];
        int64_t mono_ms;
    } warned[BUS_WARNINGS_KEPT]; /* what was told last */
    int next_warned;
    bool all_down;       /* no broker has answered since librdkafka said so */
    char principal[300]; /* "User:..." as the broker knows us; fixed */
};

struct bus_embedded {
    rd_kafka_t *client;
    rd_kafka_mock_cluster_t *cluster;
};

/* conf.c: a configuration for one client with our defaults, the user's properties and then what the design demands.
 * `fixed` has key, value, ..., NULL. The opaque of all callbacks that are set here is `opaque`. */
rd_kafka_conf_t *bus_conf_new(const struct bus *bus, const char *const *fixed, void *opaque, struct error *err);
int bus_conf_set(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *err);
int bus_conf_check(const struct bus_config *config, struct error *err);

/* errors.c */
enum error_code bus_error_code(rd_kafka_resp_err_t code);
/* Set err from a librdkafka code; unreachable brokers and time-outs get what was tried added. Returns -1. */
int bus_error(struct bus *bus, struct error *err, rd_kafka_resp_err_t code, const char *text, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Same from an error object, which is destroyed. */
int bus_error_object(struct bus *bus, struct error *err, rd_kafka_error_t *error, const char *what);

/* bus.c: every client's error callback comes here. */
void bus_client_error(struct bus *bus, rd_kafka_resp_err_t code, const char *reason);
/* Have `client` learn of a topic now. By itself it looks once a second, so that the first record to a topic, or from
 * it, would be that late. Waits a round trip, 100 ms at most, and not at all while no broker answers. */
void bus_learn_topic(struct bus *bus, rd_kafka_t *client, rd_kafka_topic_t *handle);
/* Tell BUS_WARNING; what was told within the last half minute is not told again. */
void bus_warn(struct bus *bus, const char *text);
/* Full name to short name; names without our prefix stay. Points into `full`. */
const char *bus_short_name(const struct bus *bus, const char *full);

/* producer.c, for transaction.c and tests */
enum tx_call { TX_NONE, TX_COMMIT, TX_ABORT }; /* one that ran out of time must be called again before any other */
enum tx_call *bus_producer_tx(struct bus_producer *producer);
rd_kafka_t *bus_producer_client(struct bus_producer *producer);
struct bus *bus_producer_bus(struct bus_producer *producer);
