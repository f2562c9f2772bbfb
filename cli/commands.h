/* The subcommands of `portolan`, one file each. */
#pragma once
#include "common/error.h"
#include "common/options.h"

extern const struct command command_cancel, command_demo, command_matrix, command_nodes, command_problem, command_results,
    command_serve, command_status, command_submit, command_topics, command_try;

/* Print "portolan: text" (and the hint) to stderr; returns the error's exit status. */
int command_failed(const struct error *err);
/* The one positional argument, or usage error. NULL with a message printed. `what` names it. */
const char *command_argument(const struct options *opts, const char *what);
