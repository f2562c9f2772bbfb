/* What element-wise operators share: shapes by NumPy broadcasting, units of one element, and an eval that hands the
 * operator contiguous blocks. */
#pragma once
#include "problems/ops/op.h"

/* n elements of each operand and of the output, contiguous. `sa`, `sb` are never NULL; `b` is NULL for unary operators.
 * Fills y and sy. */
struct element_block {
    const struct op_eval *e;
    int n;
    const double *a, *sa, *b, *sb;
    double *y, *sy;
};
typedef void element_fn(const struct element_block *k);

int elementwise_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err);
int64_t elementwise_units(const struct node *n, const struct shape *in, const struct shape *out);
void elementwise_eval(const struct op_eval *e, int64_t begin, int64_t end, element_fn *fn);
/* Every element by the operator's emulate_element. */
void elementwise_emulate(const struct op_emulation *e);
/* flops and oracle flops per element. */
void elementwise_cost(const struct shape *out, double flops, double oracle_flops, struct op_cost *ret);
/* The text of operand `k` for emit_element: the operand's expression, or the number in its place. */
void elementwise_operand(const struct node *n, const char *const *operands, int k, struct buf *ret);
