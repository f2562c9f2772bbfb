/* For tests of operators: a problem from its text, bound, filled and judged. */
#pragma once
#include "common/buf.h"
#include "problems/data/data.h"
#include "problems/graph/oracle.h"
#include "problems/ops/op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct case_ {
    struct problem *problem;
    struct bound *bound;
    void **data; /* per tensor; NULL for intermediates and outputs */
    struct oracle_result oracle;
    struct cost cost;
};

/* `body` is everything below the sizes; one size "one" with no names but Q. */
static inline struct problem *case_parse(const char *body, struct error *err) {
    char *text = xasprintf("problem: case\nlevel: 1\nsizes: {one: {Q: 1}}\n%s", body);
    struct problem *p = problem_parse(text, strlen(text), "case.yaml", err);
    free(text);
    return p;
}

static inline void case_open(struct case_ *c, const char *body) {
    struct error err = ERROR_INIT;
    *c = (struct case_){.problem = case_parse(body, &err)};
    if (!c->problem) fail_msg("%s", err.text);
    c->bound = problem_bind(c->problem, "one", &err);
    if (!c->bound) fail_msg("%s", err.text);
    bound_cost(c->bound, &c->cost);
    c->data = xcalloc((size_t)c->bound->n_tensors, sizeof *c->data);
    for (int t = 0; t < c->bound->n_tensors; t++)
        if (c->bound->tensor[t].role == TENSOR_INPUT || c->bound->tensor[t].role == TENSOR_WEIGHT)
            c->data[t] = xcalloc(1, c->bound->tensor[t].bytes);
}

static inline void case_fill(struct case_ *c, enum distribution d, uint8_t seed_byte) {
    struct data_seed seed = {{seed_byte}};
    assert_int_equal(data_fill_all(c->bound, &seed, 0, d, c->data, NULL), 0);
}

static inline void case_judge(struct case_ *c, int threads) {
    struct error err = ERROR_INIT;
    oracle_done(&c->oracle);
    if (oracle_eval(c->bound, (const void *const *)c->data, threads, true, NULL, &c->oracle, &err) != 0)
        fail_msg("%s", err.text);
}

static inline void case_close(struct case_ *c) {
    oracle_done(&c->oracle);
    for (int t = 0; t < c->bound->n_tensors; t++) free(c->data[t]);
    free(c->data);
    bound_free(c->bound);
    problem_free(c->problem);
}

static inline int case_tensor(const struct case_ *c, const char *name) {
    int t = bound_find_tensor(c->bound, name);
    assert_true(t >= 0);
    return t;
}

static inline int case_run(const struct CMUnitTest *tests, size_t n) {
    return _cmocka_run_group_tests("problems", tests, n, NULL, NULL);
}
