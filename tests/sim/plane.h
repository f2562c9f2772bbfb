/* The virtual agents' Kafka: one producer for all, a few consumers that share the mailboxes, one more for `desired`,
 * `nodes` and `schemas`. Readers decode in threads of their own and hand over to one inbox. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "records.h"

struct plane_config {
    const char *bootstrap, *prefix;
    const char *const *keys, *const *values; /* librdkafka properties */
    size_t property_count;
    int consumers;    /* for mailboxes */
    size_t mailboxes; /* how many there will be in all */
};
enum inbound_kind {
    IN_RECORD,    /* rec, which the receiver frees with inbound_free() */
    IN_DELIVERED, /* of a send with a token: node, number, good, offset */
    IN_JOINED,    /* node, lives, good */
};
struct inbound {
    enum inbound_kind kind;
    const struct rec_desc *desc;
    void *rec;
    int64_t offset;
    size_t node;
    uint32_t lives;
    uint64_t number; /* as given to plane_send(); 0: a registration */
    bool good;
    struct inbound *next;
};

struct plane;
/* Waits until a broker answers and the coordinator has made its topics (PLANE_WAIT_MS at most); publishes the schemas.
 */
#define PLANE_WAIT_MS 60000
struct plane *plane_new(const struct plane_config *config, struct error *err);
void plane_free(struct plane *plane);
/* What has come, oldest first, waiting up to `timeout_ms` for something; NULL when nothing did. */
struct inbound *plane_take(struct plane *plane, int timeout_ms);
void inbound_free(struct inbound *in);

/* Where a delivery report goes; NULL where nobody asks for one. */
struct plane_token {
    size_t node;
    uint32_t lives;
    uint64_t number;
};
/* Send a record, or bytes; keyed, to the key's partition. False, with a warning, when it could not be queued. */
bool plane_send(struct plane *plane, const char *topic, const char *key, const struct rec_desc *desc, const void *rec,
                const struct plane_token *token);
bool plane_send_bytes(struct plane *plane, const char *topic, const char *key, const void *data, size_t len,
                      const struct plane_token *token);
/* Ask for the end of a mailbox and read it from there; IN_JOINED follows. The topic's prefix may stand in front. */
void plane_join(struct plane *plane, size_t node, uint32_t lives, const char *topic, int32_t partition);
/* Stop reading it. In order with plane_join(). */
void plane_part(struct plane *plane, size_t node, const char *topic, int32_t partition);
