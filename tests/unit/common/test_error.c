/* Errors: codes, texts, context, hints, truncation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/error.h"

static void setting_returns_minus_one_and_fills_the_error(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(error_set(&err, ERR_INVALID, "dim %d is zero", 3), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.text, "dim 3 is zero");
}

static void a_null_error_is_accepted_everywhere(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, ERR_IO, "x"), -1);
    assert_int_equal(error_errno(NULL, ERR_IO, EIO, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
    assert_int_equal(error_hint(NULL, "x"), -1);
}

static void errno_text_is_appended_and_enomem_becomes_no_memory(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    error_errno(&err, ERR_IO, ENOENT, "cannot open %s", "x.yaml");
    assert_string_equal(err.text, "cannot open x.yaml: No such file or directory");
    assert_int_equal(err.code, ERR_IO);
    error_errno(&err, ERR_IO, ENOMEM, "mmap");
    assert_int_equal(err.code, ERR_NOMEM);
}

static void context_goes_in_front_and_a_hint_behind(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_NOT_FOUND, "no such tensor");
    error_wrap(&err, "kernel %s", "gemm");
    error_hint(&err, "tensors are %s", "x, y");
    assert_string_equal(err.text, "kernel gemm: no such tensor\nhint: tensors are x, y");
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void the_errors_own_text_may_be_an_argument(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_IO, "inner");
    error_set(&err, ERR_IO, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void a_long_text_is_cut_at_a_whole_character(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    char text[ERROR_TEXT_MAX * 2 + 1];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa4", 3);
    error_set(&err, ERR_IO, "a%s", text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    error_set(&err, ERR_IO, "%s", text);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 2);
    error_wrap(&err, "abc");
    assert_true(strlen(err.text) < ERROR_TEXT_MAX);
    error_hint(&err, "lost, but harmless");
    assert_true(strlen(err.text) < ERROR_TEXT_MAX);
}

static void every_code_has_a_name_that_leads_back_to_it(void **state) {
    (void)state;
    for (int code = 0; code < ERR_COUNT; code++) {
        assert_int_equal(error_from_name(error_name((enum error_code)code)), code);
        assert_true(strlen(error_meaning((enum error_code)code)) > 0);
    }
    assert_int_equal(error_from_name("no such code"), ERR_INTERNAL);
}

static void exit_statuses_are_distinct_and_one_stays_free_for_failed(void **state) {
    (void)state;
    for (int a = 0; a < ERR_COUNT; a++) {
        assert_int_not_equal(error_exit_status((enum error_code)a), 1);
        for (int b = 0; b < a; b++)
            assert_int_not_equal(error_exit_status((enum error_code)a), error_exit_status((enum error_code)b));
    }
    assert_int_equal(error_exit_status(ERR_USAGE), 2);
}

static void network_errors_are_retriable_and_wrong_input_is_not(void **state) {
    (void)state;
    assert_true(error_retriable(ERR_NETWORK));
    assert_false(error_retriable(ERR_INVALID));
    assert_int_equal(error_http_status(ERR_NOT_FOUND), 404);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_returns_minus_one_and_fills_the_error),
        cmocka_unit_test(a_null_error_is_accepted_everywhere),
        cmocka_unit_test(errno_text_is_appended_and_enomem_becomes_no_memory),
        cmocka_unit_test(context_goes_in_front_and_a_hint_behind),
        cmocka_unit_test(the_errors_own_text_may_be_an_argument),
        cmocka_unit_test(a_long_text_is_cut_at_a_whole_character),
        cmocka_unit_test(every_code_has_a_name_that_leads_back_to_it),
        cmocka_unit_test(exit_statuses_are_distinct_and_one_stays_free_for_failed),
        cmocka_unit_test(network_errors_are_retriable_and_wrong_input_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
