/* portolan: everything a person runs. */
#include "cli/commands.h"

int main(int argc, char **argv) {
    static const struct command *const commands[] = {
        &command_submit,       &command_try,           &command_status,
        &command_why,          &command_results,       &command_replay,
        &command_matrix,       &command_nodes,         &command_node,
        &command_cancel,       &command_fleet_list,    &command_problem_list,
        &command_problem_show, &command_problem_check, &command_problem_margins,
        &command_serve,        &command_backup,        &command_gc,
        &command_topics,       &command_token_create,  &command_token_list,
        &command_token_revoke, &command_demo,          NULL};
    return program_main("portolan",
                        "Port compute kernels across a fleet of devices, and believe only what was measured.", commands,
                        argc, argv);
}
