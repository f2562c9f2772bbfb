/* Dispatch, help, manual pages and completion, as a user sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/options.h"
#include "common/process.h"

static long long jobs_seen;
static char arg_seen[32];

static int run_submit(const struct options *o) {
    char **args;
    jobs_seen = options_int(o, "jobs");
    if (options_args(o, &args) > 0) snprintf(arg_seen, sizeof arg_seen, "%s", args[0]);
    return 7;
}

static int run_list(const struct options *o) {
    (void)o;
    return 8;
}

static const struct option_spec SUBMIT_OPTIONS[] = {
    {"jobs", 'j', OPTION_INT, "N", "jobs", "4", "Parallel jobs; don't use more than the machine has."},
    {"hush", 'h', OPTION_FLAG, NULL, NULL, NULL, "Takes the letter of --help."},
    {"label", 0, OPTION_LIST, "LABEL", NULL, NULL, "A label [with brackets]: any."},
    {0},
};
static const struct command SUBMIT = {
    .name = "submit",
    .usage = "submit CAMPAIGN.yaml [options]",
    .summary = "Submit a campaign.",
    .details = "Plans its tasks.\n\n    portolan submit x.yaml\n\n.dots and 'quotes' and \\ stay.",
    .options = SUBMIT_OPTIONS,
    .run = run_submit};
static const struct command LIST = {
    .name = "problem list", .usage = "problem list", .summary = "List the problems.", .run = run_list};
static const struct command SHOW = {
    .name = "problem show", .usage = "problem show NAME", .summary = "Show one.", .run = run_list};
static const struct command *const COMMANDS[] = {&SUBMIT, &LIST, &SHOW, NULL};

static char *text_of(void (*print)(FILE *out)) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    print(out);
    fclose(out);
    return text;
}

static int saved[2];
static FILE *captured;

static void begin(void) {
    captured = tmpfile();
    fflush(stdout);
    for (int fd = 1; fd <= 2; fd++) {
        saved[fd - 1] = dup(fd);
        dup2(fileno(captured), fd);
    }
}

static char output[65536];

static void end(void) {
    fflush(stdout);
    for (int fd = 1; fd <= 2; fd++) {
        dup2(saved[fd - 1], fd);
        close(saved[fd - 1]);
    }
    rewind(captured);
    output[fread(output, 1, sizeof output - 1, captured)] = 0;
    fclose(captured);
}

#define RUN(...) run_program((char *[]){"portolan", __VA_ARGS__, NULL})
static int run_program(char **argv) {
    int argc = 0;
    while (argv[argc]) argc++;
    begin();
    int status = program_main("portolan", "Ports kernels.", COMMANDS, argc, argv);
    end();
    return status;
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("`%s` lacks `%s`", text, part);
}

static int group_setup(void **state) {
    (void)state;
    setenv("PORTOLAN_CONFIG_DIR", "/nonexistent", 1);
    return 0;
}

static void a_command_runs_with_its_options_and_gives_its_status(void **state) {
    (void)state;
    assert_int_equal(RUN("submit", "c.yaml", "-j", "9"), 7);
    assert_int_equal(jobs_seen, 9);
    assert_string_equal(arg_seen, "c.yaml");
    assert_int_equal(RUN("problem", "list"), 8);
}

static void an_error_is_printed_once_with_the_programs_name(void **state) {
    (void)state;
    assert_int_equal(RUN("submit", "--job=3"), 2);
    assert_string_equal(output, "portolan: unknown option --job=3\nhint: did you mean --jobs?\n");
}

static void an_unknown_command_is_refused_with_the_nearest(void **state) {
    (void)state;
    assert_int_equal(RUN("sumbit"), 2);
    assert_string_equal(output, "portolan: unknown command sumbit\nhint: did you mean `portolan submit`?\n");
    assert_int_equal(RUN("xyzzy"), 2);
    has(output, "`portolan --help` lists the commands");
    assert_int_equal(RUN("problem"), 2);
    has(output, "after problem may follow: list, show");
    assert_int_equal(RUN("problem", "lst"), 2);
    has(output, "unknown command problem lst");
}

static void an_unknown_log_level_is_refused(void **state) {
    (void)state;
    assert_int_equal(RUN("submit", "--log-level", "loud"), 2);
    has(output, "--log-level must be debug, info, warn or error");
}

static void the_version_is_printed(void **state) {
    (void)state;
    assert_int_equal(RUN("--version"), 0);
    has(output, "portolan ");
}

static void help_lists_commands_and_options(void **state) {
    (void)state;
    assert_int_equal(RUN("--help"), 0);
    has(output, "  problem list        List the problems.\n");
    assert_int_equal(RUN("submit", "--help"), 0);
    has(output, "Usage: portolan submit CAMPAIGN.yaml [options]");
    has(output, "  -j, --jobs N              Parallel jobs;");
    has(output, "has. Default: `4`.\n                            Configuration: jobs.\n");
    has(output, "      --help                Show this help.");
    has(output, "  -h, --hush");
    assert_null(strchr(output, '\x1b'));
    assert_int_equal(RUN("help", "problem", "show"), 0);
    has(output, "Usage: portolan problem show NAME");
    assert_int_equal(RUN("help", "nothing"), 2);
}

static void no_command_prints_the_help_and_fails_as_usage(void **state) {
    (void)state;
    begin();
    int status = program_main("portolan", "Ports kernels.", COMMANDS, 1, (char *[]){"portolan", NULL});
    end();
    assert_int_equal(status, 2);
    has(output, "Commands:");
}

static void manual_pages_escape_what_troff_would_interpret(void **state) {
    (void)state;
    assert_int_equal(RUN("man", "submit"), 0);
    has(output, ".TH \"PORTOLAN-SUBMIT\" 1");
    has(output, "portolan\\-submit \\- Submit a campaign.\n");
    has(output, ".B \\-j, \\-\\-jobs N\n");
    has(output, "\\&.dots and 'quotes' and \\e stay.\n");
    has(output, ".nf\n    portolan submit x.yaml\n");
    assert_int_equal(RUN("man"), 0);
    has(output, ".TH \"PORTOLAN\" 1");
    has(output, ".SH EXIT STATUS\n");
    has(output, ".B 2\nthe command line or request is not understood\n");
}

/* Gives `script` to a shell on its standard input; returns its exit status. */
static int shell(const char *name, const char *script, char *out, size_t out_size) {
    struct error err = ERROR_INIT;
    FILE *in = tmpfile(), *result = tmpfile();
    fputs(script, in);
    rewind(in);
    const char *const argv[] = {name, NULL}, *const envp[] = {"PATH=/usr/bin:/bin", NULL};
    const struct process_fd fds[] = {{fileno(in), 0}, {fileno(result), 1}, {2, 2}};
    struct process p = PROCESS_INIT;
    struct process_result r = {0};
    if (process_spawn(&(struct process_spec){.argv = argv, .envp = envp, .fds = fds, .n_fds = 3}, &p, &err) != 0 ||
        process_wait(&p, INT64_MAX, &r, &err) != 0)
        fail_msg("%s", err.text);
    fclose(in);
    rewind(result);
    out[fread(out, 1, out_size - 1, result)] = 0;
    fclose(result);
    return r.status;
}

static void print_bash(FILE *out) {
    program_completion("portolan", COMMANDS, "bash", out, NULL);
}

static void complete(const char *words, const char *expected) {
    CLEANUP_FREE char *completion = text_of(print_bash);
    CLEANUP_FREE char *script = xasprintf(
        "set -eu\n%s\nCOMP_WORDS=(%s)\nCOMP_WORDS+=('')\nCOMP_CWORD=$(( ${#COMP_WORDS[@]} - 2 ))\n_portolan\n"
        "echo \"${COMPREPLY[*]-}\"\n",
        completion, words);
    char out[1024];
    assert_int_equal(shell("bash", script, out, sizeof out), 0);
    assert_string_equal(out, expected);
}

static void bash_completes_commands_and_options(void **state) {
    (void)state;
    complete("portolan su", "submit\n");
    complete("portolan p", "problem\n");
    complete("portolan problem ''", "list show\n");
    complete("portolan problem list --he", "--help\n");
    complete("portolan submit --j", "--jobs\n");
    complete("portolan submit x.yaml --l", "--label --log-level --log-json\n");
    complete("portolan completion ''", "bash zsh\n");
}

static void zsh_completion_is_printed_with_brackets_escaped(void **state) {
    (void)state;
    assert_int_equal(RUN("completion", "zsh"), 0);
    has(output, "#compdef portolan\n");
    has(output, "'*--label=[A label \\[with brackets\\]\\: any.]:LABEL:_files'");
    has(output, "don'\\''t use");
    has(output, "        'problem:list show '\n");
    has(output, "'problem') _values command list show ;;");
    assert_int_equal(RUN("completion", "fish"), 2);
    assert_int_equal(RUN("completion"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_runs_with_its_options_and_gives_its_status),
        cmocka_unit_test(an_error_is_printed_once_with_the_programs_name),
        cmocka_unit_test(an_unknown_command_is_refused_with_the_nearest),
        cmocka_unit_test(an_unknown_log_level_is_refused),
        cmocka_unit_test(the_version_is_printed),
        cmocka_unit_test(help_lists_commands_and_options),
        cmocka_unit_test(no_command_prints_the_help_and_fails_as_usage),
        cmocka_unit_test(manual_pages_escape_what_troff_would_interpret),
        cmocka_unit_test(bash_completes_commands_and_options),
        cmocka_unit_test(zsh_completion_is_printed_with_brackets_escaped),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
