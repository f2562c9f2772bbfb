/* Kernels bound to sizes and tuning points: plans, and what does not fit. */
#include "unit/problems/kernels.h"

static struct plan *plan_of(const struct kernel *k, const struct bound *b, const struct tune_point *t) {
    struct error err = ERROR_INIT;
    struct plan *plan = NULL;
    if (kernel_bind(k, b, t, &plan, &err) != 0) fail_msg("%s", err.text);
    return plan;
}

static void refused_at(const char *yaml, const char *size, enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    struct plan *plan = NULL;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, size);
    KERNEL k = kernel_of(yaml);
    assert_int_equal(kernel_bind(k, b, NULL, &plan, &err), -1);
    assert_null(plan);
    assert_error(&err, code, part);
}

static void change_refused(const char *from, const char *to, enum error_code code, const char *part) {
    TEXT yaml = with(YAML, from, to);
    refused_at(yaml, "full", code, part);
}

static void assert_arg(const struct plan_launch *l, int i, enum plan_arg_kind kind, int64_t value) {
    assert_int_equal(l->arg[i].kind, kind);
    assert_int_equal(kind == PLAN_ARG_BUFFER ? l->arg[i].buffer : l->arg[i].i, value);
}

static void a_plan_holds_numbers_only(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "full");
    KERNEL k = kernel_of(YAML);
    struct tune_point t = {.n = 2, .value = {128, 4}};
    PLAN plan = plan_of(k, b, &t);
    assert_string_equal(plan->source, SOURCE);
    assert_string_equal(plan->options, "");
    assert_int_equal(plan->n_macros, 2);
    assert_string_equal(plan->macro[0].name, "WG");
    assert_int_equal(plan->macro[0].value, 128);
    assert_int_equal(plan->n_launches, 2);
    const struct plan_launch *first = &plan->launch[0], *second = &plan->launch[1];
    assert_string_equal(first->entry, "first");
    assert_int_equal(first->n_args, 6);
    assert_arg(first, 0, PLAN_ARG_BUFFER, 0);
    assert_arg(first, 2, PLAN_ARG_BUFFER, 4);
    assert_arg(first, 3, PLAN_ARG_I32, 64);
    assert_arg(first, 4, PLAN_ARG_I64, 64 * 128);
    assert_int_equal(first->arg[5].kind, PLAN_ARG_F32);
    assert_true(first->arg[5].f == 0.5f);
    assert_int_equal(first->dims, 1);
    assert_int_equal(first->global[0], 64 * 128);
    assert_true(first->has_local);
    assert_int_equal(first->local[0], 128);
    assert_arg(second, 3, PLAN_ARG_I32, 128);
    assert_arg(second, 4, PLAN_ARG_I32, 128);
    assert_arg(second, 5, PLAN_ARG_LOCAL, 512);
    assert_int_equal(second->dims, 2);
    assert_int_equal(second->global[0], 256);
    assert_int_equal(second->global[1], 64);
}

static void buffers_are_inputs_outputs_and_scratch(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "full");
    KERNEL k = kernel_of(YAML);
    PLAN plan = plan_of(k, b, NULL);
    static const char *const names[] = {"x", "w", "b", "y", "partial"};
    static const enum plan_role roles[] = {PLAN_INPUT, PLAN_INPUT, PLAN_INPUT, PLAN_OUTPUT, PLAN_SCRATCH};
    assert_int_equal(plan->n_buffers, 5);
    for (int i = 0; i < 5; i++) {
        const struct plan_buffer *buffer = &plan->buffer[i];
        assert_string_equal(buffer->name, names[i]);
        assert_int_equal(buffer->role, roles[i]);
        assert_int_equal(buffer->tensor, i == 4 ? -1 : bound_find_tensor(b, names[i]));
        assert_int_equal(buffer->bytes, (size_t)buffer->elements * 4);
    }
    assert_int_equal(plan->buffer[4].elements, 64 * 64);
}

static void inputs_that_no_launch_names_have_no_buffer(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "full");
    TEXT yaml = with(YAML, "[x, w, partial,", "[x, x, partial,");
    KERNEL k = kernel_of(yaml);
    PLAN plan = plan_of(k, b, NULL);
    assert_int_equal(plan->n_buffers, 4);
    assert_string_equal(plan->buffer[1].name, "b");
}

static void json_shows_the_plan(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "full");
    KERNEL k = kernel_of(YAML);
    PLAN plan = plan_of(k, b, NULL);
    json_t *json = plan_to_json(plan);
    TEXT text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    assert_non_null(strstr(text, "\"macros\":{\"VEC\":4,\"WG\":64}"));
    assert_non_null(strstr(text,
                           "{\"args\":[{\"buffer\":0},{\"buffer\":1},{\"buffer\":4},{\"i32\":64},{\"i64\":8192},"
                           "{\"f32\":0.5}],\"entry\":\"first\",\"global\":[4096],\"local\":[64]}"));
    assert_non_null(strstr(text, "\"role\":\"scratch\""));
}

static void arguments_must_exist(void **state) {
    (void)state;
    change_refused("[x, w,", "[x, ww,", ERR_INVALID, "launch `first`: the argument `ww` is no input, weight or output");
    change_refused("[x, w,", "[X, w,", ERR_INVALID, "hint: did you mean `x`?");
    change_refused("{long: N * K}", "{long: N * Q}", ERR_INVALID,
                   "`N * Q`: `Q` is neither a dim of problem mlp nor a tunable");
    change_refused("[N, WG]}}", "[N, WGS]}}", ERR_INVALID, "`WGS` is neither a dim");
    change_refused("K % VEC", "K % VECTOR", ERR_INVALID, "`VECTOR` is neither a dim");
    change_refused("global: [N * WG]", "global: [x * WG]", ERR_INVALID, "`x` is neither a dim");
}

static void intermediates_cannot_be_bound(void **state) {
    (void)state;
    change_refused(
        "[partial, b,", "[g, b,", ERR_INVALID,
        "launch `second`: `g` is an intermediate tensor of problem mlp and has "
        "no buffer: only inputs, weights and outputs exist outside a kernel\nhint: declare a scratch buffer");
}

static void every_output_is_written_by_some_launch(void **state) {
    (void)state;
    change_refused("b, y, WG", "b, b, WG", ERR_INVALID, "no launch takes the output `y` of problem mlp");
}

static void names_may_not_clash_with_the_problems(void **state) {
    (void)state;
    change_refused("VEC: [4, 1]", "VEC: [4, 1]\n  M: [1]", ERR_INVALID,
                   "the tunable `M` clashes with a dim of problem mlp");
    change_refused("VEC: [4, 1]", "VEC: [4, 1]\n  h: [1]", ERR_INVALID, "the tunable `h` clashes with a tensor");
    TEXT yaml = with(YAML, "{partial:", "{g:");
    TEXT again = with(yaml, "w, partial,", "w, g,");
    TEXT third = with(again, "[partial,", "[g,");
    refused_at(third, "full", ERR_INVALID, "the scratch buffer `g` clashes with a tensor of problem mlp");
    change_refused("launches:", "specialised: {D: 4}\nlaunches:", ERR_INVALID, "`D` is no dim of problem mlp");
    change_refused("problem: mlp", "problem: mpl", ERR_INVALID, "the kernel is for problem mpl, not for mlp");
}

static void global_sizes_are_multiples_of_local_ones(void **state) {
    (void)state;
    TEXT yaml = with(YAML, "global: [ceil_div(M, WG) * WG, N]", "global: [M + 1, N]");
    refused_at(yaml, "full", ERR_INVALID,
               "launch `second`: global size 0 is 257 at size full, no multiple of the local size 64"
               "\nhint: ceil_div(n, WG) * WG rounds up");
}

static void geometry_has_limits(void **state) {
    (void)state;
    change_refused("global: [N * WG]", "global: [N - 64]", ERR_LIMIT, "global size 0 is 0 at size full");
    change_refused("global: [N * WG]", "global: [N * 100000000000]", ERR_LIMIT, "their product at most 1099511627776");
    change_refused("local: [WG, 1]", "local: [WG, 2048]", ERR_LIMIT, "their product at most 65536");
    change_refused("global: [N * WG]", "global: [N * 10000000000 * 10000000000]", ERR_INVALID, "size full: `N * 1");
    change_refused("[N, WG]}}", "[N, 1099511627776]}}", ERR_LIMIT, "scratch buffer `partial` has shape");
    change_refused("{local: WG * 4}", "{local: WG - 64}", ERR_LIMIT, "0 bytes of local memory");
}

static void integers_must_fit_their_parameter(void **state) {
    (void)state;
    change_refused("ceil_div(M, 2)", "M * 100000000", ERR_LIMIT,
                   "`M * 100000000` is 25600000000 at size full, which does not fit "
                   "an int\nhint: pass {long: \"M * 100000000\"}");
    change_refused("ceil_div(M, 2)", "M * -100000000", ERR_LIMIT, "is -25600000000 at size full");
    change_refused("ceil_div(M, 2)", "M / (K - 128)", ERR_INVALID, "size full: `M / (K - 128)`");
}

static void the_default_point_is_the_first_that_fits(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND full = bound_of(p, "full");
    BOUND check = bound_of(p, "check");
    KERNEL k = kernel_of(YAML);
    struct tune_point t;
    assert_int_equal(kernel_default_point(k, full, &t, NULL), 0);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.value[0], 64);
    assert_int_equal(t.value[1], 4);
    assert_int_equal(kernel_default_point(k, check, &t, NULL), 0); /* K = 5 rules out vectors of 4 */
    assert_int_equal(t.value[1], 1);
    TEXT yaml = with(YAML, "VEC: [4, 1]", "VEC: [4, 2]");
    refused_at(yaml, "check", ERR_INVALID,
               "kernel mlp-rows has no configuration for size check: K % VEC == 0 does not hold");
}

static void enumeration_keeps_the_order_and_the_limit(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND full = bound_of(p, "full");
    BOUND check = bound_of(p, "check");
    KERNEL k = kernel_of(YAML);
    struct tune_point *t = NULL;
    size_t n = 0;
    assert_int_equal(kernel_enumerate(k, full, 100, &t, &n, NULL), 0);
    assert_int_equal(n, 4);
    assert_true(t[1].value[0] == 64 && t[1].value[1] == 1 && t[2].value[0] == 128 && t[2].value[1] == 4);
    free(t);
    assert_int_equal(kernel_enumerate(k, full, 3, &t, &n, NULL), 0);
    assert_int_equal(n, 3);
    free(t);
    assert_int_equal(kernel_enumerate(k, check, 100, &t, &n, NULL), 0);
    assert_int_equal(n, 2);
    free(t);
}

static void a_kernel_without_tunables_has_one_point(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "check");
    KERNEL k = kernel_of(
        "kernel: k\nproblem: mlp\nlanguage: opencl-c\nsource: k.cl\n"
        "launches: [{kernel: first, args: [x, w, y, N, {long: K}, {float: 1}], global: [N]}]\n");
    struct tune_point *t = NULL;
    size_t n = 0;
    assert_false(kernel_has_tuning(k));
    assert_int_equal(kernel_enumerate(k, b, 100, &t, &n, NULL), 0);
    assert_int_equal(n, 1);
    PLAN plan = plan_of(k, b, &t[0]);
    assert_false(plan->launch[0].has_local);
    assert_int_equal(plan->n_macros, 0);
    free(t);
}

static void constraints_say_why_they_fail(void **state) {
    (void)state;
    char why[256];
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "check");
    KERNEL k = kernel_of(YAML);
    assert_false(kernel_constraints_hold(k, b, &(struct tune_point){2, {64, 4}}, why));
    assert_string_equal(why, "K % VEC == 0 does not hold");
    assert_true(kernel_constraints_hold(k, b, &(struct tune_point){2, {64, 1}}, why));
    TEXT yaml = with(YAML, "VEC: [4, 1]", "VEC: [4, 0]");
    KERNEL zero = kernel_of(yaml);
    assert_false(kernel_constraints_hold(zero, b, &(struct tune_point){2, {64, 0}}, why));
    assert_non_null(strstr(why, "K % VEC == 0: "));
}

static void a_specialised_kernel_binds_at_its_size_only(void **state) {
    (void)state;
    TEXT yaml = with(YAML, "launches:", "specialised: {K: 128}\nlaunches:");
    KERNEL k = kernel_of(yaml);
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "full");
    PLAN plan = plan_of(k, b, NULL);
    assert_int_equal(plan->n_macros, 3);
    assert_string_equal(plan->macro[2].name, "K");
    assert_int_equal(plan->macro[2].value, 128);
    refused_at(yaml, "check", ERR_INVALID, "the kernel is specialised to K = 128; size check has 5");
}

static void points_read_back_what_they_write(void **state) {
    (void)state;
    KERNEL k = kernel_of(YAML);
    struct tune_point t = {2, {128, 1}}, back = {0};
    char text[64];
    tune_point_format(k, &t, text, sizeof text);
    assert_string_equal(text, "{\"WG\":128,\"VEC\":1}");
    assert_int_equal(tune_point_parse(k, text, &back, NULL), 0);
    assert_memory_equal(&t, &back, sizeof t);
}

static void points_from_outside_are_checked(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"WG\":128}", "`VEC` is missing"},
        {"{\"WG\":128,\"VEC\":3}", "does not list 3 for `VEC`"},
        {"{\"WG\":128,\"VEC\":1,\"X\":1}", "has no tunable `X`"},
        {"{\"WG\":\"128\",\"VEC\":1}", "`WG` is no whole number"},
        {"[]", "it is no JSON object"},
        {"{", "tuning point"},
    };
    KERNEL k = kernel_of(YAML);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tune_point t = {.n = -1};
        struct error err = ERROR_INIT;
        assert_int_equal(tune_point_parse(k, cases[i][0], &t, &err), -1);
        assert_error(&err, ERR_INVALID, cases[i][1]);
        assert_int_equal(t.n, -1);
    }
}

static void a_point_of_another_space_is_refused(void **state) {
    (void)state;
    PROBLEM p = problem_of(MLP);
    BOUND b = bound_of(p, "full");
    KERNEL k = kernel_of(YAML);
    struct plan *plan = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(kernel_bind(k, b, &(struct tune_point){1, {64}}, &plan, &err), -1);
    assert_error(&err, ERR_INVALID, "has 2 tunables; the point has 1 values");
}

#define RELU                                               \
    "problem: clip\n"                                      \
    "sizes: {full: {N: 8}, check: {N: 5}}\n"               \
    "inputs:\n"                                            \
    "  x: {dtype: f32, shape: [N]}\n"                      \
    "  s: {dtype: f32, shape: [N / 8 * 7 + 1]}\n"          \
    "weights: {w: {dtype: f32, shape: [N]}}\n"             \
    "graph: [h = relu(x), g = mul(h, w), y = add(g, s)]\n" \
    "outputs: [y]\n"
#define IN_PLACE                                                                     \
    "kernel: k\nproblem: clip\nlanguage: opencl-c\nsource: k.cl\nin_place: {y: x}\n" \
    "launches:\n  - {kernel: one, args: [x, w, s], global: [N]}\n"                   \
    "  - {kernel: two, args: [y, x], global: [N]}\n"

static struct kernel *in_place_kernel(const char *from, const char *to) {
    struct error err = ERROR_INIT;
    TEXT yaml = with(IN_PLACE, from, to);
    struct kernel *k = parse_kernel(yaml,
                                    "__kernel void one(__global float *x, __global float *w, __global float *s) {}\n"
                                    "__kernel void two(__global float *y, __global float *x) {}\n",
                                    &err);
    if (!k) fail_msg("%s", err.text);
    return k;
}

static void an_output_in_place_is_one_buffer_under_two_names(void **state) {
    (void)state;
    PROBLEM p = problem_of(RELU);
    BOUND b = bound_of(p, "full");
    KERNEL k = in_place_kernel("{y: x}", "{y: x}");
    PLAN plan = plan_of(k, b, NULL);
    assert_int_equal(plan->n_buffers, 3);
    int y = plan->launch[0].arg[0].buffer;
    assert_arg(&plan->launch[1], 0, PLAN_ARG_BUFFER, y);
    assert_arg(&plan->launch[1], 1, PLAN_ARG_BUFFER, y);
    const struct plan_buffer *buffer = &plan->buffer[y];
    assert_string_equal(buffer->name, "y");
    assert_int_equal(buffer->role, PLAN_OUTPUT);
    assert_true(buffer->in_place && plan_is_in_place(plan));
    assert_string_equal(b->tensor[plan_buffer_source(buffer)].name, "x");
    json_t *json = plan_to_json(plan);
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(json_object_get(json, "buffers"), (size_t)y), "in_place")),
        bound_find_tensor(b, "x"));
    json_decref(json);
}

static void an_output_in_place_need_not_be_named_by_a_launch(void **state) {
    (void)state;
    PROBLEM p = problem_of(RELU);
    BOUND b = bound_of(p, "full");
    KERNEL k = in_place_kernel("args: [y, x]", "args: [x, x]");
    PLAN plan = plan_of(k, b, NULL);
    assert_int_equal(plan->n_buffers, 3);
    assert_true(plan_is_in_place(plan));
}

static void in_place_wants_an_input_of_the_same_shape(void **state) {
    (void)state;
    static const struct {
        const char *to, *size, *part;
    } CASES[] = {
        {"{y: w}", "full", "`w` is no input of problem clip but a weight, which later runs need as it is"},
        {"{h: x}", "full", "`h` is no output of problem clip"},
        {"{y: xx}", "full", "`xx` is no input of problem clip\nhint: did you mean `x`?"},
        {"{y: h}", "full", "`h` is no input"},
    };
    PROBLEM p = problem_of(RELU);
    BOUND b = bound_of(p, "full");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct error err = ERROR_INIT;
        struct plan *plan = NULL;
        KERNEL k = in_place_kernel("{y: x}", CASES[i].to);
        assert_int_equal(kernel_bind(k, b, NULL, &plan, &err), -1);
        assert_error(&err, ERR_INVALID, CASES[i].part);
    }
}

static void in_place_is_checked_at_every_size(void **state) {
    (void)state;
    PROBLEM p = problem_of(RELU); /* s has 8 elements at N = 8, and 1 at N = 5 */
    BOUND full = bound_of(p, "full");
    BOUND check = bound_of(p, "check");
    KERNEL k = in_place_kernel("{y: x}", "{y: s}");
    PLAN plan = plan_of(k, full, NULL);
    assert_non_null(plan);
    struct plan *none = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(kernel_bind(k, check, NULL, &none, &err), -1);
    assert_error(&err, ERR_INVALID,
                 "at size check `y` is f32 [5] and `s` is f32 [1]; both must have one type and shape");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_holds_numbers_only),
        cmocka_unit_test(an_output_in_place_is_one_buffer_under_two_names),
        cmocka_unit_test(an_output_in_place_need_not_be_named_by_a_launch),
        cmocka_unit_test(in_place_wants_an_input_of_the_same_shape),
        cmocka_unit_test(in_place_is_checked_at_every_size),
        cmocka_unit_test(buffers_are_inputs_outputs_and_scratch),
        cmocka_unit_test(inputs_that_no_launch_names_have_no_buffer),
        cmocka_unit_test(json_shows_the_plan),
        cmocka_unit_test(arguments_must_exist),
        cmocka_unit_test(intermediates_cannot_be_bound),
        cmocka_unit_test(every_output_is_written_by_some_launch),
        cmocka_unit_test(names_may_not_clash_with_the_problems),
        cmocka_unit_test(global_sizes_are_multiples_of_local_ones),
        cmocka_unit_test(geometry_has_limits),
        cmocka_unit_test(integers_must_fit_their_parameter),
        cmocka_unit_test(the_default_point_is_the_first_that_fits),
        cmocka_unit_test(enumeration_keeps_the_order_and_the_limit),
        cmocka_unit_test(a_kernel_without_tunables_has_one_point),
        cmocka_unit_test(constraints_say_why_they_fail),
        cmocka_unit_test(a_specialised_kernel_binds_at_its_size_only),
        cmocka_unit_test(points_read_back_what_they_write),
        cmocka_unit_test(points_from_outside_are_checked),
        cmocka_unit_test(a_point_of_another_space_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
