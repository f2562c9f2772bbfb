/* The oracle: threads, memory, cancellation, several outputs. */
#include "tests/unit/problems/case.h"

static const char CHAIN[] =
    "inputs:\n  x: {dtype: f32, shape: [70, 300], fill: normal(0, 1)}\nweights:\n"
    "  w: {dtype: f32, shape: [200, 300], fill: kaiming}\n  v: {dtype: f32, shape: [200, 150], fill: kaiming}\n"
    "graph:\n  - h = linear(x, w)\n  - g = gelu(h)\n  - m = matmul(g, v)\n  - y = softmax(m, axis=1)\n  - z = relu(h)\n"
    "outputs: [y, z]\n";

static void the_number_of_threads_changes_no_bit(void **state) {
    (void)state;
    struct case_ one, other;
    case_open(&one, CHAIN);
    case_open(&other, CHAIN);
    case_fill(&one, DIST_DECLARED, 3);
    case_fill(&other, DIST_DECLARED, 3);
    case_judge(&one, 1);
    for (int threads = 2; threads <= 7; threads += 5) {
        case_judge(&other, threads);
        for (int t = 0; t < one.bound->n_tensors; t++) {
            size_t bytes = (size_t)one.bound->tensor[t].elements * sizeof(double);
            assert_memory_equal(one.oracle.value[t], other.oracle.value[t], bytes);
            assert_memory_equal(one.oracle.scale[t], other.oracle.scale[t], bytes);
        }
        for (int i = 0; i < one.bound->n_nodes; i++)
            if (one.oracle.branch[i])
                assert_memory_equal(one.oracle.branch[i], other.oracle.branch[i], 2 * sizeof(uint32_t));
    }
    case_close(&one);
    case_close(&other);
}

static void only_outputs_are_kept_unless_all_are_wanted(void **state) {
    (void)state;
    struct case_ c;
    struct oracle_result r;
    case_open(&c, CHAIN);
    case_fill(&c, DIST_DECLARED, 3);
    assert_int_equal(oracle_eval(c.bound, (const void *const *)c.data, 2, false, NULL, &r, NULL), 0);
    for (int t = 0; t < c.bound->n_tensors; t++) {
        bool output = c.bound->tensor[t].role == TENSOR_OUTPUT;
        assert_true((r.value[t] != NULL) == output);
        assert_true((r.scale[t] != NULL) == output);
    }
    oracle_done(&r);
    case_judge(&c, 2);
    for (int t = 0; t < c.bound->n_tensors; t++) assert_non_null(c.oracle.scale[t]);
    case_close(&c);
}

static void a_cancelled_run_says_so_and_leaves_nothing(void **state) {
    (void)state;
    struct case_ c;
    struct oracle_result r;
    struct error err = ERROR_INIT;
    volatile bool cancel = true;
    case_open(&c, CHAIN);
    case_fill(&c, DIST_DECLARED, 3);
    assert_int_equal(oracle_eval(c.bound, (const void *const *)c.data, 2, false, &cancel, &r, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_null(r.value);
    oracle_done(&r); /* a second time is a no-op */
    case_close(&c);
}

static void missing_data_are_an_error(void **state) {
    (void)state;
    struct case_ c;
    struct oracle_result r;
    struct error err = ERROR_INIT;
    case_open(&c, CHAIN);
    void *w = c.data[1];
    c.data[1] = NULL;
    assert_int_equal(oracle_eval(c.bound, (const void *const *)c.data, 2, false, NULL, &r, &err), -1);
    assert_non_null(strstr(err.text, "'w'"));
    c.data[1] = w;
    case_close(&c);
}

static void halves_are_read_exactly(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f16, shape: [8], fill: uniform(-1, 1)}\ngraph:\n  - y = relu(x)\noutputs: [y]\n");
    const uint16_t x[8] = {0x3C00, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0x7E00, 0x3555};
    const double want[8] = {1, 0x1p-24, 1023 * 0x1p-24, 0x1p-14, 65504, INFINITY, NAN, 1365 * 0x1p-12};
    memcpy(c.data[0], x, sizeof x);
    case_judge(&c, 1);
    for (int i = 0; i < 8; i++) {
        double got = c.oracle.value[c.bound->output[0]][i];
        assert_true(isnan(want[i]) ? isnan(got) : got == want[i]);
    }
    case_close(&c);
}

/* Tiles, their edges and the depth of a block: against a plain double loop, bit for bit (the order of k is the same).
 */
static void products_are_summed_in_order_at_any_size(void **state) {
    (void)state;
    static const int SIZES[][3] = {{1, 1, 1}, {3, 129, 17}, {65, 128, 129}, {64, 300, 128}, {70, 1, 5}};
    for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
        int m = SIZES[s][0], k = SIZES[s][1], n = SIZES[s][2];
        char *body = xasprintf(
            "inputs:\n  x: {dtype: f32, shape: [%d, %d], fill: normal(0, 1.7)}\n"
            "  w: {dtype: f32, shape: [%d, %d], fill: uniform(-0.7, 1.1)}\n"
            "graph:\n  - y = matmul(x, w)\noutputs: [y]\n",
            m, k, k, n);
        struct case_ c;
        case_open(&c, body);
        case_fill(&c, DIST_DECLARED, 9);
        case_judge(&c, 0);
        const float *x = c.data[0], *w = c.data[1];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double y = 0.0;
                for (int l = 0; l < k; l++) y += (double)x[i * k + l] * (double)w[l * n + j];
                assert_true(c.oracle.value[c.bound->output[0]][i * n + j] == y);
            }
        case_close(&c);
        free(body);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(only_outputs_are_kept_unless_all_are_wanted),
        cmocka_unit_test(a_cancelled_run_says_so_and_leaves_nothing),
        cmocka_unit_test(missing_data_are_an_error),
        cmocka_unit_test(halves_are_read_exactly),
        cmocka_unit_test(products_are_summed_in_order_at_any_size),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
