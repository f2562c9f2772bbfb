/* Integer expressions: values, precedence, and every way in which they are refused. */
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
#include "common/expr.h"

static bool lookup(void *context, const char *name, int64_t *ret) {
    (void)context;
    if (strcmp(name, "N") == 0) return *ret = 10, true;
    if (strcmp(name, "K_2") == 0) return *ret = -3, true;
    if (strcmp(name, "zero") == 0) return *ret = 0, true;
    if (strcmp(name, "most") == 0) return *ret = INT64_MAX, true;
    if (strcmp(name, "least") == 0) return *ret = INT64_MIN, true;
    return false;
}

static void is(const char *text, int64_t expected) {
    struct error err = ERROR_INIT;
    struct expr *e = expr_parse(text, &err);
    if (!e) fail_msg("%s: %s", text, err.text);
    int64_t value = 0;
    if (expr_eval(e, lookup, NULL, &value, &err) != 0) fail_msg("%s: %s", text, err.text);
    assert_string_equal(expr_text(e), text);
    expr_free(e);
    if (value != expected) fail_msg("%s is %lld, not %lld", text, (long long)value, (long long)expected);
}

/* Parses, but evaluation fails with a text that holds `part`. */
static void fails(const char *text, const char *part) {
    struct error err = ERROR_INIT;
    struct expr *e = expr_parse(text, &err);
    if (!e) fail_msg("%s: %s", text, err.text);
    int64_t value = 77;
    assert_int_equal(expr_eval(e, lookup, NULL, &value, &err), -1);
    expr_free(e);
    assert_int_equal(err.code, ERR_INVALID);
    if (!strstr(err.text, part)) fail_msg("%s: %s", text, err.text);
    assert_int_equal(value, 77);
}

static void refused(const char *text, enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    struct expr *e = expr_parse(text, &err);
    if (e) fail_msg("%.100s was accepted", text);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, part)) fail_msg("%.100s: %s", text, err.text);
}

static void arithmetic_has_the_usual_precedence(void **state) {
    (void)state;
    is("1 + 2 * 3", 7);
    is("(1 + 2) * 3", 9);
    is("10 - 4 - 3", 3);
    is("100 / 10 / 5", 2);
    is("7 % 4 * 2", 6);
    is("-2 * -3", 6);
    is("- - 5", 5);
    is("2-1", 1);
    is("2--1", 3);
    is(" 4\t*\n2 ", 8);
    is("007", 7);
}

static void division_truncates_and_ceil_div_rounds_up(void **state) {
    (void)state;
    is("7 / 2", 3);
    is("-7 / 2", -3);
    is("-7 % 2", -1);
    is("ceil_div(7, 2)", 4);
    is("ceil_div(8, 2)", 4);
    is("ceil_div(-7, 2)", -3);
    is("ceil_div(7, -2)", -3);
    is("ceil_div(-7, -2)", 4);
    is("ceil_div(0, 5)", 0);
}

static void min_and_max_take_any_number_of_arguments(void **state) {
    (void)state;
    is("min(3)", 3);
    is("min(3, 1, 2)", 1);
    is("max(3, 1, N, 2)", 10);
    is("max(min(N, 4), ceil_div(N, 3))", 4);
    is("min (1,2)", 1);
}

static void comparisons_and_logic_give_zero_or_one(void **state) {
    (void)state;
    is("1 < 2", 1);
    is("2 <= 1", 0);
    is("3 == 3 && 4 != 5", 1);
    is("0 || 0", 0);
    is("5 || 0", 1);
    is("7 && 9", 1);
    is("1 || 0 && 0", 1);
    is("1 + 1 == 2", 1);
    is("N % 5 == 0 && N >= 10", 1);
    is("(1 < 2) + (3 > 2)", 2);
    is("(1 < 2) < 3", 1);
}

static void the_right_side_of_logic_is_evaluated_only_when_it_decides(void **state) {
    (void)state;
    is("zero != 0 && N / zero > 1", 0);
    is("zero == 0 || N / zero > 1", 1);
    fails("zero == 0 && N / zero > 1", "division by zero");
}

static void names_are_looked_up(void **state) {
    (void)state;
    is("N * K_2", -30);
    fails("N + nobody", "unknown name `nobody`");
}

static void count_name(void *context, const char *name) {
    int *count = context;
    assert_true(strcmp(name, "N") == 0 || strcmp(name, "M") == 0);
    ++*count;
}

static void names_are_visited_once_per_occurrence(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct expr *e = expr_parse("N * M + min(N, 3)", &err);
    assert_non_null(e);
    int count = 0;
    expr_names(e, count_name, &count);
    assert_int_equal(count, 3);
    expr_free(e);
}

static void overflow_is_an_error_and_never_wraps(void **state) {
    (void)state;
    is("9223372036854775807", INT64_MAX);
    is("-9223372036854775807 - 1", INT64_MIN);
    fails("most + 1", "does not fit 64 bits");
    fails("least - 1", "does not fit 64 bits");
    fails("-least", "does not fit 64 bits");
    fails("most * 2", "does not fit 64 bits");
    fails("4294967296 * 4294967296", "does not fit 64 bits");
    fails("least / -1", "does not fit 64 bits");
    fails("ceil_div(least, -1)", "does not fit 64 bits");
    is("least % -1", 0);
    is("ceil_div(most, 2)", INT64_MAX / 2 + 1);
    refused("9223372036854775808", ERR_INVALID, "does not fit 64 bits");
    refused("99999999999999999999999", ERR_INVALID, "does not fit 64 bits");
}

static void division_by_zero_is_an_error(void **state) {
    (void)state;
    fails("1 / zero", "division by zero");
    fails("1 % zero", "division by zero");
    fails("ceil_div(1, zero)", "division by zero");
    fails("1 / (N - 10)", "division by zero");
}

static void malformed_texts_are_refused_with_their_column(void **state) {
    (void)state;
    refused("", ERR_INVALID, "column 1");
    refused("   ", ERR_INVALID, "expected");
    refused("1 +", ERR_INVALID, "column 4");
    refused("(1", ERR_INVALID, "`)` is expected");
    refused("1)", ERR_INVALID, "column 2");
    refused("1 2", ERR_INVALID, "operator");
    refused("12abc", ERR_INVALID, "letter");
    refused("0x10", ERR_INVALID, "letter");
    refused("1.5", ERR_INVALID, "column 2");
    refused("a = b", ERR_INVALID, "column 3");
    refused("a & b", ERR_INVALID, "column 3");
    refused("!a", ERR_INVALID, "column 1");
    refused("+1", ERR_INVALID, "column 1");
    refused("\xc3\xa4", ERR_INVALID, "column 1");
}

static void chained_comparisons_are_refused(void **state) {
    (void)state;
    refused("1 < N < 20", ERR_INVALID, "do not chain");
    refused("a == b == c", ERR_INVALID, "do not chain");
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    refused("ceil_div(1)", ERR_INVALID, "two arguments");
    refused("ceil_div(1, 2, 3)", ERR_INVALID, "two arguments");
    refused("min()", ERR_INVALID, "expected");
    refused("max(1,)", ERR_INVALID, "expected");
    refused("max(1 2)", ERR_INVALID, "expected");
    refused("sqrt(2)", ERR_INVALID, "unknown function");
    refused("min(1", ERR_INVALID, "expected");
}

static void repeated(struct buf *b, const char *text, int count) {
    for (int i = 0; i < count; i++) buf_puts(b, text);
}

static void the_length_is_limited(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, "1");
    repeated(&b, " ", 1023);
    is(b.data, 1);
    buf_puts(&b, " ");
    refused(b.data, ERR_LIMIT, "1024");
}

static void the_depth_is_limited(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    repeated(&b, "(", 31);
    buf_puts(&b, "1");
    repeated(&b, ")", 31);
    is(b.data, 1);
    buf_clear(&b);
    repeated(&b, "(", 32);
    buf_puts(&b, "1");
    repeated(&b, ")", 32);
    refused(b.data, ERR_LIMIT, "32");
    buf_clear(&b);
    repeated(&b, "-", 400);
    refused(b.data, ERR_LIMIT, "32");
    buf_clear(&b);
    repeated(&b, "min(", 200);
    refused(b.data, ERR_LIMIT, "32");
}

static void the_number_of_terms_is_limited(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, "1");
    repeated(&b, "+1", 127);
    is(b.data, 128);
    repeated(&b, "+1", 1);
    refused(b.data, ERR_LIMIT, "256");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_has_the_usual_precedence),
        cmocka_unit_test(division_truncates_and_ceil_div_rounds_up),
        cmocka_unit_test(min_and_max_take_any_number_of_arguments),
        cmocka_unit_test(comparisons_and_logic_give_zero_or_one),
        cmocka_unit_test(the_right_side_of_logic_is_evaluated_only_when_it_decides),
        cmocka_unit_test(names_are_looked_up),
        cmocka_unit_test(names_are_visited_once_per_occurrence),
        cmocka_unit_test(overflow_is_an_error_and_never_wraps),
        cmocka_unit_test(division_by_zero_is_an_error),
        cmocka_unit_test(malformed_texts_are_refused_with_their_column),
        cmocka_unit_test(chained_comparisons_are_refused),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(the_length_is_limited),
        cmocka_unit_test(the_depth_is_limited),
        cmocka_unit_test(the_number_of_terms_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
