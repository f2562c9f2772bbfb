#include "cli/commands.h"

#include <stdio.h>

int command_failed(const struct error *err) {
    fflush(stdout);
    return program_fail("portolan", err);
}

static int usage(const struct command *cmd, const char *complaint, const char *what) {
    struct error err = ERROR_INIT;
    error_set(&err, ERR_USAGE, "%s %s", complaint, what);
    error_hint(&err, "usage: portolan %s", cmd->usage);
    return command_failed(&err);
}

int command_optional(const struct options *opts, const struct command *cmd, const char *what, const char **ret) {
    char **args = NULL;
    size_t n = options_args(opts, &args);
    *ret = n == 1 ? args[0] : NULL;
    return n > 1 ? usage(cmd, "give only one", what) : 0;
}

const char *command_argument(const struct options *opts, const struct command *cmd, const char *what) {
    const char *argument = NULL;
    if (!command_optional(opts, cmd, what, &argument) && !argument) usage(cmd, "give a", what);
    return argument;
}

int command_no_arguments(const struct options *opts, const struct command *cmd) {
    char **args = NULL;
    return options_args(opts, &args) ? usage(cmd, "there is nothing to do with the argument", args[0]) : 0;
}

void command_print_json(const json_t *json) {
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
}
