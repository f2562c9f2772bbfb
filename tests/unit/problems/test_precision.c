/* Tiers of declared precision, and the class of half problems: what is honest there passes, the next coarser does not.
 */
#include "tests/unit/problems/case.h"

#include "common/cleanup.h"
#include "problems/check/answers.h"
#include "problems/check/emulate.h"
#include "problems/check/margins.h"

static const char MLP[] =
    "inputs:\n  x: {dtype: f32, shape: [13, 70]}\nweights:\n  w: {dtype: f32, shape: [31, 70], fill: kaiming}\n"
    "graph:\n  - h = linear(x, w)\n  - r = gelu(h)\n  - y = softmax(r, axis=1)\noutputs: [y]\n";

static struct answers *answers_of(const struct case_ *c, enum distribution d) {
    struct error err = ERROR_INIT;
    const struct data_seed seed = {{9}};
    struct answers *a = answers_new(c->bound, &seed, 0, d, false, NULL, &err);
    if (!a) fail_msg("%s", err.text);
    return a;
}

static void *evaluated(const struct answers *a, const struct arithmetic *arithmetic) {
    struct error err = ERROR_INIT;
    void *out[1] = {NULL};
    if (emulate(a->bound, (const void *const *)a->data, arithmetic, 1, NULL, out, &err) != 0) fail_msg("%s", err.text);
    return out[0];
}

static bool passes(const struct answers *a, const struct arithmetic *arithmetic) {
    struct match m;
    CLEANUP_FREE void *got = evaluated(a, arithmetic);
    answers_match(a, (const void *const *)&got, &m);
    return m.passes;
}

static void declare(struct answers *a, enum precision p) {
    struct arithmetic arithmetic = precision_arithmetic(p);
    CLEANUP_FREE void *honest = evaluated(a, &arithmetic);
    tolerance_declare(&a->tolerance[0], p, &a->expected[0], honest, 1);
}

/* What is coarser need not show on all data, but on some. */
static void a_declared_precision_passes_in_its_tier_only(void **state) {
    (void)state;
    for (int p = PRECISION_TF32; p < PRECISION_COUNT; p++) {
        int strict_passes = 0, coarser_passes = 0;
        enum number_format coarser = p == PRECISION_BF16 ? NUMBER_FP8 : NUMBER_BF16;
        for (int d = 0; d < DIST_COUNT; d++) {
            struct case_ c;
            case_open(&c, MLP);
            struct answers *a = answers_of(&c, (enum distribution)d);
            struct arithmetic mine = precision_arithmetic((enum precision)p);
            mine.order = ADD_IN_ORDER;
            strict_passes += passes(a, &mine);
            declare(a, (enum precision)p);
            assert_true(passes(a, &mine));
            assert_true(passes(a, &(struct arithmetic){.order = ADD_AS_TREE})); /* more precise than declared */
            coarser_passes += passes(a, &(struct arithmetic){.inputs = coarser, .operands = coarser});
            answers_free(a);
            case_close(&c);
        }
        assert_true(strict_passes < DIST_COUNT && coarser_passes < DIST_COUNT);
    }
}

static void no_tier_accepts_zeros_or_a_slip_in_one_element(void **state) {
    (void)state;
    for (int p = PRECISION_TF32; p < PRECISION_COUNT; p++)
        for (int d = 0; d < DIST_COUNT; d++) {
            struct case_ c;
            case_open(
                &c,
                "inputs:\n  x: {dtype: f32, shape: [40, 500]}\n  w: {dtype: f32, shape: [500, 30]}\ngraph:\n  - y = "
                "matmul(x, w)\noutputs: [y]\n");
            struct answers *a = answers_of(&c, (enum distribution)d);
            struct match m;
            declare(a, (enum precision)p);
            CLEANUP_FREE float *got = xcalloc(1200, sizeof *got);
            answers_match(a, (const void *const *)&got, &m);
            assert_false(m.passes);
            for (int i = 0; i < 1200; i++) got[i] = (float)a->expected[0].value[i];
            answers_match(a, (const void *const *)&got, &m);
            assert_true(m.passes);
            got[777] += fabsf(got[776]) + fabsf(got[778]);
            answers_match(a, (const void *const *)&got, &m);
            assert_false(m.passes);
            answers_free(a);
            case_close(&c);
        }
}

static void half_is_honest_in_a_half_problem_and_bfloat16_is_not(void **state) {
    (void)state;
    struct case_ c;
    case_open(&c,
              "inputs:\n  x: {dtype: f16, shape: [29, 90]}\nweights:\n  w: {dtype: f16, shape: [31, 90], fill: "
              "kaiming}\ngraph:\n  - h = linear(x, w)\n  - y = gelu(h)\noutputs: [y]\n");
    struct answers *a = answers_of(&c, DIST_PRECISION_PROBE);
    assert_true(a->tolerance[0].class_rms < CLASS_RMS_MAX);
    assert_true(passes(a, &(struct arithmetic){.order = ADD_AS_TREE}));
    assert_true(passes(a, &(struct arithmetic){.sums = NUMBER_F16, .steps = NUMBER_F16}));
    assert_false(passes(a, &(struct arithmetic){.inputs = NUMBER_BF16}));
    assert_false(passes(a, &(struct arithmetic){.sums = NUMBER_BF16}));
    answers_free(a);
    case_close(&c);
}

static void names_are_read_back(void **state) {
    (void)state;
    for (int p = 0; p < PRECISION_COUNT; p++)
        assert_int_equal(precision_from_name(precision_name((enum precision)p)), p);
    assert_int_equal(precision_from_name("strict"), PRECISION_STRICT);
    assert_int_equal(precision_from_name("relaxed"), -1);
}

/* The judgement itself: with a limit that is too wide a dishonest one is missed, with one too narrow an honest one is
 * refused. The table of a problem has both kinds in every tier. */
static void margins_are_on_both_sides(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    static const char text[] =
        "problem: p\nsizes: {check: {N: 7}}\ninputs:\n  x: {dtype: f32, shape: [N, 40]}\nweights:\n  "
        "w: {dtype: f32, shape: [40, N]}\ngraph:\n  - y = matmul(x, w)\noutputs: [y]\n";
    struct problem *p = problem_parse(text, sizeof text - 1, "p.yaml", &err);
    CLEANUP_FREE struct margin *margin = xcalloc(evaluation_count(), sizeof *margin);
    assert_non_null(p);
    assert_int_equal(margins_compute(p, &(struct margins_options){.seed = {{4}}}, margin, &err), 0);
    size_t honest = 0, dishonest = 0;
    for (size_t k = 0; k < evaluation_count(); k++) {
        if (!margin[k].concerns) continue;
        bool fine = evaluation_at(k)->kind == EVALUATION_HONEST;
        double larger = fmax(margin[k].element, margin[k].class_rms);
        if (!margin[k].as_it_should) fail_msg("%s: %g", evaluation_at(k)->name, larger);
        assert_int_equal(fine, larger <= 1);
        *(fine ? &honest : &dishonest) += 1;
    }
    assert_int_equal(honest, 5 + 6);
    assert_int_equal(dishonest, 12 + 4);
    assert_int_equal(
        margins_compute(p, &(struct margins_options){.sizes = (const char *[]){"fool", NULL}}, margin, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    problem_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_declared_precision_passes_in_its_tier_only),
        cmocka_unit_test(no_tier_accepts_zeros_or_a_slip_in_one_element),
        cmocka_unit_test(half_is_honest_in_a_half_problem_and_bfloat16_is_not),
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(margins_are_on_both_sides),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
