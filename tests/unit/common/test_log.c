/* Log lines: text, JSON, levels, context, and no control characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"

static char lines[200000];
static FILE *capture;
static int real_stderr;

static void begin(void) {
    capture = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(capture), STDERR_FILENO);
}

static const char *end(void) {
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    rewind(capture);
    lines[fread(lines, 1, sizeof lines - 1, capture)] = 0;
    fclose(capture);
    return lines;
}

static void a_text_line_has_time_level_and_message(void **state) {
    (void)state;
    log_setup(LOG_INFO, false);
    begin();
    log_warn("disk %d %% full", 93);
    const char *line = end();
    assert_int_equal(line[10], 'T');
    assert_string_equal(line + 24, " warn  disk 93 % full\n");
}

static void lines_below_the_level_are_dropped(void **state) {
    (void)state;
    log_setup(LOG_WARN, false);
    begin();
    log_info("quiet");
    log_debug("quieter");
    log_error("loud");
    assert_non_null(strstr(end(), "error loud"));
    assert_null(strstr(lines, "quiet"));
}

static void json_lines_escape_what_json_demands(void **state) {
    (void)state;
    log_setup(LOG_INFO, true);
    begin();
    log_info("a \"q\" \\ \n\x01 \xff \xc3\xa4");
    assert_non_null(
        strstr(end(), "\"level\":\"info\",\"message\":\"a \\\"q\\\" \\\\ \\u000a\\u0001 \xef\xbf\xbd \xc3\xa4\"}\n"));
}

static void context_is_added_kept_and_cleared(void **state) {
    (void)state;
    log_setup(LOG_INFO, false);
    log_context("n1", "gpu0", "t7");
    begin();
    log_info("one");
    log_context(NULL, NULL, "");
    log_info("two");
    assert_non_null(strstr(end(), "one node=n1 device=gpu0 task=t7\n"));
    assert_non_null(strstr(lines, "two node=n1 device=gpu0\n"));
    log_setup(LOG_INFO, true);
    begin();
    log_info("three");
    assert_non_null(strstr(end(), "\"node\":\"n1\",\"device\":\"gpu0\"}"));
    log_context("", "", "");
}

static void a_message_cannot_forge_a_line_or_steer_the_terminal(void **state) {
    (void)state;
    log_setup(LOG_INFO, false);
    begin();
    log_info("a\nb\x1b[31m\xc2\x9b");
    const char *line = end();
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_non_null(strstr(line, "a; b\\x1b[31m\\x9b"));
}

static void a_huge_message_is_cut(void **state) {
    (void)state;
    log_setup(LOG_INFO, false);
    CLEANUP_FREE char *text = xmalloc(300001);
    memset(text, 'x', 300000);
    text[300000] = 0;
    begin();
    log_info("%s", text);
    assert_true(strlen(end()) < 70000);
    assert_int_equal(lines[strlen(lines) - 1], '\n');
}

static void level_names_are_known(void **state) {
    (void)state;
    assert_int_equal(log_level_from_name("debug"), LOG_DEBUG);
    assert_int_equal(log_level_from_name("error"), LOG_ERROR);
    assert_int_equal(log_level_from_name("loud"), -1);
}

static void a_log_that_cannot_be_written_stops_nobody_and_says_why(void **state) {
    (void)state;
    int keep = dup(STDERR_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    log_setup(LOG_INFO, false);
    log_lost();
    dup2(full, STDERR_FILENO);
    errno = 7;
    log_info("one");
    log_info("two");
    int why = log_failure(), kept_errno = errno;
    dup2(keep, STDERR_FILENO);
    close(full);
    close(keep);
    assert_int_equal(why, ENOSPC);
    assert_int_equal(kept_errno, 7);
    assert_int_equal(log_lost(), 2);
    assert_int_equal(log_lost(), 0);
    begin();
    log_info("three");
    assert_non_null(strstr(end(), "three"));
    assert_int_equal(log_failure(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_has_time_level_and_message),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(json_lines_escape_what_json_demands),
        cmocka_unit_test(context_is_added_kept_and_cleared),
        cmocka_unit_test(a_message_cannot_forge_a_line_or_steer_the_terminal),
        cmocka_unit_test(a_huge_message_is_cut),
        cmocka_unit_test(level_names_are_known),
        cmocka_unit_test(a_log_that_cannot_be_written_stops_nobody_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
