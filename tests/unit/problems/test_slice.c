/* Problems that fall apart along a dim, and those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "problems/data/data.h"
#include "problems/graph/slice.h"

struct loaded {
    struct problem *problem;
    struct bound *bound;
};

static struct loaded load(const char *text, const char *size) {
    struct error err = ERROR_INIT;
    struct loaded l = {.problem = problem_parse(text, strlen(text), "p.yaml", &err)};
    if (!l.problem) fail_msg("%s", err.text);
    l.bound = problem_bind(l.problem, size, &err);
    if (!l.bound) fail_msg("%s", err.text);
    return l;
}
static void unload(struct loaded *l) {
    bound_free(l->bound);
    problem_free(l->problem);
}

#define HEAD "problem: p\nlevel: 1\norigin: test\n"

/* The dim's name, or "". */
static void falls_apart_along(const char *text, const char *name) {
    struct loaded l = load(text, "big");
    int dim = slice_dim(l.bound);
    assert_string_equal(dim < 0 ? "" : l.bound->dim[dim].name, name);
    unload(&l);
}

static void batches_fall_apart(void **state) {
    (void)state;
    falls_apart_along(HEAD
                      "sizes:\n  big: {K: 9, M: 8, N: 6}\n  check: {K: 4, M: 3, N: 2}\ninputs:\n"
                      "  a: {dtype: f32, shape: [M, K], fill: 'normal(0, 1)'}\n"
                      "  b: {dtype: f32, shape: [K, N], fill: 'normal(0, 1)'}\n"
                      "graph:\n  - c = matmul(a, b)\n  - y = softmax(c, axis=1)\noutputs: [y]\n",
                      "M");
}

static void an_axis_that_is_reduced_or_seen_twice_does_not(void **state) {
    (void)state;
    falls_apart_along(HEAD
                      "sizes:\n  big: {N: 8, D: 6}\n  check: {N: 3, D: 2}\ninputs:\n"
                      "  x: {dtype: f32, shape: [N, D], fill: 'normal(0, 1)'}\n"
                      "graph:\n  - y = softmax(x, axis=0)\noutputs: [y]\n",
                      "");
    /* An output that has no such axis. */
    falls_apart_along(HEAD
                      "sizes:\n  big: {N: 8, D: 6}\n  check: {N: 3, D: 2}\ninputs:\n"
                      "  x: {dtype: f32, shape: [D, N], fill: 'normal(0, 1)'}\n"
                      "  w: {dtype: f32, shape: [5, N], fill: 'normal(0, 1)'}\n"
                      "graph:\n  - y = linear(w, x)\n  - z = relu(x)\noutputs: [y, z]\n",
                      "");
    /* A dim whose slices could not be counted up by one. */
    falls_apart_along(HEAD
                      "sizes:\n  big: {N: 8}\n  check: {N: 4}\nwhere: ['N % 4 == 0']\ninputs:\n"
                      "  x: {dtype: f32, shape: [N, 5], fill: 'normal(0, 1)'}\n"
                      "graph:\n  - y = relu(x)\noutputs: [y]\n",
                      "");
}

static void slices_have_the_bits_of_the_whole(void **state) {
    static const int64_t index[] = {6, 0, 3};
    (void)state;
    struct loaded l = load(HEAD
                           "sizes:\n  big: {N: 7, D: 40, H: 30}\n  check: {N: 2, D: 3, H: 5}\ninputs:\n"
                           "  x: {dtype: f32, shape: [N, D], fill: 'normal(0, 1)'}\nweights:\n"
                           "  w: {dtype: f32, shape: [H, D], fill: kaiming}\n"
                           "graph:\n  - h = linear(x, w)\n  - y = softmax(h, axis=1)\noutputs: [y]\n",
                           "big");
    const struct bound *b = l.bound;
    struct data_seed seed;
    void *data[8] = {NULL};
    struct oracle_result whole, some;
    data_seed_random(&seed);
    for (int t = 0; t < 2; t++) assert_int_equal(posix_memalign(&data[t], 64, b->tensor[t].bytes), 0);
    assert_int_equal(data_fill_all(b, &seed, 0, DIST_DECLARED, data, NULL), 0);
    int dim = slice_dim(b);
    assert_true(dim >= 0);
    assert_true(slice_carries(b, dim, 0));
    assert_false(slice_carries(b, dim, 1));
    struct bound *part = slice_bind(b, dim, 3, NULL);
    assert_int_equal(oracle_eval(b, (const void *const *)data, 2, false, NULL, &whole, NULL), 0);
    assert_int_equal(slice_eval(b, part, dim, index, (const void *const *)data, 2, NULL, &some, NULL), 0);
    for (int i = 0; i < 3; i++) {
        int t = b->output[0];
        assert_memory_equal(some.value[t] + i * 30, whole.value[t] + index[i] * 30, 30 * sizeof(double));
        assert_memory_equal(some.scale[t] + i * 30, whole.scale[t] + index[i] * 30, 30 * sizeof(double));
    }
    oracle_done(&whole);
    oracle_done(&some);
    bound_free(part);
    free(data[0]);
    free(data[1]);
    unload(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_fall_apart),
        cmocka_unit_test(an_axis_that_is_reduced_or_seen_twice_does_not),
        cmocka_unit_test(slices_have_the_bits_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
