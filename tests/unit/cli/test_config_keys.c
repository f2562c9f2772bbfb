/* The configuration's keys: one file serves every command, so each option's key must be known to all. */
#include "unit/config_keys.h"

#include "cli/commands.h"

static void every_option_with_a_key_is_known_to_the_configuration(void **state) {
    (void)state;
    static const struct command *const commands[] = {
        &command_backup,          &command_cancel,       &command_demo,         &command_gc,
        &command_matrix,          &command_node,         &command_nodes,        &command_problem_check,
        &command_problem_margins, &command_problem_list, &command_problem_show, &command_replay,
        &command_results,         &command_serve,        &command_status,       &command_submit,
        &command_fleet_list,      &command_fleet_probe,  &command_fleet_exec,   &command_fleet_logs,
        &command_fleet_push,      &command_topics,       &command_try,          &command_why,
    };
    expect_known_keys(commands, sizeof commands / sizeof *commands);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_option_with_a_key_is_known_to_the_configuration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
