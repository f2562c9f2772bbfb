/* Rights seen from outside: each probe asks the broker for something that it answers differently to who may and who may
 * not, and that leaves nothing behind in any topic. librdkafka 2.0.2 cannot ask for authorized operations, and an
 * ordinary principal may not list ACLs.
 *
 *   Describe            metadata of the topic, the group's description
 *   Read                a fetch at the end of partition 0
 *   Write               a record with acks=2, which every Kafka refuses as invalid after it has looked at the rights
 *   Create              a creation that is to be validated only
 *   DescribeConfigs     the topic's settings
 *   transactional id    a producer id for PREFIXpreflight: asking for the coordinator's own would fence a running one.
 *                       The cluster forgets that id after transactional.id.expiration.ms */
#pragma once
#include "fleet/bus/bus.h"

enum right { RIGHT_GRANTED, RIGHT_DENIED, RIGHT_UNSEEN, RIGHT_NO_TOPIC };
struct probe;
struct probe *probe_new(struct bus *bus, struct error *err);
void probe_free(struct probe *probe); /* accepts NULL */
DEFINE_CLEANUP(cleanup_probe, struct probe *, probe_free)
/* Names are full ones. `why` (of at least 256 bytes) says what stood in the way of RIGHT_UNSEEN. RIGHT_NO_TOPIC: it
 * does not exist. */
enum right probe_topic(struct probe *probe, const char *topic, const char *operation, int timeout_ms, char *why);
enum right probe_group(struct probe *probe, const char *group, int timeout_ms, char *why);
enum right probe_transactional(struct probe *probe, int timeout_ms, char *why);
/* Any topic that this principal can see and that begins with `prefix`, into out[BUS_TOPIC_MAX + 1]. */
bool probe_find_topic(struct probe *probe, const char *prefix, int timeout_ms, char *out);
