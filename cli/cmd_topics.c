/* portolan topics: what must exist in Kafka, whether it does, and creating it. */
#include "cli/client.h"
#include "cli/commands.h"
#include "common/cleanup.h"
#include "fleet/bus/topics.h"

#define TIMEOUT_MS 10000

/* Connects, creates where asked, and looks. *ret_status (caller frees) has *ret_count rows. */
static int ask_broker(const struct options *opts, struct topic_status **ret_status, size_t *ret_count,
                      struct error *err) {
    const char **keys = NULL, **values = NULL;
    size_t properties = options_properties(opts, "kafka", &keys, &values);
    struct bus_config config = {.bootstrap = options_string(opts, "bootstrap"),
                                .prefix = options_string(opts, "prefix"),
                                .keys = keys,
                                .values = values,
                                .property_count = properties};
    CLEANUP(cleanup_bus) struct bus *bus = bus_new(&config, err);
    if (!bus || bus_wait(bus, TIMEOUT_MS, err)) return -1;
    if (options_flag(opts, "create") && topics_create(bus, (int)options_int(opts, "replication"), TIMEOUT_MS, err))
        return -1;
    return topics_check(bus, TIMEOUT_MS, ret_status, ret_count, err);
}

static void print(const struct options *opts, const struct topic_status *status, size_t count) {
    const char *prefix = options_string(opts, "prefix");
    if (!options_flag(opts, "json")) {
        topics_print(prefix, status, count, stdout);
        return;
    }
    CLEANUP_JSON json_t *json = topics_json(prefix, status, count);
    command_print_json(json);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE struct topic_status *status = NULL;
    size_t count = 0;
    if (command_no_arguments(opts, &command_topics)) return 2;
    if (options_flag(opts, "create") && !options_given(opts, "bootstrap")) {
        error_set(&err, ERR_USAGE, "--create needs --bootstrap HOST:PORT");
        return command_failed(&err);
    }
    if (options_given(opts, "bootstrap") && ask_broker(opts, &status, &count, &err)) return command_failed(&err);
    print(opts, status, count);
    int missing = 0;
    for (size_t i = 0; i < count; i++) missing |= !status[i].exists || *status[i].problem;
    return missing;
}

static const struct option_spec options[] = {
    {"bootstrap", 'b', OPTION_STRING, "HOST:PORT", "kafka.bootstrap.servers", NULL,
     "Brokers to ask; without it only the table is printed."},
    {"prefix", 0, OPTION_STRING, "TEXT", "prefix", BUS_PREFIX_DEFAULT, "Put in front of every topic's name."},
    {"create", 0, OPTION_FLAG, NULL, NULL, NULL, "Create what is missing."},
    {"replication", 0, OPTION_INT, "N", NULL, "-1", "Replication factor for --create; -1 is the cluster's default."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, "A librdkafka property; may be repeated."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_topics = {.name = "topics",
                                       .usage = "topics [--bootstrap HOST:PORT] [--create]",
                                       .summary = "print, check and create the Kafka topics",
                                       .details =
                                           "Prints what must exist, with settings and the rights each role needs. With "
                                           "--bootstrap it checks, and the exit "
                                           "status is 1 when something is missing or set otherwise.\n\n"
                                           "Example:\n  portolan topics --bootstrap broker:9092 --create",
                                       .options = options,
                                       .run = run};
