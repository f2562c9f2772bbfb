/* Problems bound to sizes: shapes, attributes, fills, cost. */
#include <math.h>

#include "problems/ops/op.h"
#include "unit/problems/texts.h"

static void a_size_gives_numbers_to_everything(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "check");
    assert_string_equal(b->size, "check");
    assert_int_equal(b->n_dims, 3);
    assert_int_equal(b->n_tensors, 6);
    assert_int_equal(b->n_nodes, 3);
    assert_int_equal(b->n_outputs, 1);
    int y = bound_find_tensor(b, "y"), h = bound_find_tensor(b, "h");
    assert_int_equal(b->output[0], y);
    assert_int_equal(b->tensor[y].role, TENSOR_OUTPUT);
    assert_int_equal(b->tensor[h].role, TENSOR_INTERMEDIATE);
    assert_int_equal(b->tensor[bound_find_tensor(b, "x")].role, TENSOR_INPUT);
    assert_int_equal(b->tensor[bound_find_tensor(b, "b")].role, TENSOR_WEIGHT);
    assert_true(shape_equal(&b->tensor[y].shape, &(struct shape){2, {3, 7}}));
    assert_int_equal(b->tensor[y].elements, 21);
    assert_int_equal(b->tensor[y].bytes, 84);
    assert_int_equal(bound_find_tensor(b, "nothing"), -1);
    assert_int_equal(b->node[0].line, 14);
    assert_int_equal(b->node[1].in[0], b->node[0].out);
}

static void attributes_are_words_numbers_and_defaults(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "check");
    assert_true(b->node[1].attr[0].is_set);
    assert_string_equal(b->node[1].attr[0].word, "tanh");
    assert_true(b->node[2].attr[OP_SCALAR].is_set);
    assert_true(b->node[2].attr[OP_SCALAR].f == 2.0);
    assert_int_equal(b->node[2].n_in, 1);
    TEXT text = with(MLP, ", approximate=tanh", "");
    PROBLEM plain = problem_of(text);
    BOUND c = bound_of(plain, "check");
    assert_false(c->node[1].attr[0].is_set);
    assert_string_equal(c->node[1].attr[0].word, "none");
}

static double scalar_of(const char *number) {
    TEXT text = with(MLP, "2.0", number);
    PROBLEM p = problem_of(text);
    BOUND b = bound_of(p, "check");
    return b->node[2].attr[OP_SCALAR].f;
}

static void a_number_may_depend_on_dims(void **state) {
    (void)state;
    assert_true(scalar_of("-1e-3") == -1e-3);
    assert_true(scalar_of("K") == 5.0);
    assert_true(scalar_of("K * (M - 1)") == 30.0);
    assert_true(scalar_of("rsqrt(K)") == 1.0 / sqrt(5.0));
    assert_true(scalar_of("rsqrt(ceil_div(K, 2) + 1)") == 0.5);
}

#define CONV                                                                  \
    "problem: conv\n"                                                         \
    "sizes: {check: {N: 2, C: 3, K: 5, H: 7, W: 9, S: 2}}\n"                  \
    "inputs: {x: {dtype: f32, shape: [N, C, H, W]}}\n"                        \
    "weights:\n"                                                              \
    "  w: {dtype: f32, shape: [C, K, 4, 4], fill: kaiming}\n"                 \
    "graph:\n"                                                                \
    "  - y = conv_transpose2d(x, w, stride=2, padding=1, output_padding=1)\n" \
    "outputs: [y]\n"

static void assert_conv(const char *stride, int64_t h, int64_t w) {
    TEXT text = with(CONV, "stride=2", stride);
    PROBLEM p = problem_of(text);
    BOUND b = bound_of(p, "check");
    struct shape expected = {4, {2, 5, h, w}};
    if (!shape_equal(&b->tensor[2].shape, &expected)) {
        char got[160];
        shape_format(&b->tensor[2].shape, got);
        fail_msg("%s: %s", stride, got);
    }
}

static void per_axis_attributes_take_one_value_or_a_list(void **state) {
    (void)state;
    assert_conv("stride=2", 15, 19);
    assert_conv("stride=S", 15, 19);
    assert_conv("stride=[2, 3]", 15, 27);
    assert_conv("stride=(S, S + 1)", 15, 27);
    assert_conv("stride=(S + 1) * (S - 1)", 21, 27);
}

static void one_value_stands_for_every_axis(void **state) {
    (void)state;
    TEXT text = with(CONV, "stride=2", "stride=[2, 3]");
    PROBLEM p = problem_of(CONV);
    PROBLEM q = problem_of(text);
    BOUND one = bound_of(p, "check");
    BOUND two = bound_of(q, "check");
    const struct attr_value *stride = &one->node[0].attr[0], *strides = &two->node[0].attr[0];
    assert_int_equal(stride->n, 1);
    for (int i = 0; i < 3; i++) assert_int_equal(stride->i[i], 2);
    assert_int_equal(strides->n, 2);
    assert_int_equal(strides->i[1], 3);
}

static void refused(const char *base, const char *from, const char *to, const char *part) {
    TEXT text = with(base, from, to);
    struct error err = ERROR_INIT;
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    problem_free(p);
    if (p) fail_msg("accepted `%s`", to);
    assert_error(&err, ERR_INVALID, part);
}

static void attribute_values_are_checked(void **state) {
    (void)state;
    refused(CONV, "stride=2", "stride=2.5", "`stride` must be a whole number");
    refused(CONV, "stride=2", "stride=[1, 2, 3, 4]", "too many values");
    refused(CONV, "stride=2", "stride=[]", "a value is missing");
    refused(CONV, "stride=2", "stride=1000000000", "does not lie between");
    refused(CONV, "stride=2", "stride=C - S - 1",
            "size `check`: `stride` of `conv_transpose2d`: 0 does not lie between");
    refused(CONV, "stride=2", "stride=Q", "`Q` is no dim of the sizes");
    refused(CONV, "stride=2", "stride=S / (S - 2)", "size `check`: `stride` of `conv_transpose2d`");
    refused(MLP, "2.0", "1e999", "out of range");
    refused(MLP, "2.0", "rsqrt(K - K)", "rsqrt() needs a positive number");
    refused(MLP, "2.0", "2.0.0", "`2.0.0`");
}

static void fan_in_is_pytorchs(void **state) {
    (void)state;
    PROBLEM p = problem_of(CONV);
    PROBLEM q = problem_of(MLP);
    BOUND b = bound_of(p, "check");
    BOUND c = bound_of(q, "full");
    assert_int_equal(b->tensor[1].fill.fan_in, 5 * 4 * 4);
    assert_int_equal(c->tensor[bound_find_tensor(c, "w")].fill.fan_in, 128);
}

static void fills_are_kept_and_have_defaults(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    PROBLEM q = problem_of(CONV);
    BOUND b = bound_of(p, "check");
    BOUND c = bound_of(q, "check");
    const struct fill *x = &b->tensor[0].fill, *bias = &b->tensor[2].fill, *standard = &c->tensor[0].fill;
    assert_true(x->kind == FILL_UNIFORM && x->a == -1.0 && x->b == 1.0 && x->domain == DOMAIN_REAL);
    assert_true(bias->kind == FILL_NORMAL && bias->a == 0.0 && bias->b == 0.5);
    assert_true(standard->kind == FILL_UNIFORM && standard->a == -1.0 && standard->b == 1.0);
    TEXT text = with(CONV, "{dtype: f32, shape: [N, C, H, W]}",
                     "{dtype: f32, shape: [N, C, H, W], domain: index(ceil_div(K, 2))}");
    PROBLEM r = problem_of(text);
    BOUND d = bound_of(r, "check");
    const struct fill *index = &d->tensor[0].fill;
    assert_true(index->kind == FILL_INTEGERS && index->a == 0.0 && index->b == 2.0);
    assert_true(index->domain == DOMAIN_INDEX && index->index_bound == 3);
}

static void an_unknown_size_lists_the_known_ones(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    struct error err = ERROR_INIT;
    assert_null(problem_bind(p, "medium", &err));
    assert_error(&err, ERR_NOT_FOUND, "no size `medium`; it has full, check");
}

static void explicit_dims_bind_in_any_order(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    struct error err = ERROR_INIT;
    const char *const names[] = {"M", "N", "K"};
    const int64_t values[] = {11, 2, 3};
    BOUND b = problem_bind_dims(p, "held", names, values, 3, &err);
    assert_non_null(b);
    assert_true(shape_equal(&b->tensor[b->output[0]].shape, &(struct shape){2, {2, 11}}));
    int64_t value = 0;
    assert_true(bound_lookup_dim(b, "M", &value));
    assert_int_equal(value, 11);
    assert_false(bound_lookup_dim(b, "x", &value));
}

static void explicit_dims_are_checked_like_sizes(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    struct error err = ERROR_INIT;
    const char *const names[] = {"M", "N", "K"}, *const wrong[] = {"M", "N", "J"}, *const twice[] = {"M", "N", "M"};
    const int64_t small[] = {3, 2, 3}, zero[] = {5, 0, 3}, negative[] = {5, -1, 3}, good[] = {5, 2, 3};
    assert_null(problem_bind_dims(p, "held", names, small, 3, &err));
    assert_error(&err, ERR_INVALID, "size `held`: `M > K` does not hold (M = 3, K = 3)");
    assert_null(problem_bind_dims(p, "held", names, zero, 3, &err));
    assert_error(&err, ERR_INVALID, "every dimension must be 1 or more");
    assert_null(problem_bind_dims(p, "held", names, negative, 3, &err));
    assert_error(&err, ERR_LIMIT, "`N` is -1");
    assert_null(problem_bind_dims(p, "held", names, good, 2, &err));
    assert_error(&err, ERR_INVALID, "the dim `K` is missing");
    assert_null(problem_bind_dims(p, "held", wrong, good, 3, &err));
    assert_error(&err, ERR_INVALID, "has no dim `J`");
    assert_null(problem_bind_dims(p, "held", twice, good, 3, &err));
    assert_error(&err, ERR_INVALID, "was given twice the dim `M`");
}

static void cost_counts_inputs_weights_and_outputs_once(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "check");
    struct cost cost;
    bound_cost(b, &cost);
    assert_true(cost.bytes_least == 4.0 * (3 * 5 + 7 * 5 + 7 + 3 * 7));
    assert_true(cost.flops >= 2.0 * 3 * 5 * 7);
    assert_true(cost.oracle_flops > cost.flops);
    assert_true(cost.reduction >= 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_gives_numbers_to_everything),
        cmocka_unit_test(attributes_are_words_numbers_and_defaults),
        cmocka_unit_test(a_number_may_depend_on_dims),
        cmocka_unit_test(per_axis_attributes_take_one_value_or_a_list),
        cmocka_unit_test(one_value_stands_for_every_axis),
        cmocka_unit_test(attribute_values_are_checked),
        cmocka_unit_test(fan_in_is_pytorchs),
        cmocka_unit_test(fills_are_kept_and_have_defaults),
        cmocka_unit_test(an_unknown_size_lists_the_known_ones),
        cmocka_unit_test(explicit_dims_bind_in_any_order),
        cmocka_unit_test(explicit_dims_are_checked_like_sizes),
        cmocka_unit_test(cost_counts_inputs_weights_and_outputs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
