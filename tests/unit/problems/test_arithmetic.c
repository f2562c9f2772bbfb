/* Emulated arithmetic: formats, orders of addition, and graphs evaluated in them. */
#include "tests/unit/problems/case.h"

#include "common/cleanup.h"
#include "problems/check/emulate.h"
#include "problems/check/precision.h"

static void formats_round_to_nearest_even_and_overflow(void **state) {
    (void)state;
    assert_true(number_round(NUMBER_F32, 0.1f) == 0.1f);
    assert_true(number_round(NUMBER_BF16, 1.0f + 0x1p-8f) == 1.0f);               /* a tie, to even */
    assert_true(number_round(NUMBER_BF16, 1.0f + 3 * 0x1p-8f) == 1.0f + 0x1p-6f); /* a tie, to even */
    assert_true(number_round(NUMBER_TF32, 1.0f + 0x1.8p-11f) == 1.0f + 0x1p-10f);
    assert_true(number_round(NUMBER_TF32, -0x1.8p100f) == -0x1.8p100f);
    assert_true(isinf(number_round(NUMBER_F16, 65520.0f)) && number_round(NUMBER_F16, 65519.0f) == 65504.0f);
    assert_true(number_round(NUMBER_F16, 0x1.8p-25f) == 0x1p-24f && number_round(NUMBER_F16, 0x1p-25f) == 0.0f);
    assert_true(number_round(NUMBER_FP8, 17.0f) == 16.0f && number_round(NUMBER_FP8, 0x1p-9f) == 0x1p-9f);
    assert_true(isnan(number_round(NUMBER_F16, NAN)) && isnan(number_round(NUMBER_BF16, NAN)));
    assert_true(isinf(number_round(NUMBER_BF16, INFINITY)));
}

static void every_half_survives_both_conversions(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float x = number_from_half((uint16_t)bits);
        if (isnan(x)) continue;
        assert_int_equal(number_to_half(x), bits);
        assert_true(number_round(NUMBER_F16, x) == x);
    }
    assert_int_equal(number_to_half(1e9f), 0x7C00);
    assert_true(isnan(number_from_half(number_to_half(NAN))));
}

/* 2^24 + 1 + 1 + ...: one running float sum stands still, a tree does not. */
static void orders_of_addition_differ_as_they_should(void **state) {
    (void)state;
    enum { N = 1024 };
    float x[N];
    for (int i = 0; i < N; i++) x[i] = 1.0f;
    x[0] = 0x1p24f;
    struct arithmetic a = {.order = ADD_IN_ORDER};
    assert_true(arithmetic_dot(&a, x, 1, NULL, 0, N) == 0x1p24f);
    a.order = ADD_IN_TILES;
    assert_true(arithmetic_dot(&a, x, 1, NULL, 0, N) == 0x1p24f + N - 32);
    a.order = ADD_AS_TREE;
    assert_true(arithmetic_dot(&a, x, 1, NULL, 0, N) == 0x1p24f + N - 8);
    a.sums = NUMBER_BF16;
    assert_true(arithmetic_dot(&a, x, 1, NULL, 0, N) == 0x1p24f);
}

static void a_fused_product_is_not_rounded(void **state) {
    (void)state;
    float x[2] = {1.0f, 1.0f + 0x1p-12f}, y[2] = {-1.0f, 1.0f + 0x1p-12f};
    struct arithmetic a = {.fused = true};
    assert_true(arithmetic_dot(&a, x, 1, y, 1, 2) == 0x1p-11f + 0x1p-24f);
    a.fused = false;
    assert_true(arithmetic_dot(&a, x, 1, y, 1, 2) == 0x1p-11f);
}

static void coarse_functions_stay_within_what_opencl_permits(void **state) {
    (void)state;
    const struct arithmetic a = {.coarse = true};
    double most = 0;
    for (int i = -2000; i < 2000; i++) {
        float x = (float)i * 0.004f;
        most = fmax(most, fabs(arithmetic_exp(&a, x) / exp(x) - 1) * 0x1p24);
    }
    assert_true(most > 2 && most <= 6 + 1); /* 3 ulp are at most 6 u, and the library's own rounding */
}

static void *emulated(const struct case_ *c, const struct arithmetic *a) {
    struct error err = ERROR_INIT;
    void *out[1] = {NULL};
    if (emulate(c->bound, (const void *const *)c->data, a, 2, NULL, out, &err) != 0) fail_msg("%s", err.text);
    return out[0];
}

/* Every operator, on data that are exact in float32: the emulation is the oracle rounded. */
static void an_emulated_graph_is_the_graph(void **state) {
    (void)state;
    static const char *const BODIES[] = {
        "inputs:\n  x: {dtype: f32, shape: [2, 3, 4]}\n  b: {dtype: f32, shape: [4]}\ngraph:\n  - s = add(x, b)\n  - t "
        "= mul(s, "
        "0.5)\n  - u = sub(t, b)\n  - v = div(u, 3.0)\n  - w = relu(v)\n  - y = tanh(w)\noutputs: [y]\n",
        "inputs:\n  x: {dtype: f32, shape: [2, 5, 3]}\ngraph:\n  - s = sigmoid(x)\n  - g = gelu(s)\n  - h = gelu(g, "
        "approximate=tanh)\n  - y = softmax(h, axis=1)\noutputs: [y]\n",
        "inputs:\n  a: {dtype: f32, shape: [2, 1, 5, 3]}\n  b: {dtype: f32, shape: [4, 6, 5]}\ngraph:\n  - y = "
        "matmul(a, b, "
        "transpose_a=true, transpose_b=true)\noutputs: [y]\n",
        "inputs:\n  x: {dtype: f32, shape: [4, 6]}\nweights:\n  w: {dtype: f32, shape: [5, 6]}\n  b: {dtype: f32, "
        "shape: "
        "[5]}\n  g: {dtype: f32, shape: [5]}\ngraph:\n  - h = linear(x, w, b)\n  - y = layer_norm(h, g, b)\noutputs: "
        "[y]\n",
        "inputs:\n  x: {dtype: f32, shape: [2, 3, 11]}\ngraph:\n  - y = avg_pool1d(x, kernel=4, stride=3, padding=2, "
        "count_include_pad=false)\noutputs: [y]\n",
        "inputs:\n  x: {dtype: f32, shape: [2, 4, 3, 5]}\nweights:\n  w: {dtype: f32, shape: [4, 3, 3, 2]}\n  b: "
        "{dtype: f32, "
        "shape: [6]}\ngraph:\n  - y = conv_transpose2d(x, w, b, stride=[2, 3], padding=1, output_padding=[1, 0], "
        "dilation=2, "
        "groups=2)\noutputs: [y]\n",
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++) {
        struct case_ c;
        case_open(&c, BODIES[i]);
        case_fill(&c, DIST_SIGNED_UNIFORM, 5);
        case_judge(&c, 1);
        const struct arithmetic plain = {.order = ADD_IN_ORDER};
        CLEANUP_FREE float *got = emulated(&c, &plain);
        int t = c.bound->output[0];
        for (int64_t k = 0; k < c.bound->tensor[t].elements; k++)
            if (!(fabs((double)got[k] - c.oracle.value[t][k]) <= 4e-6 * (1 + fabs(c.oracle.value[t][k]))))
                fail_msg("graph %zu, element %lld: %.9g, the oracle says %.9g", i, (long long)k, got[k],
                         c.oracle.value[t][k]);
        case_close(&c);
    }
}

static void rounding_happens_where_it_is_asked_for(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [1, 1]}\n  w: {dtype: f32, shape: [1, 1]}\ngraph:\n  - s = matmul(x, "
              "w)\n  - y = mul(s, 3.0)\noutputs: [y]\n");
    float *x = c.data[0], *w = c.data[1];
    x[0] = 1.0f + 0x1p-9f, w[0] = 1.0f;
    const struct {
        struct arithmetic a;
        float want;
    } CASES[] = {
        {{.inputs = NUMBER_F32}, 3.0f + 3 * 0x1p-9f},
        {{.inputs = NUMBER_BF16}, 3.0f},
        {{.operands = NUMBER_BF16}, 3.0f},
        {{.sums = NUMBER_BF16}, 3.0f},
        {{.tensors = NUMBER_BF16}, 3.0f},
        {{.operands = NUMBER_TF32}, 3.0f + 3 * 0x1p-9f},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        CLEANUP_FREE float *got = emulated(&c, &CASES[i].a);
        if (got[0] != CASES[i].want) fail_msg("case %zu: %.9g, not %.9g", i, got[0], CASES[i].want);
    }
    case_close(&c);
}

static void a_graph_without_sums_is_not_concerned_by_them(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c, "inputs:\n  x: {dtype: f32, shape: [9]}\ngraph:\n  - y = gelu(x)\noutputs: [y]\n");
    assert_false(emulate_concerns(c.bound, &(struct arithmetic){.sums = NUMBER_BF16}));
    assert_false(emulate_concerns(c.bound, &(struct arithmetic){.operands = NUMBER_BF16}));
    assert_true(emulate_concerns(c.bound, &(struct arithmetic){.inputs = NUMBER_BF16}));
    case_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_round_to_nearest_even_and_overflow),
        cmocka_unit_test(every_half_survives_both_conversions),
        cmocka_unit_test(orders_of_addition_differ_as_they_should),
        cmocka_unit_test(a_fused_product_is_not_rounded),
        cmocka_unit_test(coarse_functions_stay_within_what_opencl_permits),
        cmocka_unit_test(an_emulated_graph_is_the_graph),
        cmocka_unit_test(rounding_happens_where_it_is_asked_for),
        cmocka_unit_test(a_graph_without_sums_is_not_concerned_by_them),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
