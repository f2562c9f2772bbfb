/* portolan fleet exec: a command on many hosts. */
#include "cli/commands.h"
#include "cli/fleet_command.h"

static int run(const struct options *opts) {
    char **args = NULL;
    size_t n = options_args(opts, &args);
    if (!n) {
        struct error err = ERROR_INIT;
        error_set(&err, ERR_USAGE, "give a command");
        error_hint(&err, "usage: portolan %s", command_fleet_exec.usage);
        return command_failed(&err);
    }
    CLEANUP(buf_done) struct buf command = BUF_INIT;
    for (size_t i = 0; i < n; i++) buf_printf(&command, "%s%s", i ? " " : "", args[i]);
    return fleet_command(opts, command.data, "running");
}

static const struct option_spec options[] = {
    FLEET_HOST_OPTIONS,
    FLEET_REACH_OPTIONS,
    FLEET_TIMEOUT_OPTION("0s", "Most time for the command on a host; 0s for as long as it takes."),
    FLEET_JSON_OPTION("Print status and output of each host as JSON, at the end."),
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_fleet_exec = {
    .name = "fleet exec",
    .usage = "fleet exec [-i INVENTORY] [--limit PATTERN] -- COMMAND...",
    .summary = "run a command on many hosts at once",
    .details =
        "The words are joined by spaces and go to the account's shell on each host, as with ssh(1); the command has no "
        "terminal and no input. Lines come as they are written, with the host's name in front. Nothing asks for a "
        "password: `sudo -n` fails where one is needed.\n\n" FLEET_STATUS_TEXT
        " A command that ends with another status than 0 counts as failed.\n\nExample:\n  portolan fleet exec --limit "
        "gpus "
        "-- nvidia-smi -L",
    .options = options,
    .run = run};
