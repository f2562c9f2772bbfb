#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "common/table.h"

int command_failed(const struct error *err) {
    fprintf(stderr, "%sportolan:%s %s\n", colour_on(stderr, COLOUR_RED), colour_off(stderr), err->text);
    return error_exit_status(err->code);
}

const char *command_argument(const struct options *opts, const char *what) {
    char **args = NULL;
    size_t n = options_args(opts, &args);
    if (n == 1) return args[0];
    fprintf(stderr, "portolan: %s %s\nhint: --help shows how this command is used\n", n ? "give only one" : "give a", what);
    return NULL;
}
