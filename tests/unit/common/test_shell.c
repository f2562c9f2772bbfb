/* A shell reads back what was quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/shell.h"

static void a_shell_takes_a_quoted_text_for_one_word_that_means_itself(void **state) {
    (void)state;
    static const char *const texts[] = {"",      "plain",  "two words", "it's", "''", "$(exit 7) `exit 8` $HOME",
                                        "-n \\", "*\n#;|&"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CLEANUP(buf_done) struct buf command = BUF_INIT;
        char read[100];
        buf_puts(&command, "set -- ");
        shell_quote(&command, texts[i]);
        buf_puts(&command, "; printf '%s|%s' $# \"$1\"");
        FILE *shell = popen(command.data, "r");
        assert_non_null(shell);
        read[fread(read, 1, sizeof read - 1, shell)] = 0;
        assert_int_equal(pclose(shell), 0);
        assert_memory_equal(read, "1|", 2);
        assert_string_equal(read + 2, texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_shell_takes_a_quoted_text_for_one_word_that_means_itself)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
