/* The bus: Kafka as Portolan uses it, librdkafka wrapped once. No rd_kafka type leaves this folder.
 *
 * Topics are given by short name ("attempts", "tasks.gpu-7"); the prefix ("portolan.") is added and taken off here.
 * Consumers assign partitions themselves at offsets that their owner stores; no consumer group is ever joined.
 *
 * Threads: every function may be called from any thread, except that one consumer and one producer's poll, flush and
 * transaction calls belong to one thread at a time (bus_send() may come from any). The state callback comes from
 * threads of librdkafka: it must be quick and call nothing of the bus.
 *
 * Errors: ERR_NETWORK and ERR_TIMEOUT are worth repeating and say which brokers were tried; ERR_NOT_FOUND: topic or
 * partition does not exist; ERR_AUTH: the broker refuses; ERR_FENCED: a newer producer of the same transactional id has
 * taken over; ERR_INVALID: a property or name is wrong; ERR_LIMIT: record or queue too large.
 *
 * Faults of librdkafka 2.0.2 that are worked around: records are taken one by one (batch consumption loses some after a
 * pause); only what is paused is resumed (resuming a running partition drops what was fetched); a producer that had a
 * fatal error is built anew. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"

#define BUS_TOPIC_MAX 249 /* bytes of a topic's full name, Kafka's own limit */
#define BUS_PREFIX_DEFAULT "portolan."

struct bus;
struct bus_producer;
struct bus_consumer;
struct bus_embedded;

/* --- connection ------------------------------------------------------------------------------------------------ */
enum bus_state {
    BUS_CONNECTED,   /* at least one broker answers */
    BUS_UNREACHABLE, /* none does; text: "no broker answers: tried a:9092, b:9092 (connection refused); retrying", or
                      * which credential the broker refuses */
    BUS_WARNING,     /* anything else that an operator should read */
};
/* Only changes are told; a warning again after half a minute only. `text` is valid during the call. */
typedef void bus_state_fn(void *context, enum bus_state state, const char *text);

struct bus_config {
    const char *bootstrap;   /* "host:port,host:port"; NULL with `embedded`, or when bootstrap.servers is among keys */
    const char *prefix;      /* NULL for BUS_PREFIX_DEFAULT */
    const char *client_id;   /* NULL for "portolan" */
    const char *const *keys; /* librdkafka properties from the configuration, passed through; */
    const char *const
        *values; /*   they win over our defaults, but not over what the design depends on (acks, idempotence, */
    size_t property_count;         /*   offset store, isolation): such a key is ERR_INVALID and named */
    struct bus_embedded *embedded; /* the broker in this process, or NULL; not owned, must outlive the bus */
    bus_state_fn *on_state;        /* may be NULL */
    void *context;
};
/* Checks the properties and starts connecting; succeeds while no broker is reachable. All strings are copied. */
struct bus *bus_new(const struct bus_config *config, struct error *err);
/* Producers and consumers must be freed before. Accepts NULL. */
void bus_free(struct bus *bus);
DEFINE_CLEANUP(cleanup_bus, struct bus *, bus_free)
const char *bus_bootstrap(const struct bus *bus);
const char *bus_prefix(const struct bus *bus);
/* "User:name" as a broker with its default rules knows us; who has no credentials is "User:ANONYMOUS". */
const char *bus_principal(const struct bus *bus);
/* True when the peer is an embedded broker, here or in another process (told by its cluster id). */
bool bus_is_embedded(struct bus *bus);
/* Wait until a broker answers. ERR_TIMEOUT with what was tried; ERR_AUTH, at once, when no broker lets us in: the text
 * says which credential or certificate is wrong and what to do. */
int bus_wait(struct bus *bus, int timeout_ms, struct error *err);
/* The cluster's id; caller frees. The embedded broker has a new one at each start: stored offsets are void then. */
char *bus_cluster_id(struct bus *bus, int timeout_ms, struct error *err);
/* Full name of a topic into out[BUS_TOPIC_MAX + 1]. ERR_INVALID: too long, or characters other than [a-zA-Z0-9._-]. */
int bus_topic_name(const struct bus *bus, const char *topic, char *out, struct error *err);

/* --- topics ---------------------------------------------------------------------------------------------------- */
/* Number of partitions. ERR_NOT_FOUND when the topic does not exist (on the embedded broker asking creates it). */
int bus_partitions(struct bus *bus, const char *topic, int timeout_ms, int32_t *ret, struct error *err);
/* The short names of all topics under our prefix, in no order. One question, whatever their number, and it never makes
 * a topic. The caller frees them with bus_topics_free(). */
int bus_topics(struct bus *bus, int timeout_ms, char ***ret, size_t *ret_count, struct error *err);
void bus_topics_free(char **names, size_t count);
/* First offset kept and the next one to be written. ERR_NOT_FOUND as above. */
int bus_watermarks(struct bus *bus, const char *topic, int32_t partition, int timeout_ms, int64_t *ret_low,
                   int64_t *ret_high, struct error *err);
struct bus_topic_setting {
    const char *key, *value; /* a topic configuration of Kafka's, e.g. "cleanup.policy", "compact" */
};
/* Create a topic; one that exists is fine, as it is. `replication` -1 takes the cluster's default. ERR_AUTH: may not;
 * the embedded broker ignores the settings, and one in another process is ERR_UNSUPPORTED (it creates topics by
 * itself). */
int bus_topic_create(struct bus *bus, const char *topic, int32_t partitions, int replication,
                     const struct bus_topic_setting *settings, size_t setting_count, int timeout_ms, struct error *err);
/* The same for many topics in one request, which costs the broker little more than one does: errs[i] is the outcome of
 * topics[i] (ERR_NONE: it is there). -1 with err when nothing at all could be asked for. */
int bus_topics_create(struct bus *bus, const char *const *topics, size_t count, int32_t partitions, int replication,
                      const struct bus_topic_setting *settings, size_t setting_count, int timeout_ms,
                      struct error *errs, struct error *err);
/* Value of a topic's configuration; the caller frees. ERR_NOT_FOUND, ERR_UNSUPPORTED (embedded), ERR_AUTH. */
char *bus_topic_setting(struct bus *bus, const char *topic, const char *key, int timeout_ms, struct error *err);

/* --- producing ------------------------------------------------------------------------------------------------- */
/* What became of one record. code == ERR_NONE: it is in the log at (partition, offset), acknowledged by all in-sync
 * replicas. Otherwise it is not known to be there; ERR_NETWORK/ERR_TIMEOUT: it may be sent again (and may then be there
 * twice). */
struct bus_delivery {
    enum error_code code;
    const char *text; /* "" when delivered; valid during the call */
    const char *topic;
    int32_t partition;
    int64_t offset;
    void *token; /* as given to bus_send() */
};
typedef void bus_delivery_fn(void *context, const struct bus_delivery *delivery);

struct bus_producer_config {
    const char *transactional_id; /* NULL: idempotent, no transactions. The prefix is put in front. */
    bus_delivery_fn *on_delivery; /* may be NULL; called exactly once for each record accepted by bus_send() */
    void *context;
    bool own_thread; /* deliveries come from a thread of the producer's own instead of bus_producer_poll() */
    int timeout_ms;  /* until an unacknowledged record is given up, 0 for 120,000 */
};
struct bus_producer *bus_producer_new(struct bus *bus, const struct bus_producer_config *config, struct error *err);
/* Waits up to one second for what is in flight; the rest is delivered as ERR_CANCELLED. Accepts NULL. */
void bus_producer_free(struct bus_producer *producer);
DEFINE_CLEANUP(cleanup_bus_producer, struct bus_producer *, bus_producer_free)

#define BUS_ANY_PARTITION (-1) /* by the key, murmur2 as the Java client has it */
/* Queue a record; data are copied. `key` may be NULL; value NULL is a tombstone. Partitions start out in order and stay
 * so. The first record to a topic waits for its metadata: a round trip, 100 ms at most. ERR_LIMIT: larger than a record
 * may be, or the queue is full (retry after polling); ERR_FENCED. */
int bus_send(struct bus_producer *producer, const char *topic, int32_t partition, const char *key, const void *value,
             size_t len, void *token, struct error *err);
/* Get ready to send to these topics, by one request for all: a later bus_send() to one of them does not wait. */
int bus_producer_open(struct bus_producer *producer, const char *const *topics, size_t count, struct error *err);
/* Send and wait for this record's own delivery; *ret_offset may be NULL. on_delivery is not called for it. */
int bus_send_wait(struct bus_producer *producer, const char *topic, int32_t partition, const char *key,
                  const void *value, size_t len, int timeout_ms, int64_t *ret_offset, struct error *err);
/* Serve deliveries for up to timeout_ms (0: only what is there). Returns how many. With own_thread: does nothing. */
int bus_producer_poll(struct bus_producer *producer, int timeout_ms);
/* Wait until everything sent was delivered or failed. ERR_TIMEOUT: some is still in flight. */
int bus_flush(struct bus_producer *producer, int timeout_ms, struct error *err);
/* Records not yet delivered. */
int bus_producer_pending(struct bus_producer *producer);

/* Transactions (a producer with a transactional_id can send in one only). init fences older producers of the id; call
 * it once before the first begin. commit waits for all deliveries of the transaction. While bus_tx_committing() says so
 * after a failed commit, its outcome is open: call it again until it is known, and begin nothing meanwhile. Any other
 * failed commit has been aborted where that is possible: send its records again in a new transaction. An abort that
 * failed is taken up again by the next begin. ERR_FENCED, and whatever else leaves bus_tx_broken() behind, is final for
 * this client: an older one that was fenced, or one whose transaction the broker gave up while it was out of reach.
 * Who is sure of being the one that may publish makes it anew (bus_tx_renew(), then init): that fences all others. The
 * embedded broker accepts all of it and fences nobody. */
int bus_tx_init(struct bus_producer *producer, int timeout_ms, struct error *err);
int bus_tx_begin(struct bus_producer *producer, struct error *err);
int bus_tx_commit(struct bus_producer *producer, int timeout_ms, struct error *err);
int bus_tx_abort(struct bus_producer *producer, int timeout_ms, struct error *err);
bool bus_tx_committing(struct bus_producer *producer);
bool bus_tx_broken(struct bus_producer *producer);
int bus_tx_renew(struct bus_producer *producer, struct error *err);

/* --- consuming ------------------------------------------------------------------------------------------------- */
struct bus_consumer_config {
    bool read_committed; /* public topics: leave out what was aborted or is still open */
    int fetch_wait_ms;   /* how long the broker holds a question for records back that has no answer yet; 0: 500.
                            Meanwhile the end of a partition is not told, and another one is not begun */
};
struct bus_consumer *bus_consumer_new(struct bus *bus, const struct bus_consumer_config *config, struct error *err);
void bus_consumer_free(struct bus_consumer *consumer);
DEFINE_CLEANUP(cleanup_bus_consumer, struct bus_consumer *, bus_consumer_free)

#define BUS_BEGINNING (-2)
#define BUS_END (-1)
/* Read (topic, partition) from `offset` on (that record first), or BUS_BEGINNING or BUS_END. Others that are assigned
 * go on undisturbed; assigning again moves to the new offset. */
int bus_assign(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t offset, struct error *err);
/* Several at once: none waits for the first question about another, nor for the consumer's long poll. No (topic,
 * partition) may be there twice. */
struct bus_position {
    const char *topic;
    int32_t partition;
    int64_t offset;
};
int bus_assign_all(struct bus_consumer *consumer, const struct bus_position *positions, size_t count,
                   struct error *err);
/* Stop reading it; not being assigned is a no-op. What was fetched of it is dropped. */
int bus_unassign(struct bus_consumer *consumer, const char *topic, int32_t partition, struct error *err);
/* Pause keeps the position. Pausing what is paused, and resuming what is not, is a no-op. ERR_NOT_FOUND: not assigned.
 */
int bus_pause(struct bus_consumer *consumer, const char *topic, int32_t partition, struct error *err);
int bus_resume(struct bus_consumer *consumer, const char *topic, int32_t partition, struct error *err);

struct bus_record {
    char topic[BUS_TOPIC_MAX + 1]; /* short name */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* the broker's or producer's label; -1 when absent */
    const char *key;      /* key_len bytes and a NUL after them; NULL when absent */
    size_t key_len;
    const uint8_t *value; /* NULL for a tombstone */
    size_t len;
};
enum bus_event {
    BUS_NOTHING, /* nothing within the time, or bus_consumer_wake() */
    BUS_RECORD,  /* *ret is a record; release it with bus_record_free() */
    BUS_AT_END,  /* everything up to the end of (topic, partition) as it is now was given; only those and offset are set
                  */
    BUS_FAILED,  /* err says what; the consumer goes on by itself unless the error is ERR_NOT_FOUND: the offset or topic
                  * of  (topic, partition) in *ret is gone and nothing more comes of it until it is assigned again */
};
/* The next event. *ret is NULL for BUS_NOTHING, and for BUS_FAILED unless it concerns one partition; always free it. */
enum bus_event bus_next(struct bus_consumer *consumer, int timeout_ms, struct bus_record **ret, struct error *err);
void bus_record_free(struct bus_record *record);
DEFINE_CLEANUP(cleanup_bus_record, struct bus_record *, bus_record_free)
/* Make a bus_next() that waits, or the next one, return BUS_NOTHING. From any thread. */
void bus_consumer_wake(struct bus_consumer *consumer);

/* Read all partitions of a topic from the beginning to the end as of now, oldest first within a partition: how
 * compacted control topics are loaded. `visit` returns 0 to go on, -1 with err to stop. ERR_TIMEOUT: nothing came for
 * timeout_ms; ERR_NOT_FOUND: no such topic. */
typedef int bus_visit_fn(void *context, const struct bus_record *record, struct error *err);
int bus_replay(struct bus *bus, const char *topic, bool read_committed, int timeout_ms, bus_visit_fn *visit,
               void *context, struct error *err);

/* --- the embedded broker --------------------------------------------------------------------------------------- */
/* librdkafka's mock cluster in this process: loopback only, in memory, gone with the process. For a first try, the demo
 * and unit tests. Its limits at 2.0.2, all measured: 5 MiB or 100,000 batches per partition, then the oldest go; no
 * compaction; no admin API (other processes' topics appear with 4 partitions when first used); an empty fetch takes the
 * full fetch.wait.max.ms (20 ms is set for it here); transactions are accepted and fence nobody; a port and cluster id
 * of its own at each start. ERR_NETWORK when it cannot listen. */
struct bus_embedded *bus_embedded_start(struct error *err);
const char *bus_embedded_bootstrap(const struct bus_embedded *embedded);
void bus_embedded_stop(struct bus_embedded *embedded); /* accepts NULL */
DEFINE_CLEANUP(cleanup_bus_embedded, struct bus_embedded *, bus_embedded_stop)
/* For tests: cut all connections and accept none until `up` again. */
int bus_embedded_set_up(struct bus_embedded *embedded, bool up, struct error *err);
