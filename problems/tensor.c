/* Shapes and element types: names, sizes, broadcasting. */
#include "problems/tensor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
    double unit_roundoff;
} DTYPES[DTYPE_COUNT] = {
    [DTYPE_F32] = {"f32", 4, 0x1p-24},
    [DTYPE_F16] = {"f16", 2, 0x1p-11},
    [DTYPE_I32] = {"i32", 4, 0.0},
};

const char *dtype_name(enum dtype d) {
    return DTYPES[d].name;
}

int dtype_from_name(const char *name) {
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(DTYPES[i].name, name) == 0) return i;
    return -1;
}

size_t dtype_bytes(enum dtype d) {
    return DTYPES[d].bytes;
}

double dtype_unit_roundoff(enum dtype d) {
    return DTYPES[d].unit_roundoff;
}

int64_t shape_elements(const struct shape *s) {
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++) n *= s->dim[i];
    return n;
}

int shape_count(const struct shape *s, int64_t *ret) {
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] < 1 || __builtin_mul_overflow(n, s->dim[i], &n) || n > TENSOR_MAX_ELEMENTS) return -1;
    }
    *ret = n;
    return 0;
}

bool shape_equal(const struct shape *a, const struct shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

/* Dimension `axis` counted from the last one; 1 beyond the first. */
static int64_t dim_from_end(const struct shape *s, int axis) {
    return axis < s->rank ? s->dim[s->rank - 1 - axis] : 1;
}

int shape_broadcast(const struct shape *a, const struct shape *b, struct shape *ret, struct error *err) {
    struct shape out = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int axis = 0; axis < out.rank; axis++) {
        int64_t x = dim_from_end(a, axis), y = dim_from_end(b, axis);
        if (x != y && x != 1 && y != 1) {
            char text_a[160], text_b[160];
            shape_format(a, text_a);
            shape_format(b, text_b);
            return error_set(err, ERR_INVALID, "shapes %s and %s do not broadcast: %lld against %lld", text_a, text_b,
                             (long long)x, (long long)y);
        }
        out.dim[out.rank - 1 - axis] = x == 1 ? y : x;
    }
    *ret = out;
    return 0;
}

void shape_format(const struct shape *s, char out[160]) {
    size_t used = 0;
    out[used++] = '[';
    /* 8 dims of up to 20 characters do not fit 160 bytes in theory; a tensor's are at most 13 digits, and the
     * check keeps what an operator's faulty shape could hold from overrunning. */
    for (int i = 0; i < s->rank && used < 130; i++)
        used += (size_t)snprintf(out + used, 160 - used, "%s%lld", i ? ", " : "", (long long)s->dim[i]);
    out[used++] = ']';
    out[used] = 0;
}
