/* Options: order of sources, kinds, refusals with a proposal, configuration files, properties. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/options.h"

DEFINE_CLEANUP(cleanup_options, struct options *, options_free)
#define OPTIONS CLEANUP(cleanup_options) struct options *

static const struct option_spec SPECS[] = {
    {"state-dir", 's', OPTION_STRING, "DIR", "state.dir", "/var/x", "Where the state is kept."},
    {"jobs", 'j', OPTION_INT, "N", "jobs", "4", "Parallel jobs."},
    {"ratio", 0, OPTION_DOUBLE, "R", "ratio", NULL, "A ratio."},
    {"json", 0, OPTION_FLAG, NULL, "json", NULL, "Print JSON."},
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, NULL, "Say more."},
    {"label", 'l', OPTION_LIST, "LABEL", "labels", NULL, "A label."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", "kafka", NULL, "A property of the broker."},
    {0},
};

static int run_nothing(const struct options *o) {
    (void)o;
    return 0;
}

static const struct command COMMAND = {.name = "submit",
                                       .usage = "submit CAMPAIGN.yaml",
                                       .summary = "Submit a campaign.",
                                       .options = SPECS,
                                       .run = run_nothing};

static char root[] = "/tmp/portolan-test-XXXXXX";
static char *config_path;

static int group_setup(void **state) {
    (void)state;
    if (!mkdtemp(root)) return -1;
    config_path = path_join(root, "config.yaml");
    setenv("PORTOLAN_CONFIG_DIR", root, 1);
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    free(config_path);
    return dir_remove(root, NULL);
}

static void write_config(const char *text) {
    struct error err = ERROR_INIT;
    if (file_write_durable(config_path, text, strlen(text), 0600, &err) != 0) fail_msg("%s", err.text);
}

static struct options *parse_array(char **argv, struct error *err) {
    int argc = 0;
    while (argv[argc]) argc++;
    return options_parse(&COMMAND, argc, argv, err);
}

#define ARGV(...) ((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static struct options *parsed(char **argv) {
    struct error err = ERROR_INIT;
    struct options *o = parse_array(argv, &err);
    if (!o) fail_msg("%s", err.text);
    return o;
}

static void refused(char **argv, enum error_code code, const char *text) {
    struct error err = ERROR_INIT;
    struct options *o = parse_array(argv, &err);
    options_free(o);
    assert_null(o);
    if (strcmp(err.text, text) != 0) fail_msg("`%s` is not `%s`", err.text, text);
    assert_int_equal(err.code, code);
}

static void defaults_hold_when_nothing_is_given(void **state) {
    (void)state;
    write_config("");
    OPTIONS o = parsed(ARGV());
    assert_string_equal(options_string(o, "state-dir"), "/var/x");
    assert_int_equal(options_int(o, "jobs"), 4);
    assert_true(options_double(o, "ratio") == 0);
    assert_false(options_flag(o, "json"));
    assert_false(options_given(o, "jobs"));
    const char *const *labels;
    assert_int_equal(options_list(o, "label", &labels), 0);
    assert_null(labels[0]);
    assert_string_equal(options_string(o, "log-level"), "info");
    assert_null(options_string(o, "config"));
}

static void flags_are_taken_in_every_spelling(void **state) {
    (void)state;
    OPTIONS o = parsed(ARGV("-vj8", "--state-dir=/a", "--ratio", "-2.5e1", "--json", "-l", "x", "--label=y", "-lz"));
    assert_true(options_flag(o, "verbose"));
    assert_int_equal(options_int(o, "jobs"), 8);
    assert_string_equal(options_string(o, "state-dir"), "/a");
    assert_true(options_double(o, "ratio") == -25);
    assert_true(options_flag(o, "json"));
    const char *const *labels;
    assert_int_equal(options_list(o, "label", &labels), 3);
    assert_string_equal(labels[0], "x");
    assert_string_equal(labels[2], "z");
    assert_true(options_given(o, "jobs"));
}

static void positional_arguments_are_kept_in_order(void **state) {
    (void)state;
    OPTIONS o = parsed(ARGV("a.yaml", "--json", "-", "--", "--jobs", "-x"));
    char **args;
    assert_int_equal(options_args(o, &args), 4);
    assert_string_equal(args[0], "a.yaml");
    assert_string_equal(args[1], "-");
    assert_string_equal(args[2], "--jobs");
    assert_string_equal(args[3], "-x");
    assert_null(args[4]);
}

static void a_flag_may_be_switched_off(void **state) {
    (void)state;
    write_config("json: true\n");
    OPTIONS on = parsed(ARGV());
    assert_true(options_flag(on, "json"));
    OPTIONS off = parsed(ARGV("--json=false"));
    assert_false(options_flag(off, "json"));
    assert_true(options_given(off, "json"));
    write_config("");
}

static void the_last_of_repeated_single_values_wins(void **state) {
    (void)state;
    OPTIONS o = parsed(ARGV("-j1", "-j2"));
    assert_int_equal(options_int(o, "jobs"), 2);
}

static void an_unknown_option_is_refused_with_the_nearest_one(void **state) {
    (void)state;
    refused(ARGV("--stat-dir", "x"), ERR_USAGE, "unknown option --stat-dir\nhint: did you mean --state-dir?");
    refused(ARGV("--jsn=1"), ERR_USAGE, "unknown option --jsn=1\nhint: did you mean --json?");
    refused(ARGV("--whatever-else"), ERR_USAGE,
            "unknown option --whatever-else\nhint: `submit --help` lists the options");
    refused(ARGV("-vx"), ERR_USAGE, "unknown option -vx\nhint: `submit --help` lists the options");
}

static void values_of_the_wrong_kind_are_refused(void **state) {
    (void)state;
    refused(ARGV("--jobs", "many"), ERR_USAGE, "--jobs must be a whole number, not `many`");
    refused(ARGV("--jobs=99999999999999999999"), ERR_USAGE,
            "--jobs must be a whole number, not `99999999999999999999`");
    refused(ARGV("--ratio=nan"), ERR_USAGE, "--ratio must be a finite number, not `nan`");
    refused(ARGV("--json=maybe"), ERR_USAGE, "--json must be true or false, not `maybe`");
    refused(ARGV("--kafka", "novalue"), ERR_USAGE, "--kafka must be KEY=VALUE, not `novalue`");
}

static void a_missing_value_is_refused(void **state) {
    (void)state;
    refused(ARGV("--jobs"), ERR_USAGE, "--jobs needs a value: --jobs N");
    refused(ARGV("--state-dir", "--json"), ERR_USAGE, "--state-dir needs a value: --state-dir DIR");
    refused(ARGV("-j"), ERR_USAGE, "--jobs needs a value: --jobs N");
}

static void flag_beats_environment_beats_file_beats_default(void **state) {
    (void)state;
    write_config("jobs: 10\nstate: {dir: /file}\nlabels: [f1, f2]\n");
    OPTIONS file = parsed(ARGV());
    assert_int_equal(options_int(file, "jobs"), 10);
    assert_string_equal(options_string(file, "state-dir"), "/file");
    setenv("PORTOLAN_JOBS", "20", 1);
    setenv("PORTOLAN_STATE_DIR", "/env", 1);
    setenv("PORTOLAN_LABEL", "e1,e2,e3", 1);
    OPTIONS env = parsed(ARGV());
    OPTIONS flag = parsed(ARGV("--jobs=30", "--label=only"));
    unsetenv("PORTOLAN_JOBS");
    unsetenv("PORTOLAN_STATE_DIR");
    unsetenv("PORTOLAN_LABEL");
    assert_int_equal(options_int(env, "jobs"), 20);
    assert_string_equal(options_string(env, "state-dir"), "/env");
    const char *const *labels;
    assert_int_equal(options_list(file, "label", &labels), 2);
    assert_string_equal(labels[1], "f2");
    assert_int_equal(options_list(env, "label", &labels), 3);
    assert_string_equal(labels[2], "e3");
    assert_int_equal(options_int(flag, "jobs"), 30);
    assert_string_equal(options_string(flag, "state-dir"), "/env");
    assert_int_equal(options_list(flag, "label", &labels), 1);
    write_config("");
}

static void a_wrong_environment_value_names_the_variable(void **state) {
    (void)state;
    setenv("PORTOLAN_JOBS", "x", 1);
    refused(ARGV(), ERR_USAGE, "PORTOLAN_JOBS must be a whole number, not `x`");
    unsetenv("PORTOLAN_JOBS");
}

static void a_wrong_file_value_names_file_and_line(void **state) {
    (void)state;
    write_config("json: true\njobs: many\n");
    CLEANUP_FREE char *kind = xasprintf("%s:2:7: `jobs` must be a whole number, not `many`", config_path);
    refused(ARGV(), ERR_INVALID, kind);
    write_config("jobs: [1, 2]\n");
    CLEANUP_FREE char *list = xasprintf("%s:1:7: `jobs` must be a single value", config_path);
    refused(ARGV(), ERR_INVALID, list);
    write_config("- a\n");
    CLEANUP_FREE char *root_kind = xasprintf("%s:1:1: a configuration is a mapping (key: value)", config_path);
    refused(ARGV(), ERR_INVALID, root_kind);
    OPTIONS overridden = parsed(ARGV("--config", "/dev/null", "--jobs=1"));
    assert_int_equal(options_int(overridden, "jobs"), 1);
    write_config("");
}

static void a_key_that_nobody_reads_is_refused_with_a_proposal(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    write_config("jobs: 1\nlaese_ms: 5\n");
    CLEANUP_FREE char *slip = xasprintf("%s:2:1: `laese_ms` is no key of the configuration", config_path);
    assert_null(parse_array(ARGV(), &err));
    assert_non_null(strstr(err.text, slip));
    assert_non_null(strstr(err.text, "\nhint: did you mean `lease_ms`?"));
    write_config("api: {prot: 1}\n");
    CLEANUP_FREE char *nested =
        xasprintf("%s:1:7: `api.prot` is no key of the configuration\nhint: did you mean `api.port`?", config_path);
    refused(ARGV(), ERR_INVALID, nested);
    write_config("api: 7\n");
    CLEANUP_FREE char *scalar = xasprintf("%s:1:6: `api` must be a mapping (key: value)", config_path);
    refused(ARGV(), ERR_INVALID, scalar);
    write_config("api: ~\nkafka: {anything: {that: librdkafka}}\nnode: another command's\n");
    OPTIONS o = parsed(ARGV());
    assert_non_null(o);
    write_config("");
}

static void a_configuration_that_was_asked_for_must_exist(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    assert_null(parse_array(ARGV("--config=/nonexistent.yaml"), &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent.yaml"));
}

static void help_is_given_whatever_else_is_wrong(void **state) {
    (void)state;
    write_config("jobs: many\n");
    OPTIONS o = parsed(ARGV("-h"));
    assert_true(options_flag(o, "help"));
    write_config("");
}

static const char *property(const struct options *o, const char *key) {
    const char **keys, **values;
    size_t n = options_properties(o, "kafka", &keys, &values);
    for (size_t i = 0; i < n; i++)
        if (strcmp(keys[i], key) == 0) return values[i];
    return NULL;
}

static void properties_come_from_the_mapping_and_from_flags(void **state) {
    (void)state;
    write_config("kafka:\n  bootstrap.servers: [a:1, b:2]\n  security: {protocol: ssl}\n  acks: 1\n  unset: ~\n");
    OPTIONS o = parsed(ARGV("--kafka", "acks=all", "--kafka=x=y=z"));
    assert_string_equal(property(o, "bootstrap.servers"), "a:1,b:2");
    assert_string_equal(property(o, "security.protocol"), "ssl");
    assert_string_equal(property(o, "acks"), "all");
    assert_string_equal(property(o, "x"), "y=z");
    assert_null(property(o, "unset"));
    const char **keys, **values;
    assert_int_equal(options_properties(o, "nothing", &keys, &values), 0);
    write_config("");
}

static void a_key_of_the_file_may_hold_dots_itself(void **state) {
    (void)state;
    static const struct option_spec table[] = {
        {"bootstrap", 0, OPTION_STRING, "HOST:PORT", "kafka.bootstrap.servers", NULL, "Brokers."}, {0}};
    static const struct command command = {.name = "x", .options = table};
    static const char *const spellings[] = {"kafka:\n  bootstrap.servers: a:1,b:2\n",
                                            "kafka:\n  bootstrap.servers: [a:1, b:2]\n",
                                            "kafka:\n  bootstrap: {servers: 'a:1,b:2'}\n"};
    for (size_t i = 0; i < 3; i++) {
        struct error err = ERROR_INIT;
        write_config(spellings[i]);
        struct options *o = options_parse(&command, 0, (char *[]){NULL}, &err);
        if (!o) fail_msg("%s", err.text);
        assert_string_equal(options_string(o, "bootstrap"), "a:1,b:2");
        options_free(o);
    }
    write_config("");
}

static void a_secret_on_the_command_line_is_refused_without_showing_it(void **state) {
    (void)state;
    static const struct option_spec table[] = {{"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, "A property."}, {0}};
    static const struct command command = {.name = "x", .options = table};
    struct error err = ERROR_INIT;
    assert_null(options_parse(&command, 2, (char *[]){"--kafka", "sasl.password=hunter2hunter2", NULL}, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "sasl.password.file=PATH"));
    assert_null(strstr(err.text, "hunter2"));
    setenv("PORTOLAN_KAFKA", "acks=all,ssl.key.password=hunter2", 1);
    assert_null(options_parse(&command, 0, (char *[]){NULL}, &err));
    unsetenv("PORTOLAN_KAFKA");
    assert_non_null(strstr(err.text, "environment"));
    struct options *o = options_parse(&command, 2, (char *[]){"--kafka", "sasl.password.file=/x", NULL}, &err);
    assert_non_null(o);
    options_free(o);
}

static void a_property_from_the_environment_may_hold_commas(void **state) {
    (void)state;
    setenv("PORTOLAN_KAFKA", "bootstrap.servers=a:1,b:2,acks=all", 1);
    OPTIONS o = parsed(ARGV());
    unsetenv("PORTOLAN_KAFKA");
    assert_string_equal(property(o, "bootstrap.servers"), "a:1,b:2");
    assert_string_equal(property(o, "acks"), "all");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_when_nothing_is_given),
        cmocka_unit_test(a_key_of_the_file_may_hold_dots_itself),
        cmocka_unit_test(a_secret_on_the_command_line_is_refused_without_showing_it),
        cmocka_unit_test(flags_are_taken_in_every_spelling),
        cmocka_unit_test(positional_arguments_are_kept_in_order),
        cmocka_unit_test(a_flag_may_be_switched_off),
        cmocka_unit_test(the_last_of_repeated_single_values_wins),
        cmocka_unit_test(an_unknown_option_is_refused_with_the_nearest_one),
        cmocka_unit_test(values_of_the_wrong_kind_are_refused),
        cmocka_unit_test(a_missing_value_is_refused),
        cmocka_unit_test(flag_beats_environment_beats_file_beats_default),
        cmocka_unit_test(a_wrong_environment_value_names_the_variable),
        cmocka_unit_test(a_wrong_file_value_names_file_and_line),
        cmocka_unit_test(a_key_that_nobody_reads_is_refused_with_a_proposal),
        cmocka_unit_test(a_configuration_that_was_asked_for_must_exist),
        cmocka_unit_test(help_is_given_whatever_else_is_wrong),
        cmocka_unit_test(properties_come_from_the_mapping_and_from_flags),
        cmocka_unit_test(a_property_from_the_environment_may_hold_commas),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
