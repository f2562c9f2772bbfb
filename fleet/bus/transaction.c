/* Transactions. See bus.h. */
#include "common/clock.h"
#include "fleet/bus/internal.h"

#define RETRY_MS 100
#define ABORT_AGAIN_MS 5000

static int remaining(int64_t deadline) {
    int64_t left = deadline - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

int bus_tx_init(struct bus_producer *producer, int timeout_ms, struct error *err) {
    int64_t deadline = clock_mono_ms() + timeout_ms;
    rd_kafka_t *client = bus_producer_client(producer);
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_init_transactions(client, remaining(deadline));
        if (!error) return 0;
        if (!rd_kafka_error_is_retriable(error) || clock_mono_ms() >= deadline)
            return bus_error_object(bus_producer_bus(producer), err, error, "transactions");
        rd_kafka_error_destroy(error);
        rd_kafka_poll(client, RETRY_MS);
    }
}

int bus_tx_begin(struct bus_producer *producer, struct error *err) {
    if (*bus_producer_tx(producer) == TX_ABORT && bus_tx_abort(producer, ABORT_AGAIN_MS, err) != 0) return -1;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(bus_producer_client(producer));
    return error ? bus_error_object(bus_producer_bus(producer), err, error, "begin of a transaction") : 0;
}

typedef rd_kafka_error_t *tx_fn(rd_kafka_t *client, int timeout_ms);

/* Calls `fn` until it is through or the time is over. Then librdkafka goes on with it, and refuses every other call
 * until this one was called again: that is noted. */
static rd_kafka_error_t *end_with(struct bus_producer *producer, enum tx_call call, tx_fn *fn, int timeout_ms) {
    int64_t deadline = clock_mono_ms() + timeout_ms;
    rd_kafka_t *client = bus_producer_client(producer);
    for (;;) {
        rd_kafka_error_t *error = fn(client, remaining(deadline));
        bool open = error && rd_kafka_error_is_retriable(error);
        *bus_producer_tx(producer) = open ? call : TX_NONE;
        if (!open || clock_mono_ms() >= deadline) return error;
        rd_kafka_error_destroy(error);
        rd_kafka_poll(client, RETRY_MS);
    }
}

int bus_tx_abort(struct bus_producer *producer, int timeout_ms, struct error *err) {
    rd_kafka_error_t *error = end_with(producer, TX_ABORT, rd_kafka_abort_transaction, timeout_ms);
    return error ? bus_error_object(bus_producer_bus(producer), err, error, "abort of a transaction") : 0;
}

int bus_tx_commit(struct bus_producer *producer, int timeout_ms, struct error *err) {
    rd_kafka_error_t *error = end_with(producer, TX_COMMIT, rd_kafka_commit_transaction, timeout_ms);
    if (!error) return 0;
    bool fatal = rd_kafka_error_is_fatal(error);
    bus_error_object(bus_producer_bus(producer), err, error, "commit of a transaction");
    if (!fatal && !bus_tx_committing(producer)) bus_tx_abort(producer, timeout_ms, NULL);
    return -1;
}

bool bus_tx_committing(struct bus_producer *producer) {
    return *bus_producer_tx(producer) == TX_COMMIT;
}

bool bus_tx_broken(struct bus_producer *producer) {
    char text[8];
    return rd_kafka_fatal_error(bus_producer_client(producer), text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR;
}
