/* Problem files: what is refused, where and with which words. */
#include "unit/problems/texts.h"

#include <math.h>

static void refused(const char *text, enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    problem_free(p);
    if (p) fail_msg("accepted; expected `%s`", part);
    assert_error(&err, code, part);
    if (strncmp(err.text, "p.yaml:", 7) != 0) fail_msg("`%s` does not begin with its place", err.text);
}

/* The good file with `from` replaced by `to` is refused. */
static void change_refused(const char *from, const char *to, const char *part) {
    TEXT text = with(MLP, from, to);
    refused(text, ERR_INVALID, part);
}

static void a_good_file_is_described(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    char hash[65];
    assert_string_equal(problem_name(p), "mlp");
    assert_string_equal(problem_text(p), MLP);
    assert_string_equal(problem_origin(p), "somebody");
    assert_int_equal(problem_level(p), 2);
    assert_int_equal(problem_size_count(p), 2);
    assert_string_equal(problem_size_name(p, 1), "check");
    problem_hash(p, hash);
    assert_int_equal(strlen(hash), 64);
}

static void unknown_keys_are_named_with_the_nearest(void **state) {
    (void)state;
    change_refused("outputs:", "output:", "unknown key `output`");
    change_refused("outputs:", "output:", "hint: did you mean `outputs`?");
    change_refused("fill: kaiming", "fil: kaiming", "hint: did you mean `fill`?");
}

static void an_unknown_operator_is_named_with_place_and_nearest(void **state) {
    (void)state;
    change_refused("h = linear(", "h = linaer(",
                   "p.yaml:14:9: unknown operator `linaer`\nhint: did you mean `linear`?");
}

static void an_unknown_attribute_or_word_is_named(void **state) {
    (void)state;
    change_refused("approximate=tanh", "aproximate=tanh",
                   "p.yaml:15:17: `gelu` has no attribute `aproximate`\nhint: did you");
    change_refused("approximate=tanh", "approximate=erf", "`approximate` must be one of none|tanh, not `erf`");
    change_refused("approximate=tanh", "approximate=tanh, approximate=none", "`approximate` is given twice");
    change_refused("approximate=tanh", "approximate=", "`approximate` has no value");
}

static void an_unknown_operand_is_named_with_the_nearest(void **state) {
    (void)state;
    change_refused("linear(x, w, b)", "linear(x, ww, b)", "p.yaml:14:19: `ww` is no tensor known at this line");
    change_refused("gelu(h", "gelu(y", "`y` is no tensor known at this line");
    change_refused("gelu(h", "gelu(2.0", "operand 1 of `gelu` must be a tensor, not `2.0`");
}

static void quoted_lines_know_their_columns_too(void **state) {
    (void)state;
    change_refused("- h = linear(x, w, b)", "- \"h = linear(x, ww, b)\"", "p.yaml:14:20: `ww` is no tensor");
}

static void too_few_and_too_many_operands_are_refused(void **state) {
    (void)state;
    change_refused("linear(x, w, b)", "linear(x)", "`linear` takes at least 2 operands, and 1 is given");
    change_refused("linear(x, w, b)", "linear(x, w, b, x)", "`x` is one too many");
    change_refused("mul(g, 2.0)", "mul(g)", "at least 2 operands");
    change_refused("gelu(h, approximate=tanh)", "gelu(approximate=tanh, h)", "operand `h` stands after an attribute");
}

static void broken_lines_say_where(void **state) {
    (void)state;
    change_refused("linear(x, w, b)", "linear(x, w, b", "p.yaml:14:15: this bracket is not closed");
    change_refused("linear(x, w, b)", "linear(x, w, b))", "nothing may follow the closing bracket");
    change_refused("linear(x, w, b)", "linear(x,, w)", "a value is missing");
    change_refused("linear(x, w, b)", "x", "`name(...)` is expected here");
    change_refused("h = linear(x, w, b)", "linear(x, w, b)", "p.yaml:14:11: `=` is expected here");
    change_refused("h = linear(x, w, b)", "[h]", "a line of the graph reads");
    change_refused("linear(x, w, b)", "linear(x, w, b]", "this bracket closes another kind");
    change_refused("linear(x, w, b)", "linear((((((((((((((((((x))))))))))))))))))", "nested too deeply");
}

static void shape_mismatches_show_the_shapes_and_the_size(void **state) {
    (void)state;
    TEXT text = with(MLP, "shape: [M, K], fill: kaiming", "shape: [M, N], fill: kaiming");
    refused(text, ERR_INVALID, "p.yaml:14:9: size `full`: linear(x [64, 128], w [256, 64], b [256])");
}

static void zero_sized_tensors_are_refused(void **state) {
    (void)state;
    TEXT text = with(MLP, "N: 3, K: 5", "N: 0, K: 5");
    refused(text, ERR_INVALID, "size `check`: `x` has shape [0, 5]; every dimension must be 1 or more");
    change_refused("shape: [N, K]", "shape: [N, \"K - K\"]", "every dimension must be 1 or more");
}

static void dims_that_overflow_are_refused(void **state) {
    (void)state;
    TEXT big = with(MLP, "N: 64, K: 128, M: 256", "N: 1048577, K: 1048576, M: 1048577");
    refused(big, ERR_LIMIT, "over the limit of 2^40 elements");
    TEXT huge = with(MLP, "N: 64", "N: 9223372036854775807");
    refused(huge, ERR_INVALID, "`N` is 9223372036854775807; it must lie between 0 and 1099511627776");
    TEXT wide = with(MLP, "shape: [N, K]", "shape: [\"N * 1000000000 * 1000000000 * 1000000000\", K]");
    refused(wide, ERR_INVALID, "size `full`");
    TEXT output = with(MLP, "N: 64, K: 128, M: 256", "N: 1099511627776, K: 1, M: 1099511627776");
    refused(output, ERR_LIMIT, "`h` has shape [1099511627776, 1099511627776]");
}

static void names_may_not_clash(void **state) {
    (void)state;
    change_refused("  b: {", "  N: {", "the name `N` clashes with the dim `N`");
    change_refused("  b: {", "  x: {", "the name `x` clashes with the tensor of line 9");
    change_refused("- g = ", "- x = ", "the name `x` clashes with the tensor of line 9");
    change_refused("- g = ", "- M = ", "the name `M` clashes with the dim `M`");
    change_refused("- g = ", "- h = ", "the name `h` clashes with the tensor of line 14");
}

static void words_of_the_language_are_no_names(void **state) {
    (void)state;
    change_refused("N: 64", "int: 64", "the name `int` is a word of C or OpenCL C");
    change_refused("N: 64", "float4: 64", "`float4` is a word of C or OpenCL C");
    change_refused("N: 64", "get_global_id: 64", "begins like the built-in functions");
    change_refused("N: 64", "max: 64", "is built into OpenCL C");
    change_refused("N: 64", "__N: 64", "two underscores");
    change_refused("  b: {", "  kernel: {", "the name `kernel` is a word of C or OpenCL C");
    change_refused("- g = ", "- 2g = ", "must be letters, digits and underscores");
}

static void every_size_defines_the_same_dims(void **state) {
    (void)state;
    change_refused("{N: 3, K: 5, M: 7}", "{N: 3, K: 5}", "p.yaml:6:3: size `check` does not define `M`");
    change_refused("{N: 3, K: 5, M: 7}", "{N: 3, K: 5, M: 7, L: 1}",
                   "size `check` defines `L`, which size `full` does not");
    change_refused("  check:", "  auto:", "a size cannot be called `auto`");
    change_refused("{N: 3, K: 5, M: 7}", "{}", "must be a mapping of dims");
}

static void what_nothing_uses_is_refused(void **state) {
    (void)state;
    change_refused("linear(x, w, b)", "linear(x, w)", "p.yaml:12:3: the weight `b` is used by no line");
    change_refused("mul(g, 2.0)", "mul(h, 2.0)", "p.yaml:15:5: `g` is neither used by a later line nor an output");
}

static void outputs_must_come_from_the_graph(void **state) {
    (void)state;
    change_refused("[y]", "[z]", "p.yaml:17:11: the output `z` is no tensor of the graph");
    change_refused("[y]", "[x]", "`x` is an input");
    change_refused("[y]", "[y, y]", "listed twice");
    change_refused("[y]", "[]", "at least one");
}

static void conditions_on_dims_are_checked(void **state) {
    (void)state;
    change_refused("M: 7", "M: 5", "p.yaml:7:9: size `check`: `M > K` does not hold (M = 5, K = 5)");
    change_refused("M > K", "M > L", "`L` is no dim of the sizes");
    change_refused("M > K", "M >", "`M >`");
    change_refused("M > K", "M / (N - 3)", "size `check`");
}

static void fills_must_make_sense(void **state) {
    (void)state;
    change_refused("fill: kaiming", "fill: xavier", "unknown fill `xavier`\nhint: there are uniform(a, b)");
    change_refused("uniform(-1, 1)", "uniform(1, -1)", "the first bound must be below the second");
    change_refused("uniform(-1, 1)", "uniform(1)", "uniform takes 2 numbers");
    change_refused("uniform(-1, 1)", "uniform(-1, nan)", "`nan` is not a finite number");
    change_refused("uniform(-1, 1)", "uniform(-1, 1", "this bracket is not closed");
    change_refused("normal(0, 0.5)", "normal(0, 0)", "standard deviation must be positive");
    change_refused("\"normal(0, 0.5)\"", "kaiming", "kaiming needs a tensor of two dims or more");
    change_refused("uniform(-1, 1)", "integers(0, 16777217)", "f32 holds integers up to 16777216 only");
    change_refused("f32, shape: [N, K]", "f64, shape: [N, K]", "unknown dtype `f64`");
}

static void commas_in_calls_need_no_quotes_and_shift_no_column(void **state) {
    (void)state;
    change_refused("fill: uniform(-1, 1)}", "fill: uniform(-1, 1), fil: 3}", "p.yaml:9:56: unknown key `fil`");
    TEXT text = with(MLP, "origin: somebody", "origin: somebody (or, perhaps, somebody else");
    PROBLEM p = problem_of(text);
    assert_string_equal(problem_origin(p), "somebody (or, perhaps, somebody else");
}

static void a_structure_is_one_of_four_and_fits_domain_and_shape(void **state) {
    (void)state;
    change_refused("fill: uniform(-1, 1)", "structure: triangular",
                   "unknown structure `triangular`\nhint: there are lower");
    change_refused("fill: uniform(-1, 1)", "structure: symmetric", "`x` is symmetric, but has 64 rows and 128 columns");
    change_refused("fill: uniform(-1, 1)", "domain: positive, structure: lower", "makes zeros, which are not positive");
    change_refused("fill: \"normal(0, 0.5)\"", "structure: upper", "`b` has 1 dims; a structure needs two");
    TEXT text = with(MLP, "fill: uniform(-1, 1)", "structure: lower");
    PROBLEM p = problem_of(text);
    BOUND b = bound_of(p, "check"); /* x is 3 x 5: 6 of its 15 elements are free */
    assert_int_equal(b->tensor[0].fill.structure, STRUCTURE_LOWER);
    assert_true(fabs(tensor_free_share(&b->tensor[0]) - 6.0 / 15) < 1e-12);
    struct cost cost;
    bound_cost(b, &cost);
    assert_true(cost.bytes_least == 4.0 * (6 + 7 * 5 + 7 + 3 * 7));
    assert_true(cost.flops_least < cost.flops * 6 / 15);
}

static void a_fill_stays_within_its_domain(void **state) {
    (void)state;
    change_refused("fill: uniform(-1, 1)", "domain: positive, fill: uniform(-1, 1)", "its domain is positive");
    change_refused("fill: uniform(-1, 1)", "domain: unit, fill: uniform(-1, 1)", "its domain is unit");
    change_refused("fill: uniform(-1, 1)", "domain: mask, fill: uniform(0, 1)", "a mask holds 0 and 1");
    change_refused("fill: uniform(-1, 1)", "domain: index(K), fill: uniform(0, 1)", "an index needs integers");
    change_refused("fill: uniform(-1, 1)", "domain: index(K), fill: \"integers(0, 9)\"",
                   "size `check`: the fill of index");
    change_refused("fill: uniform(-1, 1)", "domain: index", "index needs its bound");
    change_refused("fill: uniform(-1, 1)", "domain: sphere", "unknown domain `sphere`");
    change_refused("fill: kaiming", "domain: positive, fill: kaiming", "reach beyond its domain");
}

static void files_beyond_the_limits_are_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    TEXT big = xmalloc(PROBLEM_MAX_BYTES + 1);
    memset(big, '#', PROBLEM_MAX_BYTES + 1);
    assert_null(problem_parse(big, PROBLEM_MAX_BYTES + 1, "p.yaml", &err));
    assert_error(&err, ERR_LIMIT, "over a problem file's limit");
    CLEANUP(buf_done) struct buf lines = BUF_INIT;
    for (int i = 0; i < PROBLEM_MAX_TENSORS; i++) buf_printf(&lines, "  - t%d = relu(x)\n", i);
    TEXT many = with(MLP, "  - h = linear(x, w, b)\n", lines.data);
    refused(many, ERR_LIMIT, "at most 512 tensors");
    CLEANUP(buf_done) struct buf line = BUF_INIT;
    for (int i = 0; i < 600; i++) buf_puts(&line, "x, ");
    TEXT value = xasprintf("linear(%sw)", line.data);
    TEXT text = with(MLP, "linear(x, w, b)", value);
    refused(text, ERR_LIMIT, "at most 1024 are allowed");
}

static void other_documents_are_refused_not_crashed_on(void **state) {
    (void)state;
    static const char *const texts[] = {"", "[]", "x", "problem: ", "problem: [a]", "problem: a\nsizes: 3", "{"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = ERROR_INIT;
        assert_null(problem_parse(texts[i], strlen(texts[i]), "p.yaml", &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
    assert_null(problem_load("/nonexistent/p.yaml", NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_described),
        cmocka_unit_test(unknown_keys_are_named_with_the_nearest),
        cmocka_unit_test(an_unknown_operator_is_named_with_place_and_nearest),
        cmocka_unit_test(an_unknown_attribute_or_word_is_named),
        cmocka_unit_test(an_unknown_operand_is_named_with_the_nearest),
        cmocka_unit_test(quoted_lines_know_their_columns_too),
        cmocka_unit_test(too_few_and_too_many_operands_are_refused),
        cmocka_unit_test(broken_lines_say_where),
        cmocka_unit_test(shape_mismatches_show_the_shapes_and_the_size),
        cmocka_unit_test(zero_sized_tensors_are_refused),
        cmocka_unit_test(dims_that_overflow_are_refused),
        cmocka_unit_test(names_may_not_clash),
        cmocka_unit_test(words_of_the_language_are_no_names),
        cmocka_unit_test(every_size_defines_the_same_dims),
        cmocka_unit_test(what_nothing_uses_is_refused),
        cmocka_unit_test(outputs_must_come_from_the_graph),
        cmocka_unit_test(conditions_on_dims_are_checked),
        cmocka_unit_test(fills_must_make_sense),
        cmocka_unit_test(commas_in_calls_need_no_quotes_and_shift_no_column),
        cmocka_unit_test(a_fill_stays_within_its_domain),
        cmocka_unit_test(a_structure_is_one_of_four_and_fits_domain_and_shape),
        cmocka_unit_test(files_beyond_the_limits_are_refused),
        cmocka_unit_test(other_documents_are_refused_not_crashed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
