/* portolan topics: what must exist in Kafka, whether it does, and creating it. */
#include "cli/client.h"
#include "cli/commands.h"
#include "fleet/bus/topics.h"

#define TIMEOUT_MS 10000

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *bootstrap = options_string(opts, "bootstrap"), *prefix = options_string(opts, "prefix");
    const char **keys = NULL, **values = NULL;
    size_t properties = options_properties(opts, "kafka", &keys, &values);
    CLEANUP(cleanup_bus) struct bus *bus = NULL;
    struct topic_status *status = NULL;
    size_t count = 0;
    if (bootstrap) {
        struct bus_config config = {.bootstrap = bootstrap, .prefix = prefix, .keys = keys, .values = values, .property_count = properties};
        bus = bus_new(&config, &err);
        if (!bus || bus_wait(bus, TIMEOUT_MS, &err)) return command_failed(&err);
        if (options_flag(opts, "create") && topics_create(bus, (int)options_int(opts, "replication"), TIMEOUT_MS, &err)) return command_failed(&err);
        if (topics_check(bus, TIMEOUT_MS, &status, &count, &err)) return command_failed(&err);
    } else if (options_flag(opts, "create")) {
        error_set(&err, ERR_USAGE, "--create needs --bootstrap HOST:PORT");
        return command_failed(&err);
    }
    if (options_flag(opts, "json")) {
        CLEANUP_JSON json_t *json = topics_json(prefix, status, count);
        json_dumpf(json, stdout, JSON_INDENT(2)), putchar('\n');
    } else {
        topics_print(prefix, status, count, stdout);
    }
    int missing = 0;
    for (size_t i = 0; i < count; i++) missing |= !status[i].exists || *status[i].problem;
    free(status);
    return missing ? 1 : 0;
}

static const struct option_spec options[] = {
    {"bootstrap", 'b', OPTION_STRING, "HOST:PORT", "kafka.bootstrap.servers", NULL, "Brokers to ask; without it only the table is printed."},
    {"prefix", 0, OPTION_STRING, "TEXT", "prefix", BUS_PREFIX_DEFAULT, "Put in front of every topic's name."},
    {"create", 0, OPTION_FLAG, NULL, NULL, NULL, "Create what is missing."},
    {"replication", 0, OPTION_INT, "N", NULL, "-1", "Replication factor for --create; -1 is the cluster's default."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, "A librdkafka property; may be repeated."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_topics = {
    .name = "topics", .usage = "topics [--bootstrap HOST:PORT] [--create]", .summary = "print, check and create the Kafka topics",
    .details = "Prints what must exist, with settings and the rights each role needs. With --bootstrap it checks, and the exit status is 1 when "
               "something is missing.\n\nExample:\n  portolan topics --bootstrap broker:9092 --create",
    .options = options, .run = run};
