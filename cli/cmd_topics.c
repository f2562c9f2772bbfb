/* portolan topics: what must exist in Kafka, whether it does, and creating it. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/topics_rights.h"
#include "common/cleanup.h"
#include "fleet/bus/topics.h"

#define TIMEOUT_MS 10000

static struct bus *connect_bus(const struct options *opts, struct error *err) {
    const char **keys = NULL, **values = NULL;
    size_t properties = options_properties(opts, "kafka", &keys, &values);
    struct bus_config config = {.bootstrap = options_string(opts, "bootstrap"),
                                .prefix = options_string(opts, "prefix"),
                                .keys = keys,
                                .values = values,
                                .property_count = properties};
    struct bus *bus = bus_new(&config, err);
    if (!bus || bus_wait(bus, TIMEOUT_MS, err) == 0) return bus;
    bus_free(bus);
    return NULL;
}

/* All topics, and the mailboxes of the nodes that are named. */
static int create(const struct options *opts, struct bus *bus, struct error *err) {
    const char *const *nodes = NULL;
    size_t n = options_list(opts, "node", &nodes);
    int replication = (int)options_int(opts, "replication");
    if (topics_create(bus, replication, TIMEOUT_MS, err) != 0 || topics_await(bus, TIMEOUT_MS, err) != 0) return -1;
    for (size_t i = 0; i < n; i++)
        if (topic_create_mailbox(bus, nodes[i], replication, TIMEOUT_MS, err) != 0) return -1;
    return 0;
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

static int list(const struct options *opts, struct bus *bus) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE struct topic_status *status = NULL;
    size_t count = 0;
    if (bus && topics_check(bus, TIMEOUT_MS, &status, &count, &err) != 0) return command_failed(&err);
    print(opts, status, count);
    int missing = 0;
    for (size_t i = 0; i < count; i++) missing |= !status[i].exists || *status[i].problem;
    return missing;
}

static int needs_broker(const char *what, struct error *err) {
    error_set(err, ERR_USAGE, "--%s needs --bootstrap HOST:PORT", what);
    return command_failed(err);
}

static int run(const struct options *opts) {
    static const char *const asking[] = {"create", "check", "apply"};
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_bus) struct bus *bus = NULL;
    bool named = options_string(opts, "bootstrap") != NULL, acls = options_flag(opts, "acls");
    if (command_no_arguments(opts, &command_topics)) return 2;
    for (size_t i = 0; !named && i < sizeof asking / sizeof *asking; i++)
        if (options_flag(opts, asking[i])) return needs_broker(asking[i], &err);
    bool connects = named && (!acls || options_flag(opts, "create") || options_flag(opts, "apply"));
    if (connects && !(bus = connect_bus(opts, &err))) return command_failed(&err);
    if (options_flag(opts, "create") && create(opts, bus, &err) != 0) return command_failed(&err);
    if (options_flag(opts, "check")) return topics_preflight(opts, bus);
    if (options_flag(opts, "apply")) return topics_acls(opts, bus);
    return acls ? topics_acls(opts, NULL) : list(opts, bus);
}

static const struct option_spec options[] = {
    {"bootstrap", 'b', OPTION_STRING, "HOST:PORT", "kafka.bootstrap.servers", NULL,
     "Brokers to ask; without it only the table is printed."},
    {"prefix", 0, OPTION_STRING, "TEXT", "prefix", BUS_PREFIX_DEFAULT, "Put in front of every topic's name."},
    {"create", 0, OPTION_FLAG, NULL, NULL, NULL, "Create what is missing."},
    {"replication", 0, OPTION_INT, "N", NULL, "-1", "Replication factor for --create; -1 is the cluster's default."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, "A librdkafka property; may be repeated."},
    {"check", 0, OPTION_FLAG, NULL, NULL, NULL,
     "Try, as the configured principal, every right that its role needs, and name what is missing. Writes nothing."},
    {"acls", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the ACLs that the roles need, as commands of Kafka's."},
    {"apply", 0, OPTION_FLAG, NULL, NULL, NULL, "Create these ACLs; for a principal that may."},
    {"as", 0, OPTION_STRING, "ROLE", NULL, NULL,
     "Of coordinator, agent or consumer only. --check without it is the coordinator's, or with --node the agent's."},
    {"node", 'n', OPTION_LIST, "NAME", NULL, NULL,
     "A node: its mailbox for --create, its agent's rights; may be repeated."},
    {"principal", 0, OPTION_LIST, "PRINCIPAL", NULL, NULL,
     "User:NAME as the broker knows it, or WHO=User:NAME where WHO is coordinator, consumer or a node; may be "
     "repeated."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_topics = {
    .name = "topics",
    .usage = "topics [--bootstrap HOST:PORT] [--create | --check | --acls [--apply]]",
    .summary = "print, check and create the Kafka topics and the rights to them",
    .details =
        "Prints what must exist, with settings and the rights each role needs. With "
        "--bootstrap it checks, and the exit "
        "status is 1 when something is missing or set otherwise.\n\n"
        "Examples:\n  portolan topics --bootstrap broker:9092 --create\n"
        "  portolan topics --acls --node lab-7 --principal lab-7=User:CN=lab-7\n"
        "  portolan topics --check --as agent --node lab-7",
    .options = options,
    .run = run};
