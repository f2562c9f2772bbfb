/* Files as texts, and the same with one thing changed: most tests refuse a file that differs from a good one by that.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/graph/problem.h"

DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)
DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)
#define PROBLEM CLEANUP(cleanup_problem) struct problem *
#define BOUND CLEANUP(cleanup_bound) struct bound *
#define TEXT CLEANUP_FREE char *

/* `base` with the first `from` replaced by `to`; the caller frees. */
static inline char *with(const char *base, const char *from, const char *to) {
    const char *at = strstr(base, from);
    if (!at) fail_msg("the base has no `%s`", from);
    return xasprintf("%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
}

static inline struct problem *problem_of(const char *text) {
    struct error err = ERROR_INIT;
    struct problem *p = problem_parse(text, strlen(text), "p.yaml", &err);
    if (!p) fail_msg("%s", err.text);
    return p;
}

static inline struct bound *bound_of(const struct problem *p, const char *size) {
    struct error err = ERROR_INIT;
    struct bound *b = problem_bind(p, size, &err);
    if (!b) fail_msg("%s", err.text);
    return b;
}

static inline void assert_error(const struct error *err, enum error_code code, const char *part) {
    if (!strstr(err->text, part)) fail_msg("`%s` lacks `%s`", err->text, part);
    if (err->code != code) fail_msg("%s: code %s", err->text, error_name(err->code));
}

#define MLP                                                     \
    "problem: mlp\n"                                            \
    "level: 2\n"                                                \
    "origin: somebody\n"                                        \
    "sizes:\n"                                                  \
    "  full:  {N: 64, K: 128, M: 256}\n"                        \
    "  check: {N: 3, K: 5, M: 7}\n"                             \
    "where: [\"M > K\"]\n"                                      \
    "inputs:\n"                                                 \
    "  x: {dtype: f32, shape: [N, K], fill: uniform(-1, 1)}\n"  \
    "weights:\n"                                                \
    "  w: {dtype: f32, shape: [M, K], fill: kaiming}\n"         \
    "  b: {dtype: f32, shape: [M], fill: \"normal(0, 0.5)\"}\n" \
    "graph:\n"                                                  \
    "  - h = linear(x, w, b)\n"                                 \
    "  - g = gelu(h, approximate=tanh)\n"                       \
    "  - y = mul(g, 2.0)\n"                                     \
    "outputs: [y]\n"
