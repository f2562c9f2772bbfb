/* portolan serve: the coordinator. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/share.h"
#include "common/fileio.h"
#include "common/log.h"
#include "coordinator/coordinator.h"
#include "coordinator/retention.h"
#include "fleet/bus/bus.h"

/* --- signals ---------------------------------------------------------------------------------- */
struct signals {
    sigset_t set;
    struct coordinator *coordinator;
    pthread_t thread;
};

static void *wait_for_signal(void *context) {
    struct signals *signals = context;
    int number = 0;
    sigwait(&signals->set, &number);
    if (number != SIGUSR1) log_info("signal %d: stopping", number);
    coordinator_stop(signals->coordinator);
    return NULL;
}

/* Blocked before any thread exists, so that all inherit it and one of them takes the signals. */
static void block_signals(struct signals *signals) {
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGINT);
    sigaddset(&signals->set, SIGTERM);
    sigaddset(&signals->set, SIGHUP);
    sigaddset(&signals->set, SIGUSR1); /* ours: the coordinator ended by itself */
    pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    signal(SIGPIPE, SIG_IGN); /* of clients that leave in the middle of an answer */
}

/* --- configuration ---------------------------------------------------------------------------- */
static char *find_problems(const struct options *opts) {
    const char *given = options_string(opts, "problems-dir");
    if (given) return strdup(given);
    struct error err = ERROR_INIT;
    char *share = share_dir(&err);
    if (!share) {
        log_warn("no shipped problems: %s", err.text);
        return NULL;
    }
    char *problems = path_join(share, "problems");
    free(share);
    return problems;
}

static int check_broker(const struct coordinator_config *config, struct error *err) {
    bool named = config->bootstrap != NULL;
    for (size_t i = 0; i < config->kafka_count; i++) named |= strcmp(config->kafka_keys[i], "bootstrap.servers") == 0;
    if (config->embedded && named) return error_set(err, ERR_USAGE, "--embedded and --bootstrap exclude each other");
    if (config->embedded || named) return 0;
    error_set(err, ERR_USAGE, "no broker is named");
    return error_hint(err, "--bootstrap HOST:PORT for a Kafka of yours, or --embedded for a first try on this machine");
}

struct range {
    const char *name;
    long long least, most;
};

/* Numbers are refused here, where the option has a name; below, 0 would quietly mean the default. */
static int check_numbers(const struct options *opts, struct error *err) {
    static const struct range ranges[] = {
        {"port", 0, 65535},        {"lease-ms", 1000, 86400000},   {"window", 1, 256},
        {"settle-ms", 0, 3600000}, {"absent-ms", 1000, 604800000}, {"replication", -1, 32767}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        long long value = options_int(opts, ranges[i].name);
        if (value >= ranges[i].least && value <= ranges[i].most) continue;
        return error_set(err, ERR_USAGE, "--%s is %lld; it must lie between %lld and %lld", ranges[i].name, value,
                         ranges[i].least, ranges[i].most);
    }
    return 0;
}

static int check_problems_dir(const struct options *opts, struct error *err) {
    const char *given = options_string(opts, "problems-dir");
    if (!given || access(given, R_OK | X_OK) == 0) return 0;
    return error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "--problems-dir %s", given);
}

static void read_options(const struct options *opts, struct coordinator_config *config) {
    *config =
        (struct coordinator_config){.state_dir = options_string(opts, "state-dir"),
                                    .restore = options_string(opts, "restore"),
                                    .bootstrap = options_string(opts, "bootstrap"),
                                    .prefix = options_string(opts, "prefix"),
                                    .embedded = options_flag(opts, "embedded"),
                                    .replication = (int)options_int(opts, "replication"),
                                    .api_address = options_string(opts, "address"),
                                    .api_port = (int)options_int(opts, "port"),
                                    .api_tls_cert = options_string(opts, "tls-cert"),
                                    .api_tls_key = options_string(opts, "tls-key"),
                                    .registry = {.url = options_string(opts, "schema-registry"),
                                                 .user = options_string(opts, "schema-registry-user"),
                                                 .password_file = options_string(opts, "schema-registry-password-file"),
                                                 .ca_file = options_string(opts, "schema-registry-ca-file")},
                                    .lease_ms = options_int(opts, "lease-ms"),
                                    .window = (int)options_int(opts, "window"),
                                    .settle_ms = options_int(opts, "settle-ms"),
                                    .absent_ms = options_int(opts, "absent-ms"),
                                    .approve_nodes = options_flag(opts, "approve-nodes"),
                                    .fleet_file = options_string(opts, "fleet")};
}

static int read_retention(const struct options *opts, struct retention *ret, struct error *err) {
    if (retention_parse(options_string(opts, "keep-campaigns"), "--keep-campaigns", &ret->campaigns_ms, err) != 0 ||
        retention_parse(options_string(opts, "keep-tries"), "--keep-tries", &ret->tries_ms, err) != 0)
        return -1;
    return retention_parse(options_string(opts, "keep-attempts"), "--keep-attempts", &ret->attempts_ms, err);
}

static int serve(struct signals *signals, const struct coordinator_config *config, struct error *err) {
    signals->coordinator = coordinator_start(config, err);
    if (!signals->coordinator) return -1;
    if (pthread_create(&signals->thread, NULL, wait_for_signal, signals) != 0) {
        coordinator_free(signals->coordinator);
        return error_set(err, ERR_NOMEM, "cannot start a thread");
    }
    int status = coordinator_run(signals->coordinator, err);
    pthread_kill(signals->thread, SIGUSR1);
    pthread_join(signals->thread, NULL);
    coordinator_free(signals->coordinator);
    return status;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    struct signals signals = {0};
    struct coordinator_config config;
    const char **keys = NULL, **values = NULL;
    if (command_no_arguments(opts, &command_serve)) return 2;
    if (check_numbers(opts, &err) || check_problems_dir(opts, &err)) return command_failed(&err);
    CLEANUP_FREE char *problems = find_problems(opts);
    block_signals(&signals);
    read_options(opts, &config);
    config.kafka_count = options_properties(opts, "kafka", &keys, &values);
    config.kafka_keys = keys;
    config.kafka_values = values;
    config.problems_dir = problems;
    config.webhooks.count = options_list(opts, "webhook", &config.webhooks.specs);
    if (read_retention(opts, &config.retention, &err) != 0) return command_failed(&err);
    if (check_broker(&config, &err) == 0 && serve(&signals, &config, &err) == 0) return 0;
    return command_failed(&err);
}

static const struct option_spec options[] = {
    {"bootstrap", 'b', OPTION_STRING, "HOST:PORT", "kafka.bootstrap.servers", NULL, "Kafka brokers, comma-separated."},
    {"embedded", 0, OPTION_FLAG, NULL, "embedded", NULL,
     "Start a broker in this process: loopback only, in memory, gone with it. For a first try."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL,
     "A librdkafka property, as under `kafka:` in the configuration."},
    {"webhook", 0, OPTION_LIST, "NAME=FILE", "webhooks", NULL,
     "Where sweeps tell what they found; the file's first line is the URL of a Slack-compatible webhook."},
    {"prefix", 0, OPTION_STRING, "TEXT", "prefix", BUS_PREFIX_DEFAULT, "Put in front of every topic's name."},
    {"replication", 0, OPTION_INT, "N", "replication", "-1",
     "Replication factor of topics that are created; -1 is the cluster's default."},
    {"state-dir", 0, OPTION_STRING, "DIR", "state_dir", NULL,
     "Where the store and the token are; the standard folder when not given."},
    {"restore", 0, OPTION_STRING, "FILE", NULL, NULL,
     "Begin with a backup (portolan backup), in a state folder that has no store."},
    {"address", 0, OPTION_STRING, "IP", "api.address", "127.0.0.1",
     "Address of the HTTP API; off loopback it needs TLS."},
    {"tls-cert", 0, OPTION_STRING, "FILE", "api.tls.cert", NULL,
     "Certificate of the HTTP API, with what signed it, in PEM; its names are those that clients may call it by."},
    {"tls-key", 0, OPTION_STRING, "FILE", "api.tls.key", NULL, "The certificate's key, mode 600."},
    {"port", 'p', OPTION_INT, "N", "api.port", "7070", "Port of the HTTP API; 0 takes any free one."},
    {"schema-registry", 0, OPTION_STRING, "URL", "schema_registry.url", NULL,
     "An external Schema Registry (Confluent's API) that gives the public topics' schema ids; without it the "
     "coordinator is their registry."},
    {"schema-registry-user", 0, OPTION_STRING, "NAME", "schema_registry.user", NULL, "User at that registry."},
    {"schema-registry-password-file", 0, OPTION_STRING, "FILE", "schema_registry.password.file", NULL,
     "The user's password, in the first line of a file of mode 600."},
    {"schema-registry-ca-file", 0, OPTION_STRING, "FILE", "schema_registry.ca_file", NULL,
     "Whom to trust for an https:// registry."},
    {"fleet", 0, OPTION_STRING, "FILE", "fleet", NULL, "Fleet file with rules for target names."},
    {"problems-dir", 0, OPTION_STRING, "DIR", "problems_dir", NULL,
     "Shipped problems; those that came with the program when not given."},
    {"keep-campaigns", 0, OPTION_STRING, "TIME", "retention.campaigns", "90d",
     "How long the store keeps ended campaigns, as 90d or `forever`; confirmed results stay."},
    {"keep-tries", 0, OPTION_STRING, "TIME", "retention.tries", "7d", "The same for tries."},
    {"keep-attempts", 0, OPTION_STRING, "TIME", "retention.attempts", "30d",
     "How long it keeps logs and measurements of single attempts."},
    {"approve-nodes", 0, OPTION_FLAG, NULL, "nodes.approval", NULL,
     "Nodes that are not known yet get no work until `portolan node approve NAME`."},
    {"lease-ms", 0, OPTION_INT, "N", "lease_ms", "30000",
     "How long an attempt may stay silent before its task goes to another device."},
    {"window", 0, OPTION_INT, "N", "window", "2", "Tasks that a device holds at a time."},
    {"settle-ms", 0, OPTION_INT, "N", "settle_ms", "5000",
     "How long after reaching the broker cells without a device wait before they become `no_device`."},
    {"absent-ms", 0, OPTION_INT, "N", "absent_ms", "600000",
     "How long queued tasks of a target without any device wait before they are given up."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_serve = {
    .name = "serve",
    .usage = "serve --bootstrap HOST:PORT | --embedded",
    .summary = "run the coordinator",
    .details =
        "Plans campaigns, hands tasks to agents over Kafka, accepts their results and publishes them. It may be killed "
        "at any moment: "
        "everything is in the store. Only one coordinator may use a store or a topic prefix at a time.\n\n"
        "Examples:\n  portolan serve --embedded\n  portolan serve --bootstrap broker1:9092,broker2:9092 --kafka "
        "security.protocol=ssl",
    .options = options,
    .run = run};
