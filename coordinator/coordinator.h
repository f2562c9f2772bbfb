/* The coordinator as a whole: store, bus, loop, publisher and API in one process. `portolan serve` and `portolan demo`
 * run it; so do tests, on the embedded broker. */
#pragma once
#include "coordinator/core.h"
#include "coordinator/publish/registry.h"
#include "coordinator/sweep/webhook.h"

struct coordinator_config {
    const char *state_dir;         /* NULL: the standard one */
    const char *restore;           /* a backup to begin with, in a state folder without a store; NULL */
    const char *runtime_dir;       /* where coordinator.json goes; NULL: the standard one */
    const char *const *kafka_keys; /* librdkafka properties; bootstrap.servers among them unless embedded */
    const char *const *kafka_values;
    size_t kafka_count;
    const char *bootstrap;                  /* shorthand for bootstrap.servers; NULL */
    const char *prefix;                     /* of topics; NULL: "portolan." */
    bool embedded;                          /* start librdkafka's mock cluster in this process */
    int replication;                        /* of topics that are created; 0 or -1: the cluster's default */
    const char *api_address;                /* NULL: 127.0.0.1. Without TLS loopback only */
    const char *api_tls_cert, *api_tls_key; /* files; NULL: plain HTTP */
    int api_port;                           /* 0: the kernel's choice */
    struct registry_config registry;        /* of an external schema registry; url NULL: none */
    struct webhook_config webhooks;         /* whom sweeps tell */
    int64_t lease_ms;                       /* 0: 30,000 */
    int window;                             /* attempts per device; 0: 2 */
    int64_t settle_ms; /* -1: 5,000; after the link is up, before cells are said to have no device */
    int64_t absent_ms; /* 0: 600,000 */
    struct retention retention;
    bool approve_nodes;                    /* unknown nodes wait for approval */
    const char *fleet_file;                /* fleet.yaml; NULL */
    const char *problems_dir;              /* shipped problems; NULL */
    const struct coordinator_clock *clock; /* NULL: the system's */
};
struct coordinator;
/* Opens the store, starts broker, threads and API. Succeeds without a broker. ERR_BUSY (store in use, port in use),
 * ERR_INVALID, ... */
struct coordinator *coordinator_start(const struct coordinator_config *config, struct error *err);
/* Blocks until coordinator_stop(), or an error that it cannot go on after. */
int coordinator_run(struct coordinator *coordinator, struct error *err);
/* From any thread, also before coordinator_run(). */
void coordinator_stop(struct coordinator *coordinator);
/* After coordinator_run() has returned. Removes coordinator.json. Accepts NULL. */
void coordinator_free(struct coordinator *coordinator);
int coordinator_api_port(const struct coordinator *coordinator);
const char *coordinator_bootstrap(const struct coordinator *coordinator);
const char *coordinator_token_path(const struct coordinator *coordinator);
/* The token; the caller frees. ERR_NOT_FOUND, ERR_IO. */
char *coordinator_read_token(const char *token_path, struct error *err);
