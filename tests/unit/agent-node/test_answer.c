/* Answers where the oracle is too slow for every element: slices by the oracle, the rest by a reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/pool.h"

#define N 5000
#define D 7
static const char PROBLEM[] =
    "problem: toy\nlevel: 1\norigin: test\nsizes:\n  big: {N: 5000, D: 7}\n  check: {N: 3, D: 2}\n"
    "inputs:\n  x: {dtype: f32, shape: [N, D], fill: 'uniform(-1, 1)'}\n"
    "graph:\n  - y = softmax(x, axis=1)\noutputs: [y]\n";
static const char WHOLE[] =
    "problem: toy\nlevel: 1\norigin: test\nsizes:\n  big: {N: 5000, D: 7}\n  check: {N: 3, D: 2}\n"
    "inputs:\n  x: {dtype: f32, shape: [N, D], fill: 'uniform(-1, 1)'}\n"
    "graph:\n  - y = softmax(x, axis=0)\noutputs: [y]\n";
static const struct pool_wish usual = {.fresh = false};

struct fake {
    int calls;
    enum error_code fails;
    float value;
};

static int answer_with(void *context, const struct bound *b, const struct data_set *d, void **ret, struct error *err) {
    struct fake *fake = context;
    fake->calls++;
    assert_non_null(data_set_input(d, 0));
    if (fake->fails) return error_set(err, fake->fails, "a reason");
    float *y = malloc(b->tensor[b->output[0]].bytes);
    for (int64_t i = 0; i < b->tensor[b->output[0]].elements; i++) y[i] = fake->value;
    ret[0] = y;
    return 0;
}

struct setting {
    struct problem *problem;
    struct bound *bound;
    struct pool *pool;
    struct fake fake;
};

static void open(struct setting *s, const char *text, double limit_s) {
    *s = (struct setting){.fake.value = 0.25f};
    s->problem = problem_parse(text, strlen(text), "toy.yaml", NULL);
    s->bound = problem_bind(s->problem, "big", NULL);
    s->pool = pool_new(2);
    pool_set_reference(s->pool, (struct reference){.run = answer_with, .context = &s->fake, .oracle_limit_s = limit_s});
}
static void shut(struct setting *s) {
    pool_free(s->pool);
    bound_free(s->bound);
    problem_free(s->problem);
}
static const struct data_set *get(struct setting *s, struct error *err) {
    return pool_get(s->pool, s->bound, DIST_DECLARED, &usual, NULL, NULL, err);
}

static void every_element_has_an_answer_and_ten_thousand_are_the_oracles(void **state) {
    (void)state;
    struct setting s;
    open(&s, PROBLEM, 1e-9);
    const struct data_set *d = get(&s, NULL);
    assert_non_null(d);
    assert_true(d->sampled);
    const struct expected *e = &d->output[0].expected;
    int64_t oracles = 0;
    float most = 0, others = 0;
    for (int64_t i = 0; i < e->n; i++) {
        assert_true(e->scale[i] != 0);
        assert_int_equal(e->scale[i] < 0, e->scale[i / D * D] < 0); /* slices are whole */
        if (e->scale[i] > 0) {
            oracles++;
            most = e->scale[i] > most ? e->scale[i] : most;
            assert_true(e->value[i] != 0.25);
        } else {
            assert_true(e->value[i] == 0.25);
            others = -e->scale[i];
        }
    }
    assert_in_range(oracles, 10000, 10000 + D);
    assert_true(others >= most);
    shut(&s);
}

static void other_sets_have_other_slices(void **state) {
    (void)state;
    struct setting s;
    open(&s, PROBLEM, 1e-9);
    const struct data_set *a = get(&s, NULL);
    const struct data_set *b = pool_get(s.pool, s.bound, DIST_SIGNED_UNIFORM, &usual, NULL, NULL, NULL);
    int64_t differ = 0;
    for (int64_t i = 0; i < N * D; i++)
        differ += (a->output[0].expected.scale[i] < 0) != (b->output[0].expected.scale[i] < 0);
    assert_true(differ > N * D / 10);
    shut(&s);
}

static void an_element_of_the_reference_is_held_to_it_and_says_nothing_of_the_class(void **state) {
    (void)state;
    struct setting s;
    open(&s, PROBLEM, 1e-9);
    const struct expected *e = &get(&s, NULL)->output[0].expected;
    struct tolerance t = tolerance_make(DTYPE_F32, D);
    struct comparison c;
    float *got = malloc(N * D * sizeof *got);
    for (int64_t i = 0; i < N * D; i++) got[i] = (float)e->value[i];
    compare_output(e, &t, got, NULL, 1, &c);
    assert_true(comparison_ok(&c));
    assert_in_range(c.unjudged, N * D - 10000 - D, N * D - 10000);
    int64_t at = 0;
    while (e->scale[at] > 0) at++;
    got[at] += 1e-3f;
    compare_output(e, &t, got, NULL, 1, &c);
    assert_int_equal(c.wrong, 1);
    assert_int_equal(c.first_wrong, at);
    free(got);
    shut(&s);
}

static void a_problem_that_does_not_fall_apart_is_the_oracles_alone(void **state) {
    (void)state;
    struct setting s;
    open(&s, WHOLE, 1e-9);
    assert_false(get(&s, NULL)->sampled);
    assert_int_equal(s.fake.calls, 0);
    shut(&s);
    open(&s, PROBLEM, 1e-9); /* nor is a size at which there is no reference */
    s.fake.fails = ERR_UNSUPPORTED;
    assert_false(get(&s, NULL)->sampled);
    shut(&s);
    open(&s, PROBLEM, 20); /* nor one that takes no time */
    assert_false(get(&s, NULL)->sampled);
    assert_int_equal(s.fake.calls, 0);
    shut(&s);
}

static void a_reference_that_fails_is_told(void **state) {
    (void)state;
    struct setting s;
    struct error err = ERROR_INIT;
    open(&s, PROBLEM, 1e-9);
    s.fake.fails = ERR_DEVICE;
    assert_null(get(&s, &err));
    assert_int_equal(err.code, ERR_DEVICE);
    shut(&s);
}

static void declared_precision_cannot_be_judged_there(void **state) {
    (void)state;
    struct setting s;
    struct error err = ERROR_INIT;
    open(&s, PROBLEM, 1e-9);
    const struct data_set *d = get(&s, &err);
    assert_int_equal(pool_declare(s.pool, s.bound, d, PRECISION_F16, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "smaller size"));
    shut(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_has_an_answer_and_ten_thousand_are_the_oracles),
        cmocka_unit_test(other_sets_have_other_slices),
        cmocka_unit_test(an_element_of_the_reference_is_held_to_it_and_says_nothing_of_the_class),
        cmocka_unit_test(a_problem_that_does_not_fall_apart_is_the_oracles_alone),
        cmocka_unit_test(a_reference_that_fails_is_told),
        cmocka_unit_test(declared_precision_cannot_be_judged_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
