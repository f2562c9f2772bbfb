/* The error scale: honest float32 evaluations stay within 4 u scale sqrt(K) on every distribution, and evaluations of
 * inputs rounded to TF32 or bfloat16 do not, on the precision probe and on signed data. */
#include "tests/unit/problems/case.h"
#include "tests/unit/problems/honest.h"

#define C 4.0
#define TF32_BITS 10
#define BF16_BITS 7

/* How a graph is evaluated: in[k] are the inputs in the file's order. */
typedef void evaluate(float *const *in, float *out, enum sum_order order);

struct subject {
    const char *name, *body;
    evaluate *run;
    /* Products in a row: the bound of how errors pass the second one is far above what happens, and hides TF32 on
     * signed data. The probe still shows it. */
    bool probe_only;
};

/* Worst |error| in units of the tolerance. */
static double worst(const struct case_ *c, const float *got) {
    int t = c->bound->output[0];
    double bound = C * 0x1p-24 * sqrt((double)c->cost.reduction), most = 0.0;
    for (int64_t i = 0; i < c->bound->tensor[t].elements; i++) {
        double ratio = fabs((double)got[i] - c->oracle.value[t][i]) / (bound * c->oracle.scale[t][i]);
        if (!(ratio <= most)) most = ratio;
    }
    return most;
}

static double evaluate_rounded(const struct case_ *c, const struct subject *s, enum sum_order order, int bits) {
    float *in[8] = {NULL}, *out = xmalloc(c->bound->tensor[c->bound->output[0]].bytes);
    int n = 0;
    for (int t = 0; t < c->bound->n_tensors; t++) {
        if (!c->data[t]) continue;
        in[n] = xmalloc(c->bound->tensor[t].bytes);
        const float *from = c->data[t];
        for (int64_t i = 0; i < c->bound->tensor[t].elements; i++)
            in[n][i] = bits ? rounded_to(from[i], bits) : from[i];
        n++;
    }
    s->run(in, out, order);
    double most = worst(c, out);
    for (int i = 0; i < n; i++) free(in[i]);
    free(out);
    return most;
}

/* --- subjects --------------------------------------------------------------------------------- */

#define M 12
#define K 1024
#define N 10

static void product(const float *a, const float *b, int64_t b_row, int64_t b_column, const float *bias, float *y,
                    int64_t m, int64_t k, int64_t n, enum sum_order order) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            y[i * n + j] = honest_dot(a + i * k, 1, b + j * b_column, b_row, k, order) + (bias ? bias[j] : 0.0f);
}

static void run_matmul(float *const *in, float *out, enum sum_order order) {
    product(in[0], in[1], N, 1, NULL, out, M, K, N, order);
}

static void run_mlp(float *const *in, float *out, enum sum_order order) {
    static float h[M * K];
    product(in[0], in[1], 1, K, in[2], h, M, K, K, order);
    for (int i = 0; i < M * K; i++) h[i] = fmaxf(h[i], 0.0f);
    product(h, in[3], 1, K, in[4], out, M, K, N, order);
}

static void run_attention(float *const *in, float *out, enum sum_order order) {
    static float s[M * 300];
    product(in[0], in[1], 1, 64, NULL, s, M, 64, 300, order);
    for (int i = 0; i < M * 300; i++) s[i] *= 0.125f;
    for (int i = 0; i < M; i++) honest_softmax(s + i * 300, s + i * 300, 1, 300, order);
    product(s, in[2], 64, 1, NULL, out, M, 300, 64, order);
}

static void run_gemm_gelu_softmax(float *const *in, float *out, enum sum_order order) {
    product(in[0], in[1], 1, 256, in[2], out, M, 256, 300, order);
    for (int i = 0; i < M * 300; i++) out[i] = honest_gelu(out[i]);
    for (int i = 0; i < M; i++) honest_softmax(out + i * 300, out + i * 300, 1, 300, order);
}

static void run_softmax(float *const *in, float *out, enum sum_order order) {
    for (int i = 0; i < M; i++) {
        if (order == SUM_SEQUENTIAL)
            honest_softmax_online(in[0] + i * K, out + i * K, 1, K);
        else
            honest_softmax(in[0] + i * K, out + i * K, 1, K, order);
    }
}

static void run_layer_norm(float *const *in, float *out, enum sum_order order) {
    for (int i = 0; i < M; i++) {
        if (order == SUM_SEQUENTIAL)
            honest_layer_norm_welford(in[0] + i * K, in[1], in[2], out + i * K, K);
        else
            honest_layer_norm(in[0] + i * K, in[1], in[2], out + i * K, K, order);
    }
}

static void run_mean(float *const *in, float *out, enum sum_order order) {
    for (int i = 0; i < M * K - 64 + 1; i++) out[i] = honest_sum(in[0] + i, 1, 64, order) / 64.0f;
}

#define ELEMENT_WISE(name, expression)                                           \
    static void run_##name(float *const *in, float *out, enum sum_order order) { \
        (void)order;                                                             \
        for (int i = 0; i < M * K; i++) {                                        \
            float x = in[0][i];                                                  \
            out[i] = expression;                                                 \
        }                                                                        \
    }
ELEMENT_WISE(gelu, honest_gelu(x))
ELEMENT_WISE(gelu_tanh, honest_gelu_tanh(x))
ELEMENT_WISE(sigmoid, honest_sigmoid(x))
ELEMENT_WISE(tanh, tanhf(x))
ELEMENT_WISE(arithmetic, (x + 0.1f) * 3.3f / 7.0f - 0.1f)

/* As convolutions in gather form: in the order of taps, channels inside. 2 x 20 x 5 x 6, 7 outputs, 4 x 4, stride 2. */
static void run_conv(float *const *in, float *out, enum sum_order order) {
    enum { IN = 20, OUT = 7, H = 5, W = 6, OH = 11, OW = 13 };
    for (int p = 0; p < 2 * OUT * OH * OW; p++) {
        int ow = p % OW, oh = p / OW % OH, k = p / OW / OH % OUT, n = p / OW / OH / OUT;
        float s = in[2][k];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                int th = oh + 1 - i, tw = ow + 1 - j;
                if (th < 0 || tw < 0 || th % 2 || tw % 2 || th / 2 >= H || tw / 2 >= W) continue;
                s += honest_dot(in[0] + n * IN * H * W + th / 2 * W + tw / 2, H * W, in[1] + k * 16 + i * 4 + j,
                                OUT * 16, IN, order);
            }
        out[p] = s;
    }
}

#define X(shape, fill) "inputs:\n  x: {dtype: f32, shape: " shape ", fill: " fill "}\n"
#define ROWS X("[12, 1024]", "normal(0, 2)")
#define GRAPH(lines) "graph:\n" lines "outputs: [y]\n"
static const struct subject SUBJECTS[] = {
    {"matmul",
     X("[12, 1024]",
       "uniform(-1, 1)") "  w: {dtype: f32, shape: [1024, 10], fill: uniform(-1, 1)}\n" GRAPH("  - y = matmul(x, w)\n"),
     run_matmul, false},
    {"mlp",
     X("[12, 1024]", "uniform(-1, 1)") "weights:\n  w1: {dtype: f32, shape: [1024, 1024], fill: kaiming}\n"
                                       "  b1: {dtype: f32, shape: [1024], fill: uniform(-0.1, 0.1)}\n  w2: {dtype: "
                                       "f32, shape: [10, 1024], fill: kaiming}\n"
                                       "  b2: {dtype: f32, shape: [10], fill: uniform(-0.1, 0.1)}\n" GRAPH(
                                           "  - h = linear(x, w1, b1)\n  - r = relu(h)\n  - y = linear(r, w2, b2)\n"),
     run_mlp, true},
    {"attention",
     X("[12, 64]", "normal(0, 1)") "  k: {dtype: f32, shape: [300, 64], fill: normal(0, 1)}\n"
                                   "  v: {dtype: f32, shape: [300, 64], fill: uniform(-1, 1)}\n" GRAPH(
                                       "  - s = matmul(x, k, transpose_b=true)\n  - t = mul(s, 0.125)\n  - p = "
                                       "softmax(t, axis=1)\n  - y = matmul(p, v)\n"),
     run_attention, false},
    {"gemm, gelu, softmax",
     X("[12, 256]", "uniform(-1, 1)") "weights:\n  w: {dtype: f32, shape: [300, 256], fill: kaiming}\n"
                                      "  b: {dtype: f32, shape: [300], fill: uniform(-0.5, 0.5)}\n" GRAPH(
                                          "  - a = linear(x, w, b)\n  - g = gelu(a)\n  - y = softmax(g, axis=1)\n"),
     run_gemm_gelu_softmax, false},
    {"softmax", ROWS GRAPH("  - y = softmax(x, axis=1)\n"), run_softmax, false},
    {"layer norm",
     ROWS "weights:\n  g: {dtype: f32, shape: [1024], fill: uniform(0.5, 1.5)}\n"
          "  b: {dtype: f32, shape: [1024], fill: uniform(-0.5, 0.5)}\n" GRAPH("  - y = layer_norm(x, g, b)\n"),
     run_layer_norm, false},
    {"average pooling", X("[1, 12288]", "uniform(-1, 1)") GRAPH("  - y = avg_pool1d(x, kernel=64, stride=1)\n"),
     run_mean, false},
    {"gelu", ROWS GRAPH("  - y = gelu(x)\n"), run_gelu, false},
    {"gelu (tanh)", ROWS GRAPH("  - y = gelu(x, approximate=tanh)\n"), run_gelu_tanh, false},
    {"sigmoid", ROWS GRAPH("  - y = sigmoid(x)\n"), run_sigmoid, false},
    {"tanh", ROWS GRAPH("  - y = tanh(x)\n"), run_tanh, false},
    {"arithmetic", ROWS GRAPH("  - a = add(x, 0.1)\n  - b = mul(a, 3.3)\n  - c = div(b, 7.0)\n  - y = sub(c, 0.1)\n"),
     run_arithmetic, false},
    {"transposed convolution",
     X("[2, 20, 5, 6]",
       "uniform(-1, 1)") "weights:\n  w: {dtype: f32, shape: [20, 7, 4, 4], fill: kaiming}\n"
                         "  b: {dtype: f32, shape: [7], fill: uniform(-0.1, 0.1)}\n" GRAPH(
                             "  - y = conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1)\n"),
     run_conv, false},
};
#define SUBJECT_COUNT (sizeof SUBJECTS / sizeof *SUBJECTS)

static void check_honest(const struct subject *s) {
    struct case_ c;
    case_open(&c, s->body);
    for (int d = 0; d < DIST_COUNT; d++) {
        const char *name = distribution_name((enum distribution)d);
        case_fill(&c, (enum distribution)d, 11);
        case_judge(&c, 0);
        for (int order = 0; order < SUM_ORDERS; order++) {
            double most = evaluate_rounded(&c, s, (enum sum_order)order, 0);
            if (getenv("SHOW")) printf("%-22s %-16s order %d: %.3f\n", s->name, name, order, most);
            if (!(most <= 1.0)) fail_msg("%s on %s data, order %d: %.3g of the tolerance", s->name, name, order, most);
        }
    }
    case_close(&c);
}

static void honest_evaluations_stay_within_the_tolerance(void **state) {
    (void)state;
    for (size_t s = 0; s < SUBJECT_COUNT; s++) check_honest(&SUBJECTS[s]);
}

static void check_rounded_inputs(enum distribution d, int bits) {
    for (size_t s = 0; s < SUBJECT_COUNT; s++) {
        struct case_ c;
        if (SUBJECTS[s].probe_only && d != DIST_PRECISION_PROBE) continue;
        case_open(&c, SUBJECTS[s].body);
        case_fill(&c, d, 11);
        case_judge(&c, 0);
        double most = evaluate_rounded(&c, &SUBJECTS[s], SUM_PAIRWISE, bits);
        if (getenv("SHOW")) printf("%-22s %-16s %d bits: %.3g\n", SUBJECTS[s].name, distribution_name(d), bits, most);
        if (!(most > 1.0))
            fail_msg("%s on %s data with %d bits passes: %.3g", SUBJECTS[s].name, distribution_name(d), bits, most);
        case_close(&c);
    }
}

static void inputs_rounded_to_tf32_show_on_the_probe(void **state) {
    (void)state;
    check_rounded_inputs(DIST_PRECISION_PROBE, TF32_BITS);
}

static void inputs_rounded_to_tf32_show_on_signed_data(void **state) {
    (void)state;
    check_rounded_inputs(DIST_SIGNED_UNIFORM, TF32_BITS);
}

static void inputs_rounded_to_bfloat16_show_on_both(void **state) {
    (void)state;
    check_rounded_inputs(DIST_PRECISION_PROBE, BF16_BITS);
    check_rounded_inputs(DIST_SIGNED_UNIFORM, BF16_BITS);
}

/* --- long rows -------------------------------------------------------------------------------- */

#define LONG 65536

static void run_long_softmax(float *const *in, float *out, enum sum_order order) {
    if (order == SUM_SEQUENTIAL)
        honest_softmax_online(in[0], out, 1, LONG);
    else
        honest_softmax(in[0], out, 1, LONG, order);
}

static void run_long_layer_norm(float *const *in, float *out, enum sum_order order) {
    honest_layer_norm(in[0], in[1], in[2], out, LONG, order);
}

static void run_long_dot(float *const *in, float *out, enum sum_order order) {
    out[0] = honest_dot(in[0], 1, in[1], 1, LONG, order);
}

static const struct subject LONG_SUBJECTS[] = {
    {"long softmax", X("[1, 65536]", "normal(0, 2)") GRAPH("  - y = softmax(x, axis=1)\n"), run_long_softmax, false},
    {"long layer norm",
     X("[1, 65536]", "normal(0.5, 2)") "weights:\n  g: {dtype: f32, shape: [65536], fill: uniform(0.5, 1.5)}\n"
                                       "  b: {dtype: f32, shape: [65536], fill: uniform(-0.5, 0.5)}\n" GRAPH(
                                           "  - y = layer_norm(x, g, b)\n"),
     run_long_layer_norm, false},
    {"long dot product",
     X("[1, 65536]", "uniform(0, 1)") "  w: {dtype: f32, shape: [1, 65536], fill: uniform(0, 1)}\n" GRAPH(
         "  - y = matmul(x, w, transpose_b=true)\n"),
     run_long_dot, false},
};

static void long_sequential_sums_stay_within_the_tolerance(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof LONG_SUBJECTS / sizeof *LONG_SUBJECTS; s++) check_honest(&LONG_SUBJECTS[s]);
}

/* E[x^2] - mean^2 in float32 loses what the two-pass formula keeps, where the mean is large. */
static void the_one_pass_variance_is_not_honest_far_from_zero(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c, X("[12, 1024]", "normal(300, 1)") "weights:\n  g: {dtype: f32, shape: [1024], fill: uniform(0.5, 1.5)}\n"
                  "  b: {dtype: f32, shape: [1024], fill: uniform(-0.5, 0.5)}\n" GRAPH("  - y = layer_norm(x, g, b)\n"));
    case_fill(&c, DIST_DECLARED, 11);
    case_judge(&c, 0);
    assert_true(evaluate_rounded(&c, &SUBJECTS[5], SUM_PAIRWISE, 0) <= 1.0);
    assert_true(evaluate_rounded(&c, &SUBJECTS[5], SUM_SEQUENTIAL, 0) <= 1.0);
    static float y[M * K];
    const float *x = c.data[0], *g = c.data[1], *b = c.data[2];
    for (int i = 0; i < M; i++) {
        float mean = honest_sum(x + i * K, 1, K, SUM_PAIRWISE) / K;
        float r = 1.0f / sqrtf(honest_dot(x + i * K, 1, x + i * K, 1, K, SUM_PAIRWISE) / K - mean * mean + 1e-5f);
        for (int j = 0; j < K; j++) y[i * K + j] = (x[i * K + j] - mean) * r * g[j] + b[j];
    }
    assert_true(worst(&c, y) > 1.0);
    case_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_evaluations_stay_within_the_tolerance),
        cmocka_unit_test(long_sequential_sums_stay_within_the_tolerance),
        cmocka_unit_test(inputs_rounded_to_tf32_show_on_the_probe),
        cmocka_unit_test(inputs_rounded_to_tf32_show_on_signed_data),
        cmocka_unit_test(inputs_rounded_to_bfloat16_show_on_both),
        cmocka_unit_test(the_one_pass_variance_is_not_honest_far_from_zero),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
