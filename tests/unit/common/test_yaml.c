/* YAML trees: structure, limits, refusals with lines, typed access. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/yaml.h"

DEFINE_CLEANUP(cleanup_doc, struct yaml_doc *, yaml_free)
#define DOC CLEANUP(cleanup_doc) struct yaml_doc *

static struct yaml_doc *parse(const char *text) {
    struct error err = ERROR_INIT;
    struct yaml_doc *doc = yaml_parse(text, strlen(text), "f.yaml", &err);
    if (!doc) fail_msg("%s", err.text);
    return doc;
}

static void refused_bytes(const char *text, size_t len, enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    struct yaml_doc *doc = yaml_parse(text, len, "f.yaml", &err);
    yaml_free(doc);
    if (doc) fail_msg("accepted: %.60s", text);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, part)) fail_msg("`%s` lacks `%s`", err.text, part);
}

static void refused(const char *text, enum error_code code, const char *part) {
    refused_bytes(text, strlen(text), code, part);
}

static void mappings_and_sequences_become_a_tree_in_order(void **state) {
    (void)state;
    DOC doc = parse("problem: gemm\nsizes:\n  full: {N: 128, K: 64}\nlist: [a, b,\n  c]\n");
    const struct yaml_node *root = yaml_root(doc);
    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->count, 3);
    assert_string_equal(root->keys[2]->text, "list");
    assert_string_equal(yaml_get(root, "problem")->text, "gemm");
    const struct yaml_node *list = yaml_get(root, "list");
    assert_int_equal(list->kind, YAML_SEQUENCE);
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[2]->text, "c");
    assert_string_equal(yaml_get(yaml_get(yaml_get(root, "sizes"), "full"), "K")->text, "64");
    assert_string_equal(yaml_filename(doc), "f.yaml");
}

static void nodes_know_their_line_and_column(void **state) {
    (void)state;
    DOC doc = parse("a: 1\nb:\n  c: [x,\n      y]\n");
    const struct yaml_node *b = yaml_get(yaml_root(doc), "b");
    const struct yaml_node *y = yaml_get(b, "c")->items[1];
    assert_int_equal(y->line, 4);
    assert_int_equal(y->column, 7);
    assert_int_equal(yaml_root(doc)->keys[1]->line, 2);
    assert_int_equal(yaml_root(doc)->keys[1]->column, 1);
}

static void json_is_read_too(void **state) {
    (void)state;
    DOC doc = parse("{\"a\": [1, 2.5, true, null, \"x\\ny\"], \"b\": {}}");
    const struct yaml_node *a = yaml_get(yaml_root(doc), "a");
    assert_int_equal(a->count, 5);
    assert_int_equal(a->items[3]->kind, YAML_NULL);
    assert_string_equal(a->items[4]->text, "x\ny");
    assert_int_equal(yaml_get(yaml_root(doc), "b")->count, 0);
}

static void an_empty_file_is_null(void **state) {
    (void)state;
    DOC doc = parse("# nothing here\n");
    assert_int_equal(yaml_root(doc)->kind, YAML_NULL);
    DOC empty = parse("");
    assert_int_equal(yaml_root(empty)->kind, YAML_NULL);
}

static void plain_nulls_are_null_and_quoted_ones_are_text(void **state) {
    (void)state;
    DOC list = parse("- ~\n- null\n-\n- 'null'\n- \"\"\n");
    const enum yaml_kind expected[] = {YAML_NULL, YAML_NULL, YAML_NULL, YAML_SCALAR, YAML_SCALAR};
    assert_int_equal(yaml_root(list)->count, 5);
    for (size_t i = 0; i < 5; i++) assert_int_equal(yaml_root(list)->items[i]->kind, expected[i]);
    assert_true(yaml_root(list)->items[3]->quoted);
}

static void duplicate_keys_are_refused_naming_both_lines(void **state) {
    (void)state;
    refused("a: 1\nb: 2\na: 3\n", ERR_INVALID, "f.yaml:3:1: the key `a` is there twice, first on line 1");
    refused("x: {k: 1, 'k': 2}", ERR_INVALID, "f.yaml:1:11");
}

static void anchors_aliases_and_tags_are_refused(void **state) {
    (void)state;
    refused("a: &x 1\nb: *x\n", ERR_INVALID, "f.yaml:1:4: anchors and aliases");
    refused("b: *x\n", ERR_INVALID, "f.yaml:1:4");
    refused("a: &x [1]\n", ERR_INVALID, "anchors");
    refused("a: &x {b: 1}\n", ERR_INVALID, "anchors");
    refused("a: !!int 3\n", ERR_INVALID, "tags");
    refused("a: !thing {}\n", ERR_INVALID, "tags");
    refused("a: ! x\n", ERR_INVALID, "tags");
}

static void a_second_document_is_refused(void **state) {
    (void)state;
    refused("a: 1\n---\nb: 2\n", ERR_INVALID, "f.yaml:2:1: a second document");
}

static void keys_must_be_texts(void **state) {
    (void)state;
    refused("? [a, b]\n: 1\n", ERR_INVALID, "f.yaml:1:3: a key must be");
    refused("? {a: b}\n: 1\n", ERR_INVALID, "a key must be");
    refused("'': 1\n", ERR_INVALID, "a key is empty");
    DOC doc = parse("null: 1\n");
    assert_string_equal(yaml_root(doc)->keys[0]->text, "null");
}

static void broken_syntax_is_refused_with_its_line(void **state) {
    (void)state;
    refused("a: 1\nb: [1, 2\nc: 3\n", ERR_INVALID, "f.yaml:3:");
    refused("a: 1\n\tb: 2\n", ERR_INVALID, "f.yaml:2:");
    refused("a: 'open\n", ERR_INVALID, "f.yaml:");
}

static void nul_and_bad_utf8_are_refused(void **state) {
    (void)state;
    refused("a: \"x\\0y\"\n", ERR_INVALID, "f.yaml:1:4: a text may not hold a NUL");
    refused_bytes("a: 1\nb: \xff\n", 9, ERR_INVALID, "f.yaml:2:");
    refused_bytes("a: x\0y\n", 7, ERR_INVALID, "f.yaml:1:");
}

static void nesting_is_limited_to_32(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    for (int i = 0; i < 32; i++) buf_putc(&b, '[');
    for (int i = 0; i < 32; i++) buf_putc(&b, ']');
    DOC doc = parse(b.data);
    assert_int_equal(yaml_root(doc)->count, 1);
    buf_clear(&b);
    for (int i = 0; i < 33; i++) buf_putc(&b, '[');
    refused(b.data, ERR_LIMIT, "f.yaml:1:33: nested deeper than 32");
}

static void a_file_over_1_mib_is_refused(void **state) {
    (void)state;
    size_t len = 1024 * 1024 + 1;
    CLEANUP_FREE char *text = xmalloc(len);
    memset(text, ' ', len);
    refused_bytes(text, len, ERR_LIMIT, "1048576");
}

static void more_than_100000_nodes_are_refused(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_putc(&b, '[');
    for (int i = 0; i < 99999; i++) buf_puts(&b, "1,");
    DOC doc = NULL;
    struct error err = ERROR_INIT;
    buf_putc(&b, ']');
    doc = yaml_parse(b.data, b.len, "f.yaml", &err);
    assert_non_null(doc);
    b.len--;
    buf_puts(&b, "1]");
    refused(b.data, ERR_LIMIT, "100000 nodes");
}

static void many_keys_are_checked_for_duplicates_in_reasonable_time(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    for (int i = 0; i < 45000; i++) buf_printf(&b, "k%d: 1\n", i);
    DOC doc = parse(b.data);
    assert_int_equal(yaml_root(doc)->count, 45000);
    buf_puts(&b, "k0: 1\n");
    refused(b.data, ERR_INVALID, "f.yaml:45001:1: the key `k0`");
}

static void unknown_keys_are_named_with_the_nearest_known_one(void **state) {
    (void)state;
    static const char *const known[] = {"problem", "sizes", "inputs", NULL};
    DOC doc = parse("problem: x\ninput: 3\n");
    struct error err = ERROR_INIT;
    assert_int_equal(yaml_check_keys(doc, yaml_root(doc), known, &err), -1);
    assert_string_equal(err.text, "f.yaml:2:1: unknown key `input`\nhint: did you mean `inputs`?");
    DOC far = parse("qqqqqqqq: x\n");
    assert_int_equal(yaml_check_keys(far, yaml_root(far), known, &err), -1);
    assert_non_null(strstr(err.text, "known keys are problem, sizes, inputs"));
    DOC right = parse("sizes: 1\n");
    assert_int_equal(yaml_check_keys(right, yaml_root(right), known, &err), 0);
    DOC list = parse("[1]");
    assert_int_equal(yaml_check_keys(list, yaml_root(list), known, &err), -1);
    assert_non_null(strstr(err.text, "f.yaml:1:1: a mapping"));
}

static void whole_numbers_are_checked_for_form_and_range(void **state) {
    (void)state;
    DOC doc = parse("[12, -3, 9223372036854775807, 9223372036854775808, 1.5, 0x10, '7', abc, [], ]");
    struct yaml_node *const *n = yaml_root(doc)->items;
    struct error err = ERROR_INIT;
    int64_t value = 0;
    assert_int_equal(yaml_int(doc, n[0], "n", 0, 100, &value, &err), 0);
    assert_int_equal(value, 12);
    assert_int_equal(yaml_int(doc, n[1], "n", 0, 100, &value, &err), -1);
    assert_string_equal(err.text, "f.yaml:1:6: `n` is -3; it must lie between 0 and 100");
    assert_int_equal(yaml_int(doc, n[2], "n", INT64_MIN, INT64_MAX, &value, &err), 0);
    assert_true(value == INT64_MAX);
    for (size_t i = 3; i < 9; i++) {
        assert_int_equal(yaml_int(doc, n[i], "n", INT64_MIN, INT64_MAX, &value, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
    assert_non_null(strstr(err.text, "not a list"));
    assert_int_equal(yaml_int(doc, NULL, "n", 0, 1, &value, &err), -1);
    assert_non_null(strstr(err.text, "`n` is missing"));
}

static void real_numbers_are_finite_and_decimal(void **state) {
    (void)state;
    DOC doc = parse("[1e-3, .5, 3, -2., nan, .inf, 1e999, 0x1p3, '1', 1e, 1_0]");
    struct yaml_node *const *n = yaml_root(doc)->items;
    struct error err = ERROR_INIT;
    const double expected[] = {1e-3, 0.5, 3, -2};
    for (size_t i = 0; i < 4; i++) {
        double value = NAN;
        assert_int_equal(yaml_double(doc, n[i], "x", &value, &err), 0);
        assert_true(value == expected[i]);
    }
    for (size_t i = 4; i < 11; i++) {
        double value = 5;
        assert_int_equal(yaml_double(doc, n[i], "x", &value, &err), -1);
        assert_true(value == 5);
    }
}

static void truth_is_true_or_false_and_nothing_else(void **state) {
    (void)state;
    DOC doc = parse("[true, False, yes, on, 1, 'true']");
    struct yaml_node *const *n = yaml_root(doc)->items;
    struct error err = ERROR_INIT;
    bool value = false;
    assert_int_equal(yaml_bool(doc, n[0], "b", &value, &err), 0);
    assert_true(value);
    assert_int_equal(yaml_bool(doc, n[1], "b", &value, &err), 0);
    assert_false(value);
    for (size_t i = 2; i < 6; i++) assert_int_equal(yaml_bool(doc, n[i], "b", &value, &err), -1);
    assert_non_null(strstr(err.text, "true or false, not a quoted text"));
}

static void texts_are_scalars_of_any_form(void **state) {
    (void)state;
    DOC doc = parse("[name, 12, 'q', ~, {}]");
    struct yaml_node *const *n = yaml_root(doc)->items;
    struct error err = ERROR_INIT;
    assert_string_equal(yaml_string(doc, n[0], "t", &err), "name");
    assert_string_equal(yaml_string(doc, n[1], "t", &err), "12");
    assert_string_equal(yaml_string(doc, n[2], "t", &err), "q");
    assert_null(yaml_string(doc, n[3], "t", &err));
    assert_non_null(strstr(err.text, "not nothing"));
    assert_null(yaml_string(doc, n[4], "t", &err));
    assert_non_null(strstr(err.text, "not a mapping"));
    assert_null(yaml_string(doc, NULL, "t", &err));
}

static void missing_keys_give_null_also_on_what_is_no_mapping(void **state) {
    (void)state;
    DOC doc = parse("[1]");
    assert_null(yaml_get(yaml_root(doc), "a"));
    assert_null(yaml_get(NULL, "a"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mappings_and_sequences_become_a_tree_in_order),
        cmocka_unit_test(nodes_know_their_line_and_column),
        cmocka_unit_test(json_is_read_too),
        cmocka_unit_test(an_empty_file_is_null),
        cmocka_unit_test(plain_nulls_are_null_and_quoted_ones_are_text),
        cmocka_unit_test(duplicate_keys_are_refused_naming_both_lines),
        cmocka_unit_test(anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(a_second_document_is_refused),
        cmocka_unit_test(keys_must_be_texts),
        cmocka_unit_test(broken_syntax_is_refused_with_its_line),
        cmocka_unit_test(nul_and_bad_utf8_are_refused),
        cmocka_unit_test(nesting_is_limited_to_32),
        cmocka_unit_test(a_file_over_1_mib_is_refused),
        cmocka_unit_test(more_than_100000_nodes_are_refused),
        cmocka_unit_test(many_keys_are_checked_for_duplicates_in_reasonable_time),
        cmocka_unit_test(unknown_keys_are_named_with_the_nearest_known_one),
        cmocka_unit_test(whole_numbers_are_checked_for_form_and_range),
        cmocka_unit_test(real_numbers_are_finite_and_decimal),
        cmocka_unit_test(truth_is_true_or_false_and_nothing_else),
        cmocka_unit_test(texts_are_scalars_of_any_form),
        cmocka_unit_test(missing_keys_give_null_also_on_what_is_no_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
