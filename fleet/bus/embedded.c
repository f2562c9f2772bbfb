/* The embedded broker: librdkafka's mock cluster. See bus.h for what it cannot do. */
#include <stdlib.h>

#include "fleet/bus/internal.h"

static void quiet(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    (void)client, (void)level, (void)facility, (void)text;
}

struct bus_embedded *bus_embedded_start(struct error *err) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, quiet);
    CLEANUP(cleanup_bus_embedded) struct bus_embedded *embedded = xcalloc(1, sizeof *embedded);
    embedded->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason); /* only carries the cluster */
    if (!embedded->client) {
        rd_kafka_conf_destroy(conf);
        error_set(err, ERR_NETWORK, "embedded broker: %s", reason);
        return NULL;
    }
    embedded->cluster = rd_kafka_mock_cluster_new(embedded->client, 1);
    if (!embedded->cluster) {
        error_set(err, ERR_NETWORK, "embedded broker: cannot listen on the loopback interface");
        return NULL;
    }
    return TAKE(embedded);
}

const char *bus_embedded_bootstrap(const struct bus_embedded *embedded) {
    return rd_kafka_mock_cluster_bootstraps(embedded->cluster);
}

void bus_embedded_stop(struct bus_embedded *embedded) {
    if (!embedded) return;
    if (embedded->cluster) rd_kafka_mock_cluster_destroy(embedded->cluster);
    if (embedded->client) rd_kafka_destroy(embedded->client);
    free(embedded);
}

int bus_embedded_set_up(struct bus_embedded *embedded, bool up, struct error *err) {
    rd_kafka_resp_err_t code =
        up ? rd_kafka_mock_broker_set_up(embedded->cluster, 1) : rd_kafka_mock_broker_set_down(embedded->cluster, 1);
    return code ? error_set(err, ERR_INTERNAL, "embedded broker: %s", rd_kafka_err2str(code)) : 0;
}
