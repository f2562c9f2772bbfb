/* librdkafka's error codes in our words. */
#include <stdio.h>
#include <string.h>

#include "fleet/bus/security.h"

enum error_code bus_error_code(rd_kafka_resp_err_t code) {
    switch (code) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            return ERR_NONE;
        case RD_KAFKA_RESP_ERR__TIMED_OUT:
        case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
        case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
            return ERR_TIMEOUT;
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
            return ERR_NOT_FOUND;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            return ERR_LIMIT;
        case RD_KAFKA_RESP_ERR__FENCED:
        case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
        case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
            return ERR_FENCED;
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return ERR_AUTH;
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
        case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
        case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
        case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
            return ERR_INVALID;
        case RD_KAFKA_RESP_ERR__STATE:
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
            return ERR_CONFLICT;
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
        case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
        case RD_KAFKA_RESP_ERR__DESTROY:
            return ERR_CANCELLED;
        case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
            return ERR_UNSUPPORTED;
        default:
            return ERR_NETWORK; /* the broker's own troubles: no leader, no replicas, loading, ... */
    }
}

int bus_error(struct bus *bus, struct error *err, rd_kafka_resp_err_t code, const char *text, const char *fmt, ...) {
    enum error_code ours = bus_error_code(code);
    char what[256], last[sizeof bus->last_error];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (!text || !*text) text = rd_kafka_err2str(code);
    if (ours != ERR_NETWORK && ours != ERR_TIMEOUT) return error_set(err, ours, "%s: %s", what, text);
    if (bus_security_refused(bus, err)) return error_wrap(err, "%s", what);
    pthread_mutex_lock(&bus->lock);
    memcpy(last, bus->last_error, sizeof last);
    pthread_mutex_unlock(&bus->lock);
    return error_set(err, ours, "%s: %s (brokers: %s%s%s)", what, text, bus->bootstrap, *last ? "; last error: " : "",
                     last);
}

int bus_error_object(struct bus *bus, struct error *err, rd_kafka_error_t *error, const char *what) {
    if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) {
        CLEANUP_FREE char *id = xasprintf("%scoordinator", bus->prefix);
        bus_denied(bus, err, "Write", "transactional-id", id);
        rd_kafka_error_destroy(error);
        return -1;
    }
    bus_error(bus, err, rd_kafka_error_code(error), rd_kafka_error_string(error), "%s", what);
    rd_kafka_error_destroy(error);
    return -1;
}
