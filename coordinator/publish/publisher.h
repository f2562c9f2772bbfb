/* Publishes outbox rows: one transaction a batch, repeated until the broker has it, with the schema ids of the registry
 * that consumers ask (wire.h); what waits for that registry is told as EVENT_REGISTRY. The transactional id fences a
 * coordinator that was taken for dead. */
#pragma once
#include "coordinator/loop.h"
#include "coordinator/publish/wire.h"
#include "fleet/bus/bus.h"

struct publisher;
/* `wire` must outlive it. */
struct publisher *publisher_new(struct bus *bus, struct wire *wire, struct error *err);
int publisher_start(struct publisher *publisher, struct loop *loop, struct error *err);
void publisher_stop(struct publisher *publisher); /* joins; what is not yet out stays in the outbox */
void publisher_free(struct publisher *publisher); /* before the bus; accepts NULL */
/* Takes the batch; EVENT_PUBLISHED follows. */
void publisher_hand(struct publisher *publisher, struct outbox_batch *batch);
