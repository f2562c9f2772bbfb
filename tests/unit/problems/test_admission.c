/* Admission: each of its checks can fail, and says what to change. (tests/problems/bad/ has the same as files, for the
 * command; here is what files cannot show.) */
#include "tests/unit/problems/case.h"

#include "problems/check/admission.h"
#include "problems/check/precision.h"
#include "problems/check/sizes.h"

static struct admission *admitted(const char *text, bool quick) {
    struct error err = ERROR_INIT;
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    if (!p) fail_msg("%s", err.text);
    struct admission *a = admission_run(p, &(struct admission_options){.quick = quick}, &err);
    if (!a) fail_msg("%s", err.text);
    problem_free(p);
    return a;
}

static const struct admission_trial *trial(const struct admission *a, const char *name) {
    for (size_t i = 0; i < a->n_trials; i++)
        if (strcmp(a->trial[i].name, name) == 0) return &a->trial[i];
    fail_msg("no trivial answer is called `%s`", name);
    return NULL;
}

#define SIZES "sizes: {check: {N: 5, D: 17}, full: {N: 20000, D: 20000}}\n"
#define X "inputs:\n  x: {dtype: f32, shape: [N, D]}\n"

static void a_sound_problem_is_admissible_and_every_answer_was_tried(void **state) {
    (void)state;
    struct admission *a = admitted("problem: p\n" SIZES X
                                   "weights:\n  w: {dtype: f32, shape: [D, D], fill: kaiming}\n"
                                   "graph:\n  - h = matmul(x, w)\n  - y = relu(h)\noutputs: [y]\n",
                                   false);
    assert_true(a->admissible);
    assert_int_equal(a->n_complaints, 0);
    static const char *const NAMES[] = {"zeros",
                                        "a constant",
                                        "its first slice repeated along axis 0",
                                        "its first slice repeated along axis 1",
                                        "a copy of `x`",
                                        "a transposed copy of `x`",
                                        "the first elements of `w`",
                                        "the last elements of `w`",
                                        "another seed's answer",
                                        "everything rounded to f16",
                                        "everything rounded to bf16",
                                        "other weights' answer",
                                        "the answer for another `x`"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) assert_true(trial(a, NAMES[i])->caught);
    assert_int_equal(a->n_trials, sizeof NAMES / sizeof *NAMES);
    assert_int_equal(a->n_branches, 2);
    assert_true(a->branch[0].count > 0 && a->branch[1].count > 0);
    assert_int_equal(a->n_outputs, 1);
    assert_true(a->output[0].sd > 0 && a->output[0].min == 0 && a->output[0].max > 0);
    admission_free(a);
}

static void a_trivial_output_is_found_beside_a_sound_one(void **state) {
    (void)state;
    struct admission *a =
        admitted("problem: p\n" SIZES X "graph:\n  - y = tanh(x)\n  - z = sub(x, x)\noutputs: [y, z]\n", true);
    char reason[800];
    admission_reason(a, reason, sizeof reason);
    assert_false(a->admissible);
    assert_true(trial(a, "zeros as `y`")->caught);
    assert_false(trial(a, "zeros as `z`")->caught);
    assert_non_null(strstr(reason, "zeros as `z`"));
    assert_non_null(strstr(reason, "`sub` of a tensor and itself is known without its data"));
    admission_free(a);
}

/* At one size the axis has a single element, at the other it has not: the second one catches what the first lets pass.
 */
static void one_size_is_enough_to_catch_an_answer(void **state) {
    (void)state;
    struct admission *a = admitted(
        "problem: p\nsizes: {check: {N: 5, D: 1}, held1: {N: 5, D: 9}, full: {N: 20000, D: "
        "20000}}\n" X "graph:\n  - y = softmax(x, axis=1)\noutputs: [y]\n",
        true);
    const struct admission_trial *constant = trial(a, "a constant");
    assert_true(a->admissible && constant->caught);
    assert_string_equal(constant->passes_at, "check");
    assert_non_null(strstr(constant->caught_at, "held1"));
    admission_free(a);
}

static void small_problems_are_warned_about_and_admitted(void **state) {
    (void)state;
    struct admission *a =
        admitted("problem: p\nsizes: {check: {N: 5, D: 17}}\n" X "graph:\n  - y = tanh(x)\noutputs: [y]\n", true);
    assert_true(a->admissible);
    assert_int_equal(a->n_complaints, 1);
    assert_non_null(strstr(a->complaint[0].what, "no size is worth timing on a fast device: `check`"));
    admission_free(a);
}

static void a_problem_without_a_small_size_is_asked_for_one(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    const char *text =
        "problem: p\nsizes: {full: {N: 20000, D: 20000}}\n" X "graph:\n  - y = matmul(x, x)\noutputs: [y]\n";
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    assert_non_null(p);
    assert_null(admission_run(p, &(struct admission_options){.quick = true}, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "add a small size called `check`"));
    problem_free(p);
}

static void a_cancelled_check_ends(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    volatile bool cancel = true;
    const char *text = "problem: p\n" SIZES X "graph:\n  - y = tanh(x)\noutputs: [y]\n";
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    assert_null(admission_run(p, &(struct admission_options){.cancel = &cancel}, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    problem_free(p);
}

static void exempt_needs_a_reason(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    const char *text = "problem: p\nexempt: \"\"\n" SIZES X "graph:\n  - y = tanh(x)\noutputs: [y]\n";
    assert_null(problem_parse(text, strlen(text), "p.yaml", &err));
    assert_non_null(strstr(err.text, "p.yaml:2:"));
    assert_non_null(strstr(err.text, "`exempt` must say in 1 to 200 characters why"));
    text = "problem: p\nexempt: a fixture\n" SIZES X "graph:\n  - y = tanh(x)\noutputs: [y]\n";
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    assert_string_equal(problem_exempt(p), "a fixture");
    problem_free(p);
}

static void without_sizes_for_checking_the_cheapest_one_serves(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    const char *sizes[PROBLEM_SIZES_ROOM];
    const char *text = "problem: p\nsizes: {big: {N: 500, D: 500}, tiny: {N: 5, D: 5}, mid: {N: 50, D: 50}}\n" X
                       "graph:\n  - y = tanh(x)\noutputs: [y]\n";
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    sizes_for_checking(p, true, sizes);
    assert_string_equal(sizes[0], "tiny");
    assert_null(sizes[1]);
    problem_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_problem_is_admissible_and_every_answer_was_tried),
        cmocka_unit_test(a_trivial_output_is_found_beside_a_sound_one),
        cmocka_unit_test(one_size_is_enough_to_catch_an_answer),
        cmocka_unit_test(small_problems_are_warned_about_and_admitted),
        cmocka_unit_test(a_problem_without_a_small_size_is_asked_for_one),
        cmocka_unit_test(a_cancelled_check_ends),
        cmocka_unit_test(exempt_needs_a_reason),
        cmocka_unit_test(without_sizes_for_checking_the_cheapest_one_serves),
    };
    return case_run(tests, sizeof tests / sizeof *tests);
}
