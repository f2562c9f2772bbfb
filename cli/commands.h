/* The subcommands of `portolan`, one file each. */
#pragma once
#include <jansson.h>

#include "common/error.h"
#include "common/options.h"

extern const struct command command_backup, command_cancel, command_demo, command_doctor, command_fleet_exec,
    command_fleet_list, command_fleet_logs, command_fleet_probe, command_fleet_push, command_gc, command_matrix,
    command_node, command_nodes, command_problem_check, command_problem_list, command_problem_margins,
    command_problem_show, command_replay, command_results, command_serve, command_status, command_submit,
    command_sweep_ack, command_sweep_add, command_sweep_findings, command_sweep_history, command_sweep_list,
    command_sweep_mute, command_sweep_pause, command_sweep_remove, command_sweep_resume, command_sweep_run,
    command_sweep_show, command_token_create, command_token_list, command_token_revoke, command_topics, command_try,
    command_why;

/* Print "portolan: text" (and the hint) to stderr; returns the error's exit status. */
int command_failed(const struct error *err);
/* The one positional argument; NULL with a message that shows the command's usage, exit status 2. `what` names it. */
const char *command_argument(const struct options *opts, const struct command *cmd, const char *what);
/* The same for a command whose argument may be left out: 0 with *ret NULL then, 2 with the message for more than one.
 */
int command_optional(const struct options *opts, const struct command *cmd, const char *what, const char **ret);
/* 2 with the message when there are positional arguments, else 0. */
int command_no_arguments(const struct options *opts, const struct command *cmd);
/* Indented, with a line feed, to stdout. */
void command_print_json(const json_t *json);
