/* The emitter: kernels shared by text, placeholders, broadcasting, plans. */
#include "tests/unit/problems/case.h"

#include "problems/baseline/emit.h"

static struct plan *plain(const struct case_ *c) {
    struct error err = ERROR_INIT;
    struct op_emit *e = emit_new(c->bound);
    struct plan *p = NULL;
    for (int i = 0; i < c->bound->n_nodes; i++)
        if (emit_node(e, i, &err) != 0) fail_msg("%s", err.text);
    if (emit_finish(e, &p, &err) != 0) fail_msg("%s", err.text);
    emit_free(e);
    return p;
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++) n++;
    return n;
}

static void equal_nodes_share_a_kernel(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [4, 6], fill: uniform(-1, 1)}\nweights:\n"
              "  w: {dtype: f32, shape: [5, 6], fill: kaiming}\n  v: {dtype: f32, shape: [3, 5], fill: kaiming}\n"
              "graph:\n  - a = linear(x, w)\n  - b = linear(a, v)\n  - c = mul(b, 2.0)\n  - d = mul(c, 3.0)\n  - y = "
              "mul(d, 2.0)\n"
              "outputs: [y]\n");
    struct plan *p = plain(&c);
    assert_int_equal(p->n_launches, 5);
    assert_int_equal(count(p->source, "__kernel"), 3); /* one linear, two factors */
    assert_string_equal(p->launch[0].entry, p->launch[1].entry);
    assert_string_equal(p->launch[2].entry, p->launch[4].entry);
    assert_string_not_equal(p->launch[2].entry, p->launch[3].entry);
    assert_null(strchr(p->source, '$'));
    assert_int_equal(p->n_buffers, 3 + 4 + 1);
    int outputs = 0, scratch = 0;
    for (int i = 0; i < p->n_buffers; i++) {
        outputs += p->buffer[i].role == PLAN_OUTPUT;
        scratch += p->buffer[i].role == PLAN_SCRATCH && p->buffer[i].tensor == -1;
    }
    assert_int_equal(outputs, 1);
    assert_int_equal(scratch, 4);
    plan_free(p);
    case_close(&c);
}

/* The same graph at another size must not need another compilation. */
static void the_text_does_not_depend_on_the_size(void **state) {
    (void)state;
    static const char *const SHAPES[][3] = {{"[2, 3, 8, 9]", "[3, 1, 1]", "[9]"},
                                            {"[7, 50, 80, 91]", "[50, 1, 1]", "[91]"}};
    char *source[2];
    for (int i = 0; i < 2; i++) {
        struct case_ c;
        char *body = xasprintf(
            "inputs:\n  x: {dtype: f32, shape: %s, fill: uniform(-1, 1)}\n  b: {dtype: f32, shape: %s, fill: "
            "uniform(-1, 1)}\n"
            "  g: {dtype: f32, shape: %s, fill: uniform(-1, 1)}\n"
            "graph:\n  - a = add(x, b)\n  - c = layer_norm(a, g, g)\n  - d = softmax(c, axis=1)\n  - e = tanh(d)\n"
            "  - y = matmul(e, d, transpose_b=true)\noutputs: [y]\n",
            SHAPES[i][0], SHAPES[i][1], SHAPES[i][2]);
        case_open(&c, body);
        struct plan *p = plain(&c);
        source[i] = xstrdup(p->source);
        plan_free(p);
        case_close(&c);
        free(body);
    }
    assert_string_equal(source[0], source[1]);
    free(source[0]);
    free(source[1]);
}

static void broadcasting_merges_axes(void **state) {
    (void)state;
    struct shape out = {4, {2, 3, 5, 7}}, full = out, channel = {3, {3, 1, 1}}, one = {0, {0}}, row = {1, {7}};
    const struct shape *in[4] = {&full, &channel, &one, &row};
    struct emit_broadcast b;
    emit_broadcast_make(&out, in, 1, &b);
    assert_int_equal(b.rank, 1);
    assert_int_equal(b.dim[0], 210);
    assert_true(emit_broadcast_direct(&b, 0));
    emit_broadcast_make(&out, in, 3, &b);
    assert_int_equal(b.rank, 3);
    assert_int_equal(b.dim[2], 35);
    assert_int_equal(b.stride[1][1], 1);
    assert_int_equal(b.stride[1][2], 0);
    assert_false(emit_broadcast_direct(&b, 1));
    assert_false(emit_broadcast_direct(&b, 2));
    emit_broadcast_make(&out, in, 4, &b);
    assert_int_equal(b.rank, 4);
    struct shape single = {2, {1, 1}};
    const struct shape *lone[1] = {&single};
    emit_broadcast_make(&single, lone, 1, &b);
    assert_int_equal(b.rank, 1);
    assert_true(emit_broadcast_direct(&b, 0));
}

static void long_sums_are_cut_into_launches(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [2, 200000], fill: uniform(-1, 1)}\ngraph:\n"
              "  - a = matmul(x, x, transpose_b=true)\n  - b = linear(x, x)\n  - y = add(a, b)\noutputs: [y]\n");
    struct plan *p = plain(&c);
    assert_int_equal(p->n_launches, 4 + 4 + 1);
    for (int l = 0; l < 4; l++) {
        assert_true(p->launch[l].arg[11].i <= EMIT_MAX_ITERATIONS);    /* matmul's count */
        assert_true(p->launch[l + 4].arg[7].i <= EMIT_MAX_ITERATIONS); /* linear's */
        assert_int_equal(p->launch[l].arg[12].i, l == 0);              /* the first one writes, the others add */
    }
    plan_free(p);
    case_close(&c);
}

static void numbers_read_back_exactly(void **state) {
    (void)state;
    static const float VALUES[] = {0.1f, -2.5f, 1e-40f, 3.0e38f, 0.0f, 1.0f / 3.0f};
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        struct buf b = BUF_INIT;
        emit_float(&b, VALUES[i]);
        const char *text = b.data[0] == '(' ? b.data + 1 : b.data;
        assert_true(strtof(text, NULL) == VALUES[i]);
        buf_done(&b);
    }
}

static void an_argument_beyond_32_bits_is_refused(void **state) {
    (void)state;
    struct case_ c;
    struct error err = ERROR_INIT;
    case_open(&c,
              "inputs:\n  x: {dtype: f32, shape: [4], fill: uniform(-1, 1)}\ngraph:\n  - y = relu(x)\noutputs: [y]\n");
    struct op_emit *e = emit_new(c.bound);
    assert_int_equal(EMIT_LAUNCH(e, "k", emit_range_1d(5), &err, emit_i64(1ll << 40), emit_i32(1ll << 31)), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    struct emit_range r = emit_range_2d(65, 3, 64, 2);
    assert_int_equal(r.global[0], 128);
    assert_int_equal(r.global[1], 4);
    emit_free(e);
    case_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_nodes_share_a_kernel), cmocka_unit_test(the_text_does_not_depend_on_the_size),
        cmocka_unit_test(broadcasting_merges_axes),   cmocka_unit_test(long_sums_are_cut_into_launches),
        cmocka_unit_test(numbers_read_back_exactly),  cmocka_unit_test(an_argument_beyond_32_bits_is_refused),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
