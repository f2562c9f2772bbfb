/* What may reach a terminal, and how wide it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/display.h"

static void control_characters_become_question_marks(void **state) {
    (void)state;
    CLEANUP_FREE char *line = display_line("a\nb\tc\x1b]0;t\x07\xff\x7f");
    assert_string_equal(line, "a b c?]0;t???");
}

static void lines_and_tabs_stay_where_several_lines_are_wanted(void **state) {
    (void)state;
    CLEANUP_FREE char *lines = display_lines("a\r\n\tb\x1b[2J\x08");
    assert_string_equal(lines, "a\n\tb?[2J?");
}

static void colours_pass_and_take_no_width(void **state) {
    (void)state;
    CLEANUP_FREE char *line = display_line("\x1b[32mok\x1b[0m");
    assert_string_equal(line, "\x1b[32mok\x1b[0m");
    assert_int_equal(display_width(line), 2);
    assert_int_equal(display_width("\xe4\xb8\xad\xff"), 3);
}

static void a_text_that_fits_is_not_cut(void **state) {
    (void)state;
    CLEANUP_FREE char *line = display_cut("softmax", 7);
    assert_string_equal(line, "softmax");
}

static void a_longer_text_ends_in_dots_and_keeps_the_end_of_its_colour(void **state) {
    (void)state;
    CLEANUP_FREE char *line = display_cut("\x1b[31mwrong_output\x1b[0m", 8);
    assert_string_equal(line, "\x1b[31mwrong\x1b[0m...");
    CLEANUP_FREE char *wide = display_cut("\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad", 5);
    assert_string_equal(wide, "\xe4\xb8\xad...");
    CLEANUP_FREE char *narrow = display_cut("abcdef", 2);
    assert_string_equal(narrow, "..");
    CLEANUP_FREE char *nothing = display_cut("abcdef", 0);
    assert_string_equal(nothing, "");
}

static void a_pipe_has_the_columns_that_are_asked_for(void **state) {
    (void)state;
    CLEANUP_FILE FILE *file = tmpfile();
    assert_int_equal(terminal_columns(file, 100), 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_become_question_marks),
        cmocka_unit_test(lines_and_tabs_stay_where_several_lines_are_wanted),
        cmocka_unit_test(colours_pass_and_take_no_width),
        cmocka_unit_test(a_text_that_fits_is_not_cut),
        cmocka_unit_test(a_longer_text_ends_in_dots_and_keeps_the_end_of_its_colour),
        cmocka_unit_test(a_pipe_has_the_columns_that_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
