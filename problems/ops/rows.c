/* A tensor as rows along one axis. */
#include "problems/ops/rows.h"

#define ITERATIONS_MAX 16384 /* a work-item passes over its part two or three times */
#define ITEMS_WANTED 32768
#define PART_LEAST 128

struct rows rows_make(const struct shape *s, int axis) {
    struct rows r = {1, s->dim[axis], 1};
    for (int i = 0; i < axis; i++) r.outer *= s->dim[i];
    for (int i = axis + 1; i < s->rank; i++) r.inner *= s->dim[i];
    return r;
}

struct rows rows_trailing(const struct shape *s, int axes) {
    struct rows r = {1, 1, 1};
    for (int i = 0; i < s->rank; i++) *(i < s->rank - axes ? &r.outer : &r.length) *= s->dim[i];
    return r;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

int64_t rows_parts(const struct rows *r) {
    int64_t wanted = ceil_div(ITEMS_WANTED, r->outer * r->inner), longest = ceil_div(r->length, PART_LEAST);
    if (wanted > longest) wanted = longest;
    int64_t least = ceil_div(r->length, ITERATIONS_MAX);
    return wanted > least ? wanted : least;
}
