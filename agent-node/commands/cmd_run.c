/* portolan-agent run: the node daemon. */
#include <stdio.h>
#include <string.h>

#include "agent-node/commands/commands.h"
#include "agent-node/daemon/daemon.h"
#include "common/log.h"

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char **keys = NULL, **values = NULL;
    const char *const *drivers = NULL, *const *labels = NULL;
    struct daemon_config config = {.node = options_string(opts, "node"),
                                   .bootstrap = options_string(opts, "bootstrap"),
                                   .prefix = options_string(opts, "prefix"),
                                   .sandbox = true};
    config.property_count = options_properties(opts, "kafka", &keys, &values);
    config.keys = keys;
    config.values = values;
    config.driver_count = options_list(opts, "driver", &drivers);
    config.drivers = drivers;
    const char *busy = options_string(opts, "busy");
    config.notes_load = strcmp(busy, "note") == 0;
    if (!config.notes_load && strcmp(busy, "policy") != 0 && strcmp(busy, "refuse") != 0) {
        error_set(&err, ERR_USAGE, "--busy is policy or note, not %s", busy);
        return program_fail("portolan-agent", &err);
    }
    config.label_count = options_list(opts, "label", &labels);
    config.labels = labels;
    if (!daemon_run(&config, &err)) return 0;
    log_error("%s", err.text);
    return error_exit_status(err.code);
}

static const struct option_spec options[] = {
    {"node", 'n', OPTION_STRING, "NAME", "node", NULL,
     "Name of this node, [a-z0-9-]; the host's name when not given. Two agents need two names."},
    {"bootstrap", 'b', OPTION_STRING, "HOST:PORT", "kafka.bootstrap.servers", NULL,
     "Kafka brokers. Without it the broker of the coordinator that runs on this machine, as soon as there is one."},
    {"prefix", 0, OPTION_STRING, "TEXT", "prefix", NULL, "Put in front of every topic's name."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, "A librdkafka property; may be repeated."},
    {"driver", 'd', OPTION_LIST, "NAME", "drivers", NULL,
     "Only devices whose id or .icd contains NAME; may be repeated."},
    {"label", 'l', OPTION_LIST, "LABEL", "labels", NULL, "A label that campaigns can select by; may be repeated."},
    {"busy", 0, OPTION_STRING, "WHAT", "busy", "policy",
     "When others use this machine: `policy` gives a task back until it is quiet, as the task's policy says; `note` "
     "keeps the times and tells the load, for a machine that is always shared."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_run = {.name = "run",
                                    .usage = "run [--node NAME] [--bootstrap HOST:PORT]",
                                    .summary = "serve this machine's devices to the fleet",
                                    .details =
                                        "Finds the devices, measures them once per driver, registers the node and "
                                        "works off what the coordinator sends, until SIGTERM. Running "
                                        "work is handed back when it stops.\n\nExample:\n  portolan-agent run --node "
                                        "lab-7 --bootstrap broker:9092 --label quiet",
                                    .options = options,
                                    .run = run};
