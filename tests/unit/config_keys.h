/* For the tests of both programs' options: test_config_keys.c. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/options_internal.h"

static void expect_known_keys(const struct command *const *commands, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (const struct option_spec *spec = commands[i]->options; spec && spec->name; spec++)
            if (spec->config_key && !config_key_is_known(spec->config_key))
                fail_msg("%s: key %s of --%s is not in common/options_config.c", commands[i]->name, spec->config_key,
                         spec->name);
    for (const struct option_spec *spec = IMPLICIT_OPTIONS; spec->name; spec++)
        assert_true(!spec->config_key || config_key_is_known(spec->config_key));
}
