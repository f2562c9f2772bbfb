/* The configuration's keys: one file serves every command, so each option's key must be known to all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "common/options_internal.h"

static void every_option_with_a_key_is_known_to_the_configuration(void **state) {
    static const struct command *const commands[] = {
        &command_cancel,       &command_demo,    &command_matrix, &command_nodes,  &command_problem_list,
        &command_problem_show, &command_results, &command_serve,  &command_status, &command_submit,
        &command_topics,       &command_try,     &command_why,
    };
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        for (const struct option_spec *spec = commands[i]->options; spec && spec->name; spec++)
            if (spec->config_key && !config_key_is_known(spec->config_key))
                fail_msg("%s: key %s of --%s is not in common/options_config.c", commands[i]->name, spec->config_key,
                         spec->name);
    for (const struct option_spec *spec = IMPLICIT_OPTIONS; spec->name; spec++)
        assert_true(!spec->config_key || config_key_is_known(spec->config_key));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_option_with_a_key_is_known_to_the_configuration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
