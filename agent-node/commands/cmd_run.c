/* portolan-agent run: the node daemon. */
#include <stdio.h>
#include <string.h>

#include "agent-node/commands/commands.h"
#include "agent-node/daemon/daemon.h"
#include "common/log.h"
#include "problems/campaign/units.h"

/* Milliseconds of an option; 0 where it is not given. */
static int duration(const struct options *opts, const char *name, int64_t *ret_ms, struct error *err) {
    const char *text = options_string(opts, name), *why = "";
    *ret_ms = 0;
    if (!text || !units_duration(text, ret_ms, &why)) return 0;
    return error_set(err, ERR_USAGE, "--%s %s: %s", name, text, why);
}

static int read_times(const struct options *opts, struct daemon_config *config, struct error *err) {
    int64_t idle_ms = 0;
    const char *spool = options_string(opts, "spool"), *why = "";
    if (duration(opts, "for", &config->for_ms, err) || duration(opts, "idle-after", &idle_ms, err) ||
        duration(opts, "health-every", &config->health_every_ms, err))
        return -1;
    if (options_flag(opts, "exit-when-idle")) config->idle_ms = idle_ms > 0 ? idle_ms : 1;
    if (spool && units_bytes(spool, &config->spool_bytes, &why))
        return error_set(err, ERR_USAGE, "--spool %s: %s", spool, why);
    return 0;
}

static int check_purposes(const struct daemon_config *config, struct error *err) {
    static const char *const purposes[] = {"try", "campaign", "sweep", "promotion", NULL};
    for (size_t i = 0; i < config->refuse_count; i++) {
        size_t k = 0;
        while (purposes[k] && strcmp(purposes[k], config->refuse[i]) != 0) k++;
        if (!purposes[k])
            return error_set(err, ERR_USAGE, "--refuse is try, campaign, sweep or promotion, not %.60s",
                             config->refuse[i]);
    }
    return 0;
}

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
    if (read_times(opts, &config, &err)) return program_fail("portolan-agent", &err);
    config.label_count = options_list(opts, "label", &labels);
    config.labels = labels;
    config.only_count = options_list(opts, "only", &config.only);
    config.refuse_count = options_list(opts, "refuse", &config.refuse);
    if (check_purposes(&config, &err)) return program_fail("portolan-agent", &err);
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
    {"only", 0, OPTION_LIST, "LABEL", "only", NULL,
     "Work only for campaigns that select devices by this label; may be repeated."},
    {"refuse", 0, OPTION_LIST, "PURPOSE", "refuse", NULL,
     "No work for a `try`, `campaign`, `sweep` or `promotion`; may be repeated."},
    {"busy", 0, OPTION_STRING, "WHAT", "busy", "policy",
     "When others use this machine: `policy` gives a task back until it is quiet, as the task's policy says; `note` "
     "keeps the times and tells the load, for a machine that is always shared."},
    {"for", 0, OPTION_STRING, "TIME", NULL, NULL,
     "End by itself after TIME (90s, 30m, 4h), as the job of a batch system must: some time before it no new work is "
     "taken, what runs may finish, what cannot is handed back."},
    {"exit-when-idle", 0, OPTION_FLAG, NULL, NULL, NULL,
     "End by itself when nothing is held and nothing came for a while."},
    {"idle-after", 0, OPTION_STRING, "TIME", NULL, "60s", "How long that while is."},
    {"health-every", 0, OPTION_STRING, "TIME", "health.every", "10m",
     "How often an idle device has its known-answer check; 0s for never. It always has one at the start, after a crash "
     "or a hang, and when the coordinator asks."},
    {"spool", 0, OPTION_STRING, "BYTES", "spool", "256 MiB",
     "Most that results may take on disk while the broker is away; a full spool takes no new work."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_run = {
    .name = "run",
    .usage = "run [--node NAME] [--bootstrap HOST:PORT]",
    .summary = "serve this machine's devices to the fleet",
    .details =
        "Finds the devices, measures them once per driver, registers the node and "
        "works off what the coordinator sends, until SIGTERM or its own end. Running "
        "work is handed back when it stops; results that could not be sent wait on disk "
        "for its next start.\n\nExample:\n  portolan-agent run --node "
        "lab-7 --bootstrap broker:9092 --label quiet",
    .options = options,
    .run = run};
