/* Shapes and element types. Row-major, dense. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/error.h"
enum dtype { DTYPE_F32, DTYPE_F16, DTYPE_I32, DTYPE_COUNT };
#define TENSOR_MAX_RANK 8
#define TENSOR_MAX_ELEMENTS ((int64_t)1 << 40)
struct shape {
    int rank; /* 0 for a scalar */
    int64_t dim[TENSOR_MAX_RANK];
};
const char *dtype_name(enum dtype d);  /* "f32" */
int dtype_from_name(const char *name); /* -1 when unknown */
size_t dtype_bytes(enum dtype d);
double dtype_unit_roundoff(enum dtype d);      /* 2^-24 for f32, 2^-11 for f16, 0 for integers */
int64_t shape_elements(const struct shape *s); /* product; shapes in a bound problem never overflow */
/* The same, checked: -1 when a dimension is below 1 or the product is over TENSOR_MAX_ELEMENTS. */
int shape_count(const struct shape *s, int64_t *ret);
bool shape_equal(const struct shape *a, const struct shape *b);
/* NumPy broadcasting of b against a. ERR_INVALID with both shapes in the text. */
int shape_broadcast(const struct shape *a, const struct shape *b, struct shape *ret, struct error *err);
void shape_format(const struct shape *s, char out[160]); /* "[2, 3, 5]" */
