/* The configuration's keys: one file serves every command, so each option's key must be known to all. */
#include "unit/config_keys.h"

#include "agent-node/commands/commands.h"

static void every_option_with_a_key_is_known_to_the_configuration(void **state) {
    (void)state;
    static const struct command *const commands[] = {&command_bench, &command_check,  &command_devices,
                                                     &command_gc,    &command_replay, &command_run};
    expect_known_keys(commands, sizeof commands / sizeof *commands);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_option_with_a_key_is_known_to_the_configuration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
