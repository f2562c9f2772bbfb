/* UTF-8, decimal numbers and nearest words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/number.h"
#include "common/suggest.h"
#include "common/utf8.h"

static size_t decoded(const char *s, uint32_t *c) {
    *c = 0;
    return utf8_decode(s, strlen(s), c);
}

static void characters_of_every_length_are_decoded(void **state) {
    (void)state;
    uint32_t c;
    assert_int_equal(decoded("A", &c), 1);
    assert_int_equal(decoded("\xc3\xa4", &c), 2);
    assert_int_equal(c, 0xe4);
    assert_int_equal(decoded("\xe2\x82\xac", &c), 3);
    assert_int_equal(c, 0x20ac);
    assert_int_equal(decoded("\xf0\x9f\x9a\xa2", &c), 4);
    assert_int_equal(c, 0x1f6a2);
}

static void malformed_overlong_and_surrogate_forms_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\x80",  "\xc0\xaf", "\xc1\x81", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
        "\xc3(", "\xff",     ""};
    uint32_t c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(decoded(bad[i], &c), 0);
}

static void cutting_never_splits_a_character(void **state) {
    (void)state;
    const char *text =
        "a\xe2\x82\xac"
        "b";
    assert_int_equal(utf8_cut(text, 5), 5);
    assert_int_equal(utf8_cut(text, 4), 4);
    assert_int_equal(utf8_cut(text, 3), 1);
    assert_int_equal(utf8_cut(text, 2), 1);
    assert_int_equal(utf8_cut(text, 1), 1);
    assert_int_equal(utf8_cut(text, 0), 0);
    assert_int_equal(utf8_cut("\x80\x80\x80\x80", 4), 4);
}

static void copies_are_cut_and_repaired(void **state) {
    (void)state;
    char out[5];
    utf8_copy(out, sizeof out, "ab\xe2\x82\xac");
    assert_string_equal(out, "ab");
    utf8_copy(out, sizeof out,
              "a\xff"
              "b");
    assert_string_equal(out, "a?b");
}

static void widths_follow_east_asian_and_combining_characters(void **state) {
    (void)state;
    assert_int_equal(utf8_width('a'), 1);
    assert_int_equal(utf8_width(0x301), 0);
    assert_int_equal(utf8_width(0x4e2d), 2);
    assert_int_equal(utf8_width(0x1f6a2), 2);
    assert_int_equal(utf8_width(7), 0);
}

static void whole_numbers_cover_the_range_and_no_more(void **state) {
    (void)state;
    int64_t v = 1;
    assert_int_equal(number_int("-9223372036854775808", &v), NUMBER_OK);
    assert_true(v == INT64_MIN);
    assert_int_equal(number_int("+9223372036854775807", &v), NUMBER_OK);
    assert_true(v == INT64_MAX);
    assert_int_equal(number_int("9223372036854775808", &v), NUMBER_RANGE);
    assert_int_equal(number_int("-9223372036854775809", &v), NUMBER_RANGE);
    static const char *const bad[] = {"", "-", " 1", "1 ", "1.0", "0x1", "1e3", "--1", "\xc2\xb2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(number_int(bad[i], &v), NUMBER_MALFORMED);
    assert_true(v == INT64_MAX);
}

static void real_numbers_are_decimal_and_finite(void **state) {
    (void)state;
    double v = 0;
    assert_int_equal(number_double("-1.25e+2", &v), NUMBER_OK);
    assert_true(v == -125);
    assert_int_equal(number_double("1e-400", &v), NUMBER_OK);
    assert_true(v == 0);
    assert_int_equal(number_double("1e400", &v), NUMBER_RANGE);
    static const char *const bad[] = {"", ".", "e1", "1e", "1e+", "nan", "inf", "0x1", " 1", "1,5", "1.5.2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(number_double(bad[i], &v), NUMBER_MALFORMED);
}

static void distances_count_slips_of_the_keyboard(void **state) {
    (void)state;
    assert_int_equal(suggest_distance("kernel", "kernel", 3), 0);
    assert_int_equal(suggest_distance("kernle", "kernel", 3), 1);
    assert_int_equal(suggest_distance("kenel", "kernel", 3), 1);
    assert_int_equal(suggest_distance("kitten", "sitting", 5), 3);
    assert_int_equal(suggest_distance("abc", "xyz", 2), 3);
    assert_int_equal(suggest_distance("", "ab", 5), 2);
}

static void the_nearest_word_is_proposed_when_it_is_near(void **state) {
    (void)state;
    static const char *const known[] = {"state-dir", "stage-dir", "kafka", "log", NULL};
    assert_string_equal(suggest_nearest("sate-dir", known), "state-dir");
    assert_string_equal(suggest_nearest("KAFKA", known), "kafka");
    assert_string_equal(suggest_nearest("lg", known), "log");
    assert_null(suggest_nearest("coordinator", known));
    assert_null(suggest_nearest("x", (const char *const[]){NULL}));
    char longest[200];
    memset(longest, 'a', 199);
    longest[199] = 0;
    assert_null(suggest_nearest(longest, known));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_every_length_are_decoded),
        cmocka_unit_test(malformed_overlong_and_surrogate_forms_are_refused),
        cmocka_unit_test(cutting_never_splits_a_character),
        cmocka_unit_test(copies_are_cut_and_repaired),
        cmocka_unit_test(widths_follow_east_asian_and_combining_characters),
        cmocka_unit_test(whole_numbers_cover_the_range_and_no_more),
        cmocka_unit_test(real_numbers_are_decimal_and_finite),
        cmocka_unit_test(distances_count_slips_of_the_keyboard),
        cmocka_unit_test(the_nearest_word_is_proposed_when_it_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
