/* The fused baseline: which nodes become one kernel, and what it leaves to the plain kernels. That the kernels compute
 * the right thing is tests/integration/fused.sh's to show, on devices. */
#include "problems/baseline/baseline.h"
#include "tests/unit/problems/case.h"

static const struct baseline_device CPU = {
    .max_work_group = 1024, .local_memory = 32768, .compute_units = 2, .is_cpu = true};
static const struct baseline_device GPU = {.max_work_group = 1024, .local_memory = 49152, .compute_units = 100};
static const struct baseline_device SMALL_GPU = {.max_work_group = 64, .local_memory = 49152, .compute_units = 4};

static struct plan *fused_for(const struct bound *b, const struct baseline_device *d) {
    struct error err = ERROR_INIT;
    struct plan *p = NULL;
    if (baseline_plan("fused", b, d, &p, &err) != 0) fail_msg("%s", err.text);
    assert_null(strchr(p->source, '$'));
    return p;
}

/* The entries launched, in order, with spaces between. */
static void assert_launches(const struct plan *p, const char *expected) {
    char got[1024] = "";
    for (int i = 0; i < p->n_launches; i++) {
        strcat(got, i ? " " : "");
        strcat(got, p->launch[i].entry);
    }
    assert_string_equal(got, expected);
}

static void check_launches(const char *body, const struct baseline_device *d, const char *expected) {
    struct case_ c;
    case_open(&c, body);
    struct plan *p = fused_for(c.bound, d);
    assert_launches(p, expected);
    plan_free(p);
    case_close(&c);
}

#define MLP                                                                                                            \
    "inputs:\n  x: {dtype: f32, shape: [4, 6], fill: \"uniform(-1, 1)\"}\nweights:\n  w: {dtype: f32, shape: [5, 6], " \
    "fill: "                                                                                                           \
    "kaiming}\n  b: {dtype: f32, shape: [5], fill: \"uniform(-1, 1)\"}\n"

static void an_element_wise_chain_joins_its_product(void **state) {
    (void)state;
    const char *body =
        MLP "graph:\n  - a = linear(x, w, b)\n  - c = relu(a)\n  - d = mul(c, b)\n  - y = tanh(d)\noutputs: [y]\n";
    check_launches(body, &CPU, "p_fused_pack p_fused_product");
    check_launches(body, &GPU, "p_fused_product");
}

static void a_gpu_with_small_groups_gets_the_kernel_without_local_memory(void **state) {
    (void)state;
    check_launches(MLP "graph:\n  - y = linear(x, w, b)\noutputs: [y]\n", &SMALL_GPU, "p_fused_pack p_fused_product");
}

static void a_reduction_starts_a_kernel_and_takes_its_own_chain(void **state) {
    (void)state;
    check_launches(MLP
                   "graph:\n  - a = linear(x, w, b)\n  - c = relu(a)\n  - s = softmax(c, axis=1)\n  - y = mul(s, 2.0)\n"
                   "outputs: [y]\n",
                   &CPU, "p_fused_pack p_fused_product p_fused_softmax_rows");
}

static void a_chain_of_inputs_is_one_kernel(void **state) {
    (void)state;
    check_launches(MLP
                   "graph:\n  - a = relu(x)\n  - c = mul(a, 2.0)\n  - y = add(c, x)\n  - z = linear(y, w, b)\n"
                   "outputs: [z]\n",
                   &CPU, "p_fused_element p_fused_pack p_fused_product");
}

static void an_operand_that_does_not_exist_yet_keeps_nodes_apart(void **state) {
    (void)state;
    /* y needs the second product, so it cannot be computed where the first one is. */
    check_launches(MLP
                   "graph:\n  - a = linear(x, w, b)\n  - c = relu(a)\n  - d = linear(x, w)\n  - y = add(c, d)\n"
                   "outputs: [y]\n",
                   &CPU, "p_fused_pack p_fused_product p_fused_pack p_fused_product_2");
}

static void a_chain_that_steps_inside_a_row_is_not_fused(void **state) {
    (void)state;
    /* A row of the norm is 3 x 4 elements, z repeats every 4. */
    check_launches(
        "inputs:\n  x: {dtype: f32, shape: [2, 3, 4], fill: \"uniform(-1, 1)\"}\n"
        "  g: {dtype: f32, shape: [3, 4], fill: \"uniform(-1, 1)\"}\n"
        "  z: {dtype: f32, shape: [4], fill: \"uniform(-1, 1)\"}\n"
        "graph:\n  - n = layer_norm(x, g, g)\n  - y = mul(n, z)\noutputs: [y]\n",
        &CPU, "p_fused_layer_norm p_fused_element_rows");
}

static void half_precision_keeps_the_plain_kernels(void **state) {
    (void)state;
    check_launches(
        "inputs:\n  x: {dtype: f16, shape: [4, 6], fill: \"uniform(-1, 1)\"}\n"
        "graph:\n  - a = relu(x)\n  - y = mul(a, 2.0)\noutputs: [y]\n",
        &CPU, "p_relu p_mul");
}

static void sums_too_long_for_one_work_item_keep_the_plain_kernels(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [2, 200000], fill: \"uniform(-1, 1)\"}\n"
              "  v: {dtype: f32, shape: [2, 200000], fill: \"uniform(-1, 1)\"}\n"
              "graph:\n  - y = matmul(x, v, transpose_b=true)\noutputs: [y]\n");
    struct plan *p = fused_for(c.bound, &CPU);
    assert_string_equal(p->launch[0].entry, "p_matmul");
    plan_free(p);
    case_close(&c);
}

static void the_text_is_the_same_at_every_size(void **state) {
    (void)state;
    static const char *const SIZES[] = {"[4, 6]", "[33, 700]"};
    char *source[2];
    for (int i = 0; i < 2; i++) {
        char *body = xasprintf(
            "inputs:\n  x: {dtype: f32, shape: %s, fill: \"uniform(-1, 1)\"}\n"
            "graph:\n  - a = softmax(x, axis=1)\n  - y = tanh(a)\noutputs: [y]\n",
            SIZES[i]);
        struct case_ c;
        case_open(&c, body);
        struct plan *p = fused_for(c.bound, &CPU);
        source[i] = xstrdup(p->source);
        plan_free(p);
        case_close(&c);
        free(body);
    }
    assert_string_equal(source[0], source[1]);
    free(source[0]);
    free(source[1]);
}

static void an_unknown_baseline_is_refused_with_the_known_ones(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c, MLP "graph:\n  - y = linear(x, w, b)\noutputs: [y]\n");
    struct error err = ERROR_INIT;
    struct plan *p = NULL;
    assert_int_equal(baseline_plan("fuzed", c.bound, &CPU, &p, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "plain, fused"));
    assert_null(p);
    case_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_wise_chain_joins_its_product),
        cmocka_unit_test(a_gpu_with_small_groups_gets_the_kernel_without_local_memory),
        cmocka_unit_test(a_reduction_starts_a_kernel_and_takes_its_own_chain),
        cmocka_unit_test(a_chain_of_inputs_is_one_kernel),
        cmocka_unit_test(an_operand_that_does_not_exist_yet_keeps_nodes_apart),
        cmocka_unit_test(a_chain_that_steps_inside_a_row_is_not_fused),
        cmocka_unit_test(half_precision_keeps_the_plain_kernels),
        cmocka_unit_test(sums_too_long_for_one_work_item_keep_the_plain_kernels),
        cmocka_unit_test(the_text_is_the_same_at_every_size),
        cmocka_unit_test(an_unknown_baseline_is_refused_with_the_known_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
