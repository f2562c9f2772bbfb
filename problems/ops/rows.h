/* A tensor as rows along one axis: outer x length x inner, row-major. */
#pragma once
#include "problems/tensor.h"

struct rows {
    int64_t outer, length, inner;
};
struct rows rows_make(const struct shape *s, int axis);
/* The last `axes` axes together as one. */
struct rows rows_trailing(const struct shape *s, int axes);
/* Into how many parts a plain kernel cuts each row: enough work-items for a wide device, and few enough iterations for
 * any driver. At most the row's length. */
int64_t rows_parts(const struct rows *r);
