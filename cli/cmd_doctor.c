/* portolan doctor: what is missing, and the command that mends it. */
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/doctor/doctor.h"
#include "cli/fleet_hosts.h"
#include "common/table.h"
#include "fleet/bus/bus.h"

static const char *const areas[] = {AREA_MACHINE, AREA_BROKER, AREA_FLEET};

static int check_areas(const struct options *opts, struct error *err) {
    const char *const *only = NULL;
    size_t n = options_list(opts, "only", &only);
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof areas / sizeof *areas; k++) known |= strcmp(only[i], areas[k]) == 0;
        if (!known) return error_set(err, ERR_USAGE, "--only is machine, broker or fleet, not %.40s", only[i]);
    }
    return 0;
}

static bool wanted(const struct options *opts, const char *area) {
    const char *const *only = NULL;
    size_t n = options_list(opts, "only", &only);
    for (size_t i = 0; i < n; i++)
        if (strcmp(only[i], area) == 0) return true;
    return n == 0;
}

static void show_progress(struct progress *p, double done, const char *label) {
    if (p) progress_update(p, done, 4, label);
}

static void examine(const struct options *opts, struct findings *f, struct progress *p) {
    struct findings unseen = {0};
    bool machine = wanted(opts, AREA_MACHINE);
    struct options *agent = examine_config(machine ? f : &unseen, opts);
    findings_done(&unseen);
    show_progress(p, 0, "this machine");
    if (machine) examine_machine(f);
    show_progress(p, 1, "devices, which loads each driver once");
    if (machine) examine_devices(f);
    show_progress(p, 2, "the broker");
    if (wanted(opts, AREA_BROKER)) examine_broker(f, opts, agent);
    show_progress(p, 3, "the fleet");
    if (wanted(opts, AREA_FLEET)) examine_fleet(f, opts);
    options_free(agent);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    struct findings f = {0};
    if (command_no_arguments(opts, &command_doctor)) return 2;
    if (check_areas(opts, &err) != 0) return command_failed(&err);
    struct progress *p = isatty(STDERR_FILENO) ? progress_new(stderr, "doctor") : NULL;
    examine(opts, &f, p);
    if (p) progress_clear(p);
    progress_free(p);
    if (options_flag(opts, "json")) {
        CLEANUP_JSON json_t *json = findings_json(&f);
        command_print_json(json);
    } else {
        findings_print(&f, stdout);
    }
    int status = findings_exit_status(&f);
    findings_done(&f);
    return status;
}

static const struct option_spec options[] = {
    {"only", 0, OPTION_LIST, "AREA", NULL, NULL, "Look at machine, broker or fleet only; may be repeated."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the findings as JSON."},
    {"bootstrap", 'b', OPTION_STRING, "HOST:PORT", "kafka.bootstrap.servers", NULL,
     "Kafka brokers; those of the configuration, of agent.yaml, or of the coordinator on this machine when not given."},
    {"prefix", 0, OPTION_STRING, "TEXT", "prefix", BUS_PREFIX_DEFAULT, "Put in front of every topic's name."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, "A librdkafka property; may be repeated."},
    {"node", 'n', OPTION_STRING, "NAME", "node", NULL, "The node whose agent's rights are looked at; the host's name."},
    {"fleet", 0, OPTION_STRING, "FILE", "fleet", NULL, "Fleet file with rules for target names."},
    FLEET_HOST_OPTIONS,
    {"no-probe", 0, OPTION_FLAG, NULL, NULL, NULL, "Do not contact the inventory's hosts by SSH."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_doctor = {
    .name = "doctor",
    .usage = "doctor [--only AREA] [--json]",
    .summary = "say what is missing on this machine, at the broker and on the fleet, and what mends it",
    .details =
        "Each finding is `ok`, a `warning`, `missing`, or `skipped` where it could not be looked at; below it stands "
        "the "
        "command that mends it. Nothing is changed.\n\n"
        "On this machine: configuration files, room on disk, clock, limits, services, drivers, device files, sandbox. "
        "At "
        "the broker: reachability, topics and their settings, the rights of coordinator or agent. On the fleet: the "
        "coordinator, nodes that are absent or held back, versions, quarantines, hosts of the inventory without a "
        "node.\n\n"
        "The exit status is 0 when nothing is wrong, 20 with warnings, 21 when something is missing.\n\n"
        "Example:\n  portolan doctor --only machine",
    .options = options,
    .run = run,
    .keeps_config_error = true};
