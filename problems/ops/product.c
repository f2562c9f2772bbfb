/* Sums of products for the oracle: packed operands, and a register block of 4 rows by 16 columns. */
#include "problems/ops/product.h"

#include "common/buf.h"
#include "problems/wide.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 128 /* of k packed at a time: both operands and their scales stay in the second-level cache */
#define MR 4
#define NR 16
#define VECTOR 8
#define NV (NR / VECTOR)

typedef double vec __attribute__((vector_size(VECTOR * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef int64_t vec_bits __attribute__((vector_size(VECTOR * sizeof(double))));

struct panel {                                                      /* operands of one block, packed */
    double a[PRODUCT_ROWS * DEPTH], ta[PRODUCT_ROWS * DEPTH];       /* a, own |a| + sa: [row / MR][k][row % MR] */
    double b[DEPTH * PRODUCT_COLUMNS], sb[DEPTH * PRODUCT_COLUMNS]; /* [column / NR][k][column % NR] */
    double raw[PRODUCT_ROWS * DEPTH + DEPTH * PRODUCT_COLUMNS];
    double raw_scale[PRODUCT_ROWS * DEPTH + DEPTH * PRODUCT_COLUMNS];
    double y[PRODUCT_ROWS * PRODUCT_COLUMNS], s[PRODUCT_ROWS * PRODUCT_COLUMNS];
};

#define ABS(v) ((vec)((vec_bits)(v)&INT64_MAX))

/* y, s (4 x 16, rows PRODUCT_COLUMNS apart) += over depth k. */
WIDE_INLINE void block(const double *a, const double *ta, const double *b, const double *sb, int depth, double *y,
                       double *s) {
    vec acc[MR][NV], err[MR][NV];
#pragma GCC unroll 4
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) {
            acc[i][j] = *(const vec *)(y + i * PRODUCT_COLUMNS + j * VECTOR);
            err[i][j] = *(const vec *)(s + i * PRODUCT_COLUMNS + j * VECTOR);
        }
    for (int k = 0; k < depth; k++) {
        vec bv[NV], bt[NV], bs[NV];
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) {
            bv[j] = *(const vec *)(b + k * NR + j * VECTOR);
            bt[j] = ABS(bv[j]);
            if (sb) bs[j] = *(const vec *)(sb + k * NR + j * VECTOR);
        }
#pragma GCC unroll 4
        for (int i = 0; i < MR; i++) {
            double av = a[k * MR + i], at = ta[k * MR + i], am = __builtin_fabs(av);
#pragma GCC unroll 2
            for (int j = 0; j < NV; j++) {
                acc[i][j] += av * bv[j];
                err[i][j] += at * bt[j];
                if (sb) err[i][j] += am * bs[j];
            }
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) {
            *(vec *)(y + i * PRODUCT_COLUMNS + j * VECTOR) = acc[i][j];
            *(vec *)(s + i * PRODUCT_COLUMNS + j * VECTOR) = err[i][j];
        }
}

WIDE static void multiply(struct panel *p, int rows, int columns, int depth, bool b_exact) {
    for (int j = 0; j < columns; j += NR)
        for (int i = 0; i < rows; i += MR) {
            const double *a = p->a + i * depth, *ta = p->ta + i * depth;
            double *y = p->y + i * PRODUCT_COLUMNS + j, *s = p->s + i * PRODUCT_COLUMNS + j;
            if (b_exact)
                block(a, ta, p->b + j * depth, NULL, depth, y, s);
            else
                block(a, ta, p->b + j * depth, p->sb + j * depth, depth, y, s);
        }
}

static void pack_a(const struct product *p, struct panel *q, int64_t matrix, int64_t m0, int rows, int64_t k0,
                   int depth) {
    p->fetch_a(p->context, matrix, m0, rows, k0, depth, q->raw, p->a_exact ? NULL : q->raw_scale, DEPTH);
    for (int i = 0; i < (rows + MR - 1) / MR * MR; i++) {
        double *to = q->a + i / MR * MR * depth + i % MR, *total = q->ta + i / MR * MR * depth + i % MR;
        for (int k = 0; k < depth; k++) {
            double v = i < rows ? q->raw[i * DEPTH + k] : 0.0;
            double s = i < rows && !p->a_exact ? q->raw_scale[i * DEPTH + k] : 0.0;
            to[k * MR] = v;
            total[k * MR] = __builtin_fabs(v) * p->own + s;
        }
    }
}

static void pack_columns(const double *raw, int columns, int depth, double *to) {
    for (int j0 = 0; j0 < columns; j0 += NR) {
        int width = columns - j0 < NR ? columns - j0 : NR;
        for (int k = 0; k < depth; k++) {
            double *row = to + j0 * depth + k * NR;
            for (int j = 0; j < width; j++) row[j] = raw[k * PRODUCT_COLUMNS + j0 + j];
            for (int j = width; j < NR; j++) row[j] = 0.0;
        }
    }
}

static void pack_b(const struct product *p, struct panel *q, int64_t matrix, int64_t n0, int columns, int64_t k0,
                   int depth) {
    p->fetch_b(p->context, matrix, k0, depth, n0, columns, q->raw, p->b_exact ? NULL : q->raw_scale, PRODUCT_COLUMNS);
    pack_columns(q->raw, columns, depth, q->b);
    if (!p->b_exact) pack_columns(q->raw_scale, columns, depth, q->sb);
}

static int least(int64_t a, int b) {
    return a < b ? (int)a : b;
}

static void tile(const struct product *p, struct panel *q, int64_t matrix, int64_t m0, int64_t n0) {
    int rows = least(p->m - m0, PRODUCT_ROWS), columns = least(p->n - n0, PRODUCT_COLUMNS);
    memset(q->y, 0, sizeof q->y);
    memset(q->s, 0, sizeof q->s);
    for (int64_t k0 = 0; k0 < p->k; k0 += DEPTH) {
        int depth = least(p->k - k0, DEPTH);
        pack_a(p, q, matrix, m0, rows, k0, depth);
        pack_b(p, q, matrix, n0, columns, k0, depth);
        multiply(q, rows, columns, depth, p->b_exact);
    }
    p->store(p->context, matrix, m0, rows, n0, columns, q->y, q->s);
}

static int64_t tiles(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

int64_t product_units(int64_t matrices, int64_t m, int64_t n) {
    return matrices * tiles(m, PRODUCT_ROWS) * tiles(n, PRODUCT_COLUMNS);
}

void product_run(const struct product *p, int64_t begin, int64_t end) {
    struct panel *q = xmalloc(sizeof *q);
    int64_t across = tiles(p->n, PRODUCT_COLUMNS), per_matrix = tiles(p->m, PRODUCT_ROWS) * across;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t matrix = unit / per_matrix, t = unit % per_matrix;
        tile(p, q, matrix, t / across * PRODUCT_ROWS, t % across * PRODUCT_COLUMNS);
    }
    free(q);
}

void product_fetch_dense(const double *value, const double *scale, int64_t row_step, int64_t column_step, int64_t r0,
                         int rows, int64_t c0, int columns, double *to, double *scale_to, int stride) {
    /* Walk the shorter step innermost: a transposed operand is read along memory, too. */
    if (row_step < column_step) {
        for (int c = 0; c < columns; c++)
            for (int r = 0; r < rows; r++) {
                int64_t at = (r0 + r) * row_step + (c0 + c) * column_step;
                to[r * stride + c] = value[at];
                if (scale_to) scale_to[r * stride + c] = scale[at];
            }
        return;
    }
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            int64_t at = (r0 + r) * row_step + (c0 + c) * column_step;
            to[r * stride + c] = value[at];
            if (scale_to) scale_to[r * stride + c] = scale[at];
        }
}
