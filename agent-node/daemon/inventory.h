/* What a node publishes of itself: its record on `nodes`, and the schemas it writes with. */
#pragma once
#include "agent-node/daemon/session.h"
#include "fleet/protocol.h"
#include "schemas/codec.h"

/* Initialises and fills *ret; state is left "". The caller releases it. */
void inventory_fill(struct rec_node *ret, const struct session_config *config, const char *incarnation,
                    int64_t started_ms);
/* Send and wait for the acknowledgement. *ret_offset may be NULL. */
int inventory_publish(struct bus_producer *producer, const struct rec_node *node, int timeout_ms, int64_t *ret_offset,
                      struct error *err);
/* Read the `schemas` topic into `codec`. ERR_NOT_FOUND: the topic is not there (yet). */
int inventory_learn_schemas(struct bus *bus, struct codec *codec, int timeout_ms, struct error *err);
/* Read the `schemas` topic into `codec` and add to it those of ours that are missing. ERR_NOT_FOUND: the topic is not
 * there (yet). */
int inventory_publish_schemas(struct bus *bus, struct bus_producer *producer, struct codec *codec, int timeout_ms,
                              struct error *err);
/* Encode (single-object) and send without waiting. */
int inventory_send(struct bus_producer *producer, const char *topic, int32_t partition, const char *key,
                   const struct rec_desc *desc, const void *rec, struct error *err);
