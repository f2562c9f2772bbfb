/* Growing buffers and the aborting malloc family. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

static void appending_keeps_the_text_terminated(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, "ab");
    buf_putc(&b, 'c');
    buf_append(&b, "\0d", 2);
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "abc\0d", 6);
}

static void printing_grows_as_far_as_the_text_needs(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    for (int i = 0; i < 1000; i++) buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, strlen(b.data));
    assert_string_equal(b.data + b.len - 8, "998,999,");
    buf_printf(&b, "%5000d", 7);
    assert_int_equal(b.data[b.len - 1], '7');
}

static void taking_an_empty_buffer_gives_an_empty_text(void **state) {
    (void)state;
    struct buf b = BUF_INIT;
    CLEANUP_FREE char *text = buf_take(&b);
    assert_string_equal(text, "");
}

static void taking_leaves_an_empty_buffer_behind(void **state) {
    (void)state;
    struct buf b = BUF_INIT;
    buf_puts(&b, "x");
    CLEANUP_FREE char *text = buf_take(&b);
    assert_string_equal(text, "x");
    assert_null(b.data);
    assert_int_equal(b.len, 0);
}

static void clearing_keeps_the_memory(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_clear(&b);
    buf_puts(&b, "something");
    size_t cap = b.cap;
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    assert_int_equal(b.cap, cap);
}

static void appending_nothing_still_terminates(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_append(&b, NULL, 0);
    assert_string_equal(b.data, "");
}

static void copies_stop_where_they_are_told(void **state) {
    (void)state;
    CLEANUP_FREE char *a = xstrndup("hello", 2), *b = xstrndup("hi", 10), *c = xasprintf("%s-%d", "n", 4);
    assert_string_equal(a, "he");
    assert_string_equal(b, "hi");
    assert_string_equal(c, "n-4");
}

static void zero_sizes_give_memory_that_can_be_freed(void **state) {
    (void)state;
    CLEANUP_FREE char *a = xmalloc(0), *b = xcalloc(0, 8);
    assert_non_null(a);
    assert_non_null(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_keeps_the_text_terminated),
        cmocka_unit_test(printing_grows_as_far_as_the_text_needs),
        cmocka_unit_test(taking_an_empty_buffer_gives_an_empty_text),
        cmocka_unit_test(taking_leaves_an_empty_buffer_behind),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(appending_nothing_still_terminates),
        cmocka_unit_test(copies_stop_where_they_are_told),
        cmocka_unit_test(zero_sizes_give_memory_that_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
