/* Shared by what speaks the admin API. Of the bus only. */
#pragma once
#include "fleet/bus/internal.h"

static inline void admin_free_options(rd_kafka_AdminOptions_t **options) {
    if (*options) rd_kafka_AdminOptions_destroy(*options);
}
static inline void admin_free_queue(rd_kafka_queue_t **queue) {
    if (*queue) rd_kafka_queue_destroy(*queue);
}
static inline void admin_free_event(rd_kafka_event_t **event) {
    if (*event) rd_kafka_event_destroy(*event);
}
rd_kafka_AdminOptions_t *admin_options(struct bus *bus, rd_kafka_admin_op_t operation, int timeout_ms);
/* The answer, or NULL with err. */
rd_kafka_event_t *admin_await(struct bus *bus, rd_kafka_queue_t *queue, int timeout_ms, const char *what,
                              struct error *err);
