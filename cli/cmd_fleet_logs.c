/* portolan fleet logs: the journals of many hosts, side by side. */
#include "cli/commands.h"
#include "cli/fleet_command.h"
#include "common/shell.h"

static int make_command(const struct options *opts, struct buf *b, struct error *err) {
    long long lines = options_int(opts, "lines");
    const char *since = options_string(opts, "since");
    if (lines < 0 || lines > 1000000)
        return error_set(err, ERR_USAGE, "--lines is %lld; it must lie between 0 and 1000000", lines);
    if (options_flag(opts, "follow") && options_flag(opts, "json")) {
        error_set(err, ERR_USAGE, "--follow never ends, and --json is printed at the end");
        return error_hint(err, "leave one of them out");
    }
    buf_puts(b,
             "command -v journalctl >/dev/null || { echo 'no journalctl here: this host has no systemd' >&2; exit 1; "
             "}; exec journalctl --no-pager --output=short-iso --unit=");
    shell_quote(b, options_string(opts, "unit"));
    buf_printf(b, " --lines=%lld", lines);
    if (since) buf_puts(b, " --since=");
    if (since) shell_quote(b, since);
    if (options_flag(opts, "follow")) buf_puts(b, " --follow");
    return 0;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf command = BUF_INIT;
    if (command_no_arguments(opts, &command_fleet_logs)) return 2;
    if (make_command(opts, &command, &err) != 0) return command_failed(&err);
    return fleet_command(opts, command.data, options_flag(opts, "follow") ? NULL : "reading");
}

static const struct option_spec options[] = {
    FLEET_HOST_OPTIONS,
    {"follow", 'f', OPTION_FLAG, NULL, NULL, NULL, "Go on with what is logged from now on, until interrupted."},
    {"lines", 'n', OPTION_INT, "N", NULL, "20", "How many of the latest lines of each host."},
    {"since", 0, OPTION_STRING, "TIME", NULL, NULL,
     "Only lines from then on, as journalctl reads times: `1 hour ago`."},
    {"unit", 'u', OPTION_STRING, "UNIT", NULL, "portolan-agent", "The systemd unit."},
    FLEET_REACH_OPTIONS,
    FLEET_TIMEOUT_OPTION("0s", "Most time for a host; 0s for as long as it takes."),
    FLEET_JSON_OPTION("Print each host's lines as JSON."),
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_fleet_logs = {
    .name = "fleet logs",
    .usage = "fleet logs [-i INVENTORY] [--limit PATTERN] [--follow]",
    .summary = "read or follow the agents' logs of many hosts",
    .details =
        "Reads journald on each host, by default the unit portolan-agent, and prints each line with the host's name in "
        "front. The account must be allowed to read the journal (root, or a member of systemd-journal or adm). With "
        "--follow at most --parallel hosts are followed.\n\n" FLEET_STATUS_TEXT
        "\n\nExample:\n  portolan fleet logs --limit gpus --follow",
    .options = options,
    .run = run};
