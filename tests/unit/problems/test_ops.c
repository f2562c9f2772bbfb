/* Operators: the table, shapes, attributes, costs, and what they refuse. */
#include "tests/unit/problems/case.h"

#include "problems/baseline/emit.h"

static void the_table_is_complete_and_in_order(void **state) {
    (void)state;
    size_t n;
    const struct op *const *all = op_all(&n);
    assert_true(n >= 14);
    for (size_t i = 0; i < n; i++) {
        const struct op *op = all[i];
        if (i > 0) assert_true(strcmp(all[i - 1]->name, op->name) < 0);
        assert_ptr_equal(op_find(op->name), op);
        assert_non_null(op->attrs);
        assert_non_null(op->infer);
        assert_non_null(op->units);
        assert_non_null(op->eval);
        assert_non_null(op->cost);
        assert_non_null(op->emit_plain);
        assert_true(op->min_inputs >= 1 && op->max_inputs <= OP_MAX_INPUTS);
        assert_true(op->scalar_operand == -1 || op->scalar_operand == op->max_inputs - 1);
    }
    assert_null(op_find("sofmax"));
    assert_string_equal(op_nearest("sofmax"), "softmax");
    assert_string_equal(op_nearest("conv_transpose_2d"), "conv_transpose2d");
}

/* One line of graph over x and w of the given shapes. */
static char *body_of(const char *x, const char *w, const char *call) {
    return w ? xasprintf(
                   "inputs:\n  x: {dtype: f32, shape: %s, fill: uniform(-1, 1)}\n  w: {dtype: f32, shape: %s, fill: "
                   "uniform(-1, 1)}\n"
                   "graph:\n  - y = %s\noutputs: [y]\n",
                   x, w, call)
             : xasprintf(
                   "inputs:\n  x: {dtype: f32, shape: %s, fill: uniform(-1, 1)}\ngraph:\n  - y = %s\noutputs: [y]\n", x,
                   call);
}

static void shapes_follow_pytorch(void **state) {
    (void)state;
    static const struct {
        const char *x, *w, *call, *shape;
    } CASES[] = {
        {"[2, 1, 4]", "[3, 1]", "add(x, w)", "[2, 3, 4]"},
        {"[5]", NULL, "mul(x, 2)", "[5]"},
        {"[7, 2, 3]", "[3, 5]", "matmul(x, w)", "[7, 2, 5]"},
        {"[3, 2]", "[4, 5, 3]", "matmul(x, w, transpose_a=true, transpose_b=true)", "[4, 2, 5]"},
        {"[3, 2]", "[4, 3, 5]", "matmul(x, w, transpose_a=true)", "[4, 2, 5]"},
        {"[4, 6, 3]", "[8, 3]", "linear(x, w)", "[4, 6, 8]"},
        {"[2, 3, 50]", NULL, "avg_pool1d(x, kernel=8, stride=3, padding=4)", "[2, 3, 17]"},
        {"[2, 3, 50]", NULL, "avg_pool1d(x, kernel=8)", "[2, 3, 6]"},
        {"[2, 6, 5, 8]", "[6, 4, 3, 5]",
         "conv_transpose2d(x, w, stride=3, padding=2, output_padding=1, dilation=2, groups=2)", "[2, 8, 14, 27]"},
        {"[2, 3, 5]", NULL, "softmax(x, axis=-1)", "[2, 3, 5]"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *body = body_of(CASES[i].x, CASES[i].w, CASES[i].call), text[160];
        struct case_ c;
        case_open(&c, body);
        shape_format(&c.bound->tensor[c.bound->output[0]].shape, text);
        assert_string_equal(text, CASES[i].shape);
        case_close(&c);
        free(body);
    }
}

static void what_does_not_fit_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *x, *w, *call, *says;
    } CASES[] = {
        {"[2, 3]", "[4]", "add(x, w)", "do not broadcast"},
        {"[2, 3]", "[4, 5]", "matmul(x, w)", "3 columns meet 4 rows"},
        {"[3]", "[3, 5]", "matmul(x, w)", "at least two axes"},
        {"[2, 2, 3]", "[3, 3, 5]", "matmul(x, w)", "leading axes"},
        {"[2, 3]", "[3, 5]", "linear(x, w)", "features out"},
        {"[2, 3]", NULL, "softmax(x, axis=2)", "axis=2 does not exist"},
        {"[2, 3]", NULL, "softmax(x)", "axis"},
        {"[2, 3, 5]", NULL, "avg_pool1d(x, kernel=4, padding=3)", "more than half"},
        {"[2, 3, 5]", NULL, "avg_pool1d(x, kernel=9)", "does not fit"},
        {"[2, 3, 5, 5]", NULL, "avg_pool1d(x, kernel=2)", "[N, C, L]"},
        {"[2, 3, 5, 5]", "[4, 3, 3, 3]", "conv_transpose2d(x, w)", "3 channels"},
        {"[2, 3, 5, 5]", "[3, 3, 3, 3]", "conv_transpose2d(x, w, groups=2)", "groups"},
        {"[2, 3, 5, 5]", "[3, 3, 3, 3]", "conv_transpose2d(x, w, output_padding=1)", "output_padding"},
        {"[2, 3, 1, 1]", "[3, 3, 1, 1]", "conv_transpose2d(x, w, padding=1)", "-1 long"},
        {"[2, 3]", NULL, "gelu(x, approximate=fast)", "none"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct error err = ERROR_INIT;
        char *body = body_of(CASES[i].x, CASES[i].w, CASES[i].call);
        struct problem *p = case_parse(body, &err);
        if (p) fail_msg("%s was accepted", CASES[i].call);
        if (!strstr(err.text, CASES[i].says)) fail_msg("%s: %s", CASES[i].call, err.text);
        assert_int_equal(err.code, ERR_INVALID);
        free(body);
    }
}

static void mixed_types_are_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    static const char *const TYPES[] = {"i32", "f16"}, *const SAYS[] = {"i32", "differ in type"};
    for (int i = 0; i < 2; i++) {
        char *body = xasprintf(
            "inputs:\n  x: {dtype: f32, shape: [4], fill: integers(0, 1)}\n  w: {dtype: %s, shape: [4], fill: "
            "integers(0, 1)}\n"
            "graph:\n  - y = add(x, w)\noutputs: [y]\n",
            TYPES[i]);
        assert_null(case_parse(body, &err));
        assert_non_null(strstr(err.text, SAYS[i]));
        free(body);
    }
}

#define INTEGERS(call)                                                                                    \
    "inputs:\n  x: {dtype: i32, shape: [4], fill: integers(-9, 9)}\n  w: {dtype: i32, shape: [4], fill: " \
    "integers(0, 1)}\ngraph:\n" call "outputs: [y]\n"

static void integers_are_taken_by_few_and_stay_integers(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } CASES[] = {
        {INTEGERS("  - a = mul(x, 3)\n  - y = sub(a, w)\n"), NULL},
        {INTEGERS("  - a = relu(x)\n  - y = add(a, w)\n"), NULL},
        {INTEGERS("  - a = add(x, 0.5)\n  - y = add(a, w)\n"), "must be a whole one of 32 bits, not 0.5"},
        {INTEGERS("  - a = add(x, 3e9)\n  - y = add(a, w)\n"), "must be a whole one of 32 bits"},
        {INTEGERS("  - y = div(x, w)\n"), "only f32 and f16 can be computed with"},
        {INTEGERS("  - a = tanh(x)\n  - y = add(a, w)\n"), "only f32 and f16 can be computed with"},
        {INTEGERS("  - a = argmax(x, axis=0)\n  - y = add(a, w)\n"), "only f32 and f16 can be computed with"},
        {"inputs:\n  x: {dtype: i32, shape: [4]}\n  w: {dtype: f32, shape: [4]}\ngraph:\n  - y = add(x, w)\n"
         "outputs: [y]\n",
         "'x' (i32) and 'w' (f32) differ in type"},
        {"inputs:\n  x: {dtype: f32, shape: [4, 5]}\ngraph:\n  - h = tanh(x)\n  - y = argmax(h, axis=1)\n"
         "outputs: [y]\n",
         "'h' is computed, and its rounding could change an index"},
        {"inputs:\n  x: {dtype: f32, shape: [4, 5]}\ngraph:\n  - y = argmax(x, axis=2)\noutputs: [y]\n",
         "axis=2 does not exist"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct error err = ERROR_INIT;
        struct problem *p = case_parse(CASES[i].body, &err);
        if (!p != !!CASES[i].says) fail_msg("case %zu: %s", i, p ? "accepted" : err.text);
        if (!p && !strstr(err.text, CASES[i].says)) fail_msg("case %zu: %s", i, err.text);
        problem_free(p);
    }
}

static void integers_are_exact(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c, INTEGERS("  - a = mul(x, 16777217)\n  - b = relu(a)\n  - y = sub(b, w)\n"));
    const int32_t x[4] = {127, -3, 0, 1}, w[4] = {1, 5, -7, 0};
    memcpy(c.data[0], x, sizeof x);
    memcpy(c.data[1], w, sizeof w);
    case_judge(&c, 1);
    const double *y = c.oracle.value[c.bound->output[0]];
    assert_true(y[0] == 127.0 * 16777217 - 1 && y[1] == -5 && y[2] == 7 && y[3] == 16777217);
    assert_int_equal(c.bound->tensor[c.bound->output[0]].dtype, DTYPE_I32);
    case_close(&c);
}

static void argmax_gives_the_lowest_of_equal_indices(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c, "inputs:\n  x: {dtype: f32, shape: [2, 3, 2]}\ngraph:\n  - y = argmax(x, axis=1)\noutputs: [y]\n");
    const float x[12] = {1, 5, 4, 5, 4, -1, -3, 0, -2, 0, -1, 0};
    memcpy(c.data[0], x, sizeof x);
    case_judge(&c, 1);
    const struct tensor *out = &c.bound->tensor[c.bound->output[0]];
    const double *y = c.oracle.value[c.bound->output[0]];
    assert_int_equal(out->elements, 4);
    assert_int_equal(out->dtype, DTYPE_I32);
    assert_true(y[0] == 1 && y[1] == 0 && y[2] == 2 && y[3] == 0);
    case_close(&c);
}

static void cost_counts_operations_and_roundings(void **state) {
    (void)state;
    struct case_ c;
    case_open(
        &c,
        "inputs:\n  x: {dtype: f32, shape: [10, 200], fill: uniform(-1, 1)}\nweights:\n"
        "  w: {dtype: f32, shape: [30, 200], fill: kaiming}\n  b: {dtype: f32, shape: [30], fill: uniform(-1, 1)}\n"
        "graph:\n  - h = linear(x, w, b)\n  - p = softmax(h, axis=1)\n  - y = mul(p, 2.0)\noutputs: [y]\n");
    assert_int_equal(c.cost.reduction, 201 + 30 + 1);
    assert_true(c.cost.flops == 10 * 30 * (2 * 200 + 1) + 10 * 30 * 12 + 10 * 30);
    assert_true(c.cost.bytes_least == 4.0 * (10 * 200 + 30 * 200 + 30 + 10 * 30));
    assert_true(c.cost.oracle_flops > 2 * c.cost.flops);
    case_close(&c);
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [1, 2, 3, 3], fill: uniform(-1, 1)}\nweights:\n"
              "  w: {dtype: f32, shape: [2, 5, 4, 4], fill: kaiming}\ngraph:\n  - y = conv_transpose2d(x, w, "
              "stride=2)\noutputs: [y]\n");
    assert_int_equal(c.cost.reduction, 2 * 2 * 2); /* two channels, and every second tap each way */
    assert_true(c.cost.flops == 2.0 * 18 * 5 * 16);
    case_close(&c);
}

static void the_scale_of_a_product_is_the_sum_of_magnitudes(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [1, 3], fill: uniform(-1, 1)}\n  w: {dtype: f32, shape: [3, 1], fill: "
              "uniform(-1, 1)}\n"
              "graph:\n  - y = matmul(x, w)\noutputs: [y]\n");
    const float x[3] = {1, -2, 3}, w[3] = {-4, 5, 0.5f};
    memcpy(c.data[0], x, sizeof x);
    memcpy(c.data[1], w, sizeof w);
    case_judge(&c, 1);
    int y = c.bound->output[0];
    assert_true(c.oracle.value[y][0] == -4 - 10 + 1.5);
    assert_true(fabs(c.oracle.scale[y][0] - (4 + 10 + 1.5)) < 1e-20 + 0x1p-100);
    case_close(&c);
}

static void relu_counts_its_branches_and_keeps_nan(void **state) {
    (void)state;
    struct case_ c;
    case_open(
        &c,
        "inputs:\n  x: {dtype: f32, shape: [3, 1000], fill: uniform(-1, 1)}\ngraph:\n  - y = relu(x)\noutputs: [y]\n");
    case_fill(&c, DIST_DECLARED, 1);
    float *x = c.data[0];
    uint32_t positive = 0, negative = 0;
    x[0] = NAN, x[1] = 0.0f, x[2] = -0.0f;
    for (int i = 0; i < 3000; i++) positive += x[i] > 0, negative += x[i] < 0;
    case_judge(&c, 3);
    assert_int_equal(c.oracle.branch[0][0], positive);
    assert_int_equal(c.oracle.branch[0][1], negative); /* zeros come out as they were, and so does a NaN */
    int y = c.bound->output[0];
    assert_true(isnan(c.oracle.value[y][0]) && c.oracle.value[y][1] == 0 && c.oracle.value[y][2] == 0);
    case_close(&c);
}

static void softmax_of_extremes_is_that_of_pytorch(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [3, 4], fill: uniform(-1, 1)}\ngraph:\n  - y = softmax(x, "
              "axis=1)\noutputs: [y]\n");
    const float x[12] = {1e38f, -1e38f,    0,         1e38f,     -INFINITY, 0,
                         0,     -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY};
    const double want[12] = {0.5, 0, 0, 0.5, 0, 0.5, 0.5, 0, NAN, NAN, NAN, NAN};
    memcpy(c.data[0], x, sizeof x);
    case_judge(&c, 1);
    for (int i = 0; i < 12; i++) {
        double got = c.oracle.value[c.bound->output[0]][i];
        assert_true(isnan(want[i]) ? isnan(got) : got == want[i]);
        if (i < 8) assert_true(isfinite(c.oracle.scale[c.bound->output[0]][i]));
    }
    case_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_complete_and_in_order),
        cmocka_unit_test(shapes_follow_pytorch),
        cmocka_unit_test(what_does_not_fit_is_refused_by_name),
        cmocka_unit_test(mixed_types_are_refused),
        cmocka_unit_test(integers_are_taken_by_few_and_stay_integers),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(argmax_gives_the_lowest_of_equal_indices),
        cmocka_unit_test(cost_counts_operations_and_roundings),
        cmocka_unit_test(the_scale_of_a_product_is_the_sum_of_magnitudes),
        cmocka_unit_test(relu_counts_its_branches_and_keeps_nan),
        cmocka_unit_test(softmax_of_extremes_is_that_of_pytorch),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
