/* Tables and progress, as a pipe sees them, and on a pseudo-terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/table.h"

static char *printed(const struct table *t) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    table_print(t, out);
    fclose(out);
    return text;
}

static void columns_are_aligned_and_lines_end_without_spaces(void **state) {
    (void)state;
    struct table *t = table_new((const char *const[]){"name", ">ms", "note", NULL});
    table_rowf(t, "gemm", "1.5", "");
    table_row(t, (const char *const[]){"softmax-long", "10.25", "ok"});
    CLEANUP_FREE char *text = printed(t);
    table_free(t);
    assert_string_equal(text,
                        "name             ms  note\n"
                        "gemm            1.5\n"
                        "softmax-long  10.25  ok\n");
}

static void width_is_counted_in_columns_not_bytes(void **state) {
    (void)state;
    struct table *t = table_new((const char *const[]){"a", "b", NULL});
    table_rowf(t, "\xe4\xb8\xad\xe6\x96\x87", "x");
    table_rowf(t, "\xc3\xa9", "y");
    table_rowf(t, "\x1b[32mok\x1b[0m", "z");
    CLEANUP_FREE char *text = printed(t);
    table_free(t);
    assert_string_equal(text, "a     b\n\xe4\xb8\xad\xe6\x96\x87  x\n\xc3\xa9     y\n\x1b[32mok\x1b[0m    z\n");
}

static void control_characters_of_cells_do_not_reach_the_terminal(void **state) {
    (void)state;
    struct table *t = table_new((const char *const[]){"a", NULL});
    table_rowf(t, "x\ny\x1b]0;title\x07\xff");
    table_row(t, (const char *const[]){NULL});
    CLEANUP_FREE char *text = printed(t);
    table_free(t);
    assert_string_equal(text, "a\nx y?]0;title??\n\n");
}

static void a_pipe_gets_no_colours(void **state) {
    (void)state;
    FILE *out = tmpfile();
    assert_false(terminal_colours(out));
    assert_string_equal(colour_on(out, COLOUR_RED), "");
    assert_string_equal(colour_off(out), "");
    fclose(out);
}

/* A pseudo-terminal's two ends. */
static FILE *terminal(int *ret_master) {
    *ret_master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(*ret_master >= 0 && grantpt(*ret_master) == 0 && unlockpt(*ret_master) == 0);
    return fopen(ptsname(*ret_master), "r+");
}

static void a_terminal_gets_colours_unless_told_otherwise(void **state) {
    (void)state;
    int master;
    FILE *out = terminal(&master);
    assert_non_null(out);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    assert_string_equal(colour_on(out, COLOUR_RED), "\x1b[31m");
    setenv("NO_COLOR", "1", 1);
    assert_string_equal(colour_on(out, COLOUR_RED), "");
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    assert_string_equal(colour_on(out, COLOUR_RED), "");
    fclose(out);
    close(master);
}

static void progress_in_a_pipe_prints_lines_at_new_labels(void **state) {
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct progress *p = progress_new(out, "demo");
    progress_update(p, 0, 10, "plan");
    for (int i = 0; i < 1000; i++) progress_update(p, 1, 10, "run");
    progress_update(p, 10, 10, "run");
    progress_free(p);
    fclose(out);
    assert_string_equal(text, "demo 0/10 (0 %)  plan\ndemo 1/10 (10 %)  run\ndemo 10/10 (100 %)  run\n");
    free(text);
}

/* What has come through a pseudo-terminal up to `last`; it may come in pieces. */
static void read_until(int master, const char *last, char *text, size_t size) {
    struct pollfd watched = {.fd = master, .events = POLLIN};
    size_t len = 0;
    text[0] = 0;
    while (!strstr(text, last) && len + 1 < size && poll(&watched, 1, 10000) == 1) {
        ssize_t n = read(master, text + len, size - 1 - len);
        if (n <= 0) break;
        len += (size_t)n;
        text[len] = 0;
    }
}

static void progress_on_a_terminal_is_redrawn_in_place(void **state) {
    (void)state;
    int master;
    FILE *out = terminal(&master);
    setenv("TERM", "xterm", 1);
    struct progress *p = progress_new(out, "demo");
    progress_update(p, 1, 2, "\x1b[5mlabel");
    progress_update(p, 2, 2, "end");
    progress_free(p);
    char text[1024];
    read_until(master, "\r\n", text, sizeof text);
    assert_non_null(strstr(text, "\rdemo [############............] 1/2 (50 %)  ?[5mlabel\x1b[K"));
    assert_non_null(strstr(text, "2/2 (100 %)  end\x1b[K\r\n"));
    fclose(out);
    close(master);
}

static void progress_without_a_total_stays_at_zero(void **state) {
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct progress *p = progress_new(out, "x");
    progress_update(p, 3, 0, NULL);
    progress_free(p);
    fclose(out);
    assert_string_equal(text, "x 3/0 (0 %)\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_and_lines_end_without_spaces),
        cmocka_unit_test(width_is_counted_in_columns_not_bytes),
        cmocka_unit_test(control_characters_of_cells_do_not_reach_the_terminal),
        cmocka_unit_test(a_pipe_gets_no_colours),
        cmocka_unit_test(a_terminal_gets_colours_unless_told_otherwise),
        cmocka_unit_test(progress_in_a_pipe_prints_lines_at_new_labels),
        cmocka_unit_test(progress_on_a_terminal_is_redrawn_in_place),
        cmocka_unit_test(progress_without_a_total_stays_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
