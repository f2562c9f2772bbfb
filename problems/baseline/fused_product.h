/* Inside `fused`: products in one form, y[z][m][n] = tail(sum over k of a[z][m][k] * b[z][k][n] + bias[n]). */
#pragma once
#include "problems/baseline/fused_group.h"

struct product_shape {
    int a, b, bias; /* tensors; bias -1 without */
    int64_t matrices, m, n, k;
    int64_t a_row, a_column, a_matrix; /* steps between elements, in elements; a_matrix 0 when all share one */
    int64_t b_row, b_column, b_matrix;
};
/* CPUs: 8 rows by 16 columns in registers, transposed b repacked first. False when k is too long for one work-item. */
bool product_cpu_can(const struct product_shape *p);
int product_cpu(const struct fused *f, const struct tail *t, const struct product_shape *p, struct error *err);
/* GPUs: tiles of 64 x 64 x 16 through local memory, 4 x 4 in registers. False when the device's groups are too small.
 */
bool product_gpu_can(const struct fused *f);
int product_gpu(const struct fused *f, const struct tail *t, const struct product_shape *p, struct error *err);
