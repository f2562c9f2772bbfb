/* Sums of products for the oracle: y[m][n] = sum over k of a[m][k] * b[k][n], in double, with the error scale
 * sum own |a||b| + sa |b| + |a| sb accumulated beside it. Matmul, linear layers and convolutions are this with
 * different ways to find the operands. Each element is summed in the order of k, so the result does not depend on how
 * the work is cut. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PRODUCT_ROWS 64     /* a unit of work is a tile of this many rows ... */
#define PRODUCT_COLUMNS 128 /* ... and columns of one matrix */

/* One operand's elements: fetch rows x columns of it, from (r0, c0), into `value` and, if the operand is not exact,
 * into `scale`, `stride` apart from row to row. */
typedef void product_fetch(void *context, int64_t matrix, int64_t r0, int rows, int64_t c0, int columns, double *value,
                           double *scale, int stride);
/* Takes a finished tile: element (i, j) is at [i * PRODUCT_COLUMNS + j]. */
typedef void product_store(void *context, int64_t matrix, int64_t m0, int rows, int64_t n0, int columns,
                           const double *value, const double *scale);
struct product {
    int64_t matrices, m, n, k;
    bool a_exact, b_exact;
    double own;             /* what |a||b| counts in the scale: op_eval's sum */
    product_fetch *fetch_a; /* rows are m, columns k */
    product_fetch *fetch_b; /* rows are k, columns n */
    product_store *store;
    void *context;
};
/* Tiles in all. */
int64_t product_units(int64_t matrices, int64_t m, int64_t n);
void product_run(const struct product *p, int64_t begin, int64_t end);
/* fetch for a dense operand: element (r, c) of a matrix whose first element is `value`[0]. */
void product_fetch_dense(const double *value, const double *scale, int64_t row_step, int64_t column_step, int64_t r0,
                         int rows, int64_t c0, int columns, double *to, double *scale_to, int stride);
