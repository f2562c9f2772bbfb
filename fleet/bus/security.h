/* What a secured broker asks of us: secrets of the configuration, the principal we are there, and why we are not let in
 * or may not do something, in words that say what to change. Of the bus only. */
#pragma once
#include "fleet/bus/internal.h"

/* Puts the contents of `PROPERTY.file` in place of the path, declares secrets, checks that files with secrets are ours
 * alone, and finds our principal. ERR_AUTH, ERR_NOT_FOUND, ERR_INVALID with the property's name. */
int bus_security_init(struct bus *bus, struct error *err);
/* Has the broker's certificate looked at by us as well: librdkafka says of all faults the same. */
void bus_security_conf(const struct bus *bus, rd_kafka_conf_t *conf);
/* From an error callback: is this a refusal that the same credentials will meet again? Keeps its explanation. */
bool bus_security_explain(struct bus *bus, rd_kafka_resp_err_t code, const char *reason);
void bus_security_clear(struct bus *bus); /* a broker let us in */
/* True with err (ERR_AUTH) when all brokers are down and one has refused us. */
bool bus_security_refused(struct bus *bus, struct error *err);
bool bus_is_denied(rd_kafka_resp_err_t code); /* connected, but not allowed to do this */
/* ERR_AUTH: "principal P may not OPERATION RESOURCE NAME", with the command that allows it. Returns -1. `resource` as
 * in kafka-acls: "topic", "group", "transactional-id", "cluster" (name is ignored). */
int bus_denied(const struct bus *bus, struct error *err, const char *operation, const char *resource, const char *name);
/* The same of a topic that was written to, and tells it as a warning: who sends does not look at every delivery. */
void bus_tell_denied(struct bus *bus, const char *topic, struct error *err);
/* The value of a property, NULL when it is not set. */
const char *bus_property(const struct bus *bus, const char *key);
