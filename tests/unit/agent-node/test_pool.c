/* The pool of secret data sets, and the bank that timed sets come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/pool.h"

static const char PROBLEM[] =
    "problem: toy\nlevel: 1\norigin: test\nsizes:\n  small: {N: 40, D: 300}\n  check: {N: 2, D: 17}\n"
    "inputs:\n  x: {dtype: f32, shape: [N, D], fill: 'uniform(-1, 1)'}\n"
    "  t: {dtype: f32, shape: [N, D], fill: 'uniform(1, 2)', structure: lower}\nweights:\n"
    "  b: {dtype: f32, shape: [D], fill: 'uniform(2, 3)'}\n"
    "graph:\n  - z = add(x, b)\n  - s = add(z, t)\n  - y = relu(s)\noutputs: [y]\n";
static struct problem *problem;
static struct bound *bound;
static const struct pool_wish usual = {.fresh = false}, fresh = {.fresh = true};
static struct pool *pool;

static int start(void **state) {
    (void)state;
    problem = problem_parse(PROBLEM, sizeof PROBLEM - 1, "toy.yaml", NULL);
    bound = problem_bind(problem, "small", NULL);
    pool = pool_new(2);
    return problem && bound ? 0 : -1;
}
static int end(void **state) {
    (void)state;
    pool_free(pool);
    bound_free(bound);
    problem_free(problem);
    return 0;
}

static void a_set_is_used_again_and_its_oracle_is_not_asked_twice(void **state) {
    (void)state;
    int64_t first_ns = 0, again_ns = 0;
    const struct data_set *a = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, &first_ns, NULL);
    pool_release(pool, a, false);
    const struct data_set *b = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, &again_ns, NULL);
    assert_ptr_equal(a, b);
    assert_true(first_ns > 0);
    assert_int_equal(again_ns, 0);
    assert_ptr_not_equal(pool_get(pool, bound, DIST_SIGNED_UNIFORM, &usual, NULL, NULL, NULL), b);
}

static void a_set_that_was_shown_leaves_the_pool(void **state) {
    (void)state;
    const struct data_set *a = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, NULL, NULL);
    struct data_seed seed = a->seed;
    pool_release(pool, a, true);
    const struct data_set *b = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, NULL, NULL);
    assert_memory_not_equal(&seed, &b->seed, sizeof seed);
}

static void a_set_is_replaced_after_some_uses(void **state) {
    (void)state;
    const struct data_set *a = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, NULL, NULL);
    struct data_seed seed = a->seed;
    pool_release(pool, a, false);
    for (int i = 1; i < POOL_USES_MAX; i++) {
        a = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, NULL, NULL);
        assert_memory_equal(&seed, &a->seed, sizeof seed);
        pool_release(pool, a, false);
    }
    a = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, NULL, NULL);
    assert_memory_not_equal(&seed, &a->seed, sizeof seed);
}

static void fresh_sets_are_for_one_task_only(void **state) {
    (void)state;
    const struct data_set *kept = pool_get(pool, bound, DIST_DECLARED, &usual, NULL, NULL, NULL);
    const struct data_set *a = pool_get(pool, bound, DIST_DECLARED, &fresh, NULL, NULL, NULL);
    const struct data_set *b = pool_get(pool, bound, DIST_DECLARED, &fresh, NULL, NULL, NULL);
    assert_memory_not_equal(&a->seed, &b->seed, sizeof a->seed);
    assert_memory_not_equal(&a->seed, &kept->seed, sizeof a->seed);
    pool_release(pool, a, false);
    assert_ptr_equal(pool_get(pool, bound, DIST_DECLARED, &usual, NULL, NULL, NULL), kept);
}

static float at(const struct data_set *d, const char *name, size_t i) {
    return ((const float *)data_set_input(d, bound_find_tensor(bound, name)))[i];
}

static void answers_are_those_of_the_inputs(void **state) {
    (void)state;
    const struct timed_data *t = pool_timed(pool, bound, &usual, NULL, NULL, NULL);
    assert_in_range(timed_checks(t), POOL_CHECKS_MIN, POOL_CHECKS);
    for (int k = 0; k < timed_checks(t); k++) {
        const struct data_set *d = timed_check(t, k);
        assert_int_equal(d->n_outputs, 1);
        for (size_t i = 0; i < 40 * 300; i++) {
            double want = (double)at(d, "x", i) + (double)at(d, "b", i % 300) + (double)at(d, "t", i);
            assert_true(d->output[0].expected.value[i] == want);
        }
    }
}

static void timed_sets_differ_from_each_other_and_look_alike(void **state) {
    (void)state;
    const struct timed_data *t = pool_timed(pool, bound, &usual, NULL, NULL, NULL);
    int x = bound_find_tensor(bound, "x"), b = bound_find_tensor(bound, "b");
    size_t bytes = bound->tensor[x].bytes;
    float *one = aligned_alloc(64, (bytes + 63) / 64 * 64), *two = aligned_alloc(64, (bytes + 63) / 64 * 64);
    timed_assemble(t, x, 1, one);
    timed_assemble(t, x, 2, two);
    int equal = 0;
    double sum = 0;
    for (size_t i = 0; i < bytes / 4; i++) {
        equal += one[i] == two[i];
        sum += (double)one[i];
        assert_true(one[i] >= -1 && one[i] <= 1);
    }
    assert_true(equal < 100);
    assert_true(sum > -400 && sum < 400); /* of 12,000 values with a deviation of 0.58 */
    timed_assemble(t, x, 1, two);
    assert_memory_equal(one, two, bytes);
    timed_assemble(t, b, 1, one);
    for (size_t i = 0; i < 300; i++) assert_true(one[i] >= 2 && one[i] <= 3);
    free(one);
    free(two);
}

static void timed_sets_have_the_structure_that_the_problem_declares(void **state) {
    (void)state;
    const struct timed_data *timed = pool_timed(pool, bound, &usual, NULL, NULL, NULL);
    int t = bound_find_tensor(bound, "t");
    size_t bytes = bound->tensor[t].bytes;
    float *one = aligned_alloc(64, (bytes + 63) / 64 * 64);
    for (uint64_t number = 0; number < 3; number++) {
        timed_assemble(timed, t, number, one);
        for (size_t i = 0; i < bytes / 4; i++) assert_true(i % 300 > i / 300 ? one[i] == 0 : one[i] >= 1);
    }
    for (size_t i = 0; i < bytes / 4; i++)
        assert_true(i % 300 > i / 300 ? at(timed_check(timed, 0), "t", i) == 0
                                      : at(timed_check(timed, 0), "t", i) >= 1);
    free(one);
}

static void a_cancel_is_seen_while_the_oracle_runs(void **state) {
    (void)state;
    const volatile bool cancel = true;
    struct error err = ERROR_INIT;
    assert_null(pool_get(pool, bound, DIST_DECLARED, &usual, &cancel, NULL, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_set_is_used_again_and_its_oracle_is_not_asked_twice),
        T(a_set_that_was_shown_leaves_the_pool),
        T(a_set_is_replaced_after_some_uses),
        T(fresh_sets_are_for_one_task_only),
        T(answers_are_those_of_the_inputs),
        T(timed_sets_differ_from_each_other_and_look_alike),
        T(timed_sets_have_the_structure_that_the_problem_declares),
        T(a_cancel_is_seen_while_the_oracle_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
