/* One operator of the problem graph: one file each under problems/ops/, all with the same parts, listed in ops.def.
 * Adding an operator is adding a file and a row. */
#pragma once
#include "common/buf.h"
#include "problems/graph/problem.h"
#include "problems/ops/arithmetic.h"

enum attr_kind { ATTR_INT, ATTR_INTS /* one value or one per spatial axis */, ATTR_FLOAT, ATTR_WORD, ATTR_BOOL };
struct attr_spec {
    const char *name; /* NULL ends the table */
    enum attr_kind kind;
    bool required;
    double fallback;   /* words: the first one is the default */
    int64_t min, max;  /* ints */
    const char *words; /* "none|tanh" */
};
/* A tensor during evaluation: value, and the scale of its honest rounding error in units of u :
 * an evaluation in arithmetic of unit roundoff u has |error| <= c * u * scale * sqrt(K), see docs/operators.md. */
struct view {
    const struct shape *shape;
    const double *value;
    const double *scale; /* NULL when the tensor is exact: an input or weight */
};
struct op_eval {
    const struct node *node;
    struct view in[OP_MAX_INPUTS];
    const struct shape *out_shape;
    double u; /* unit roundoff of the output's dtype, for second-order terms */
    /* What this node's own roundings count in the scale, given that the tolerance multiplies by sqrt(K) in the end: a
     * single one 1 / sqrt(chain), a sum of the node's K terms sqrt(K / chain), chain being the reductions up to here.
     */
    double one, sum;
    double *value, *scale; /* whole output arrays; the call fills units [begin, end), see op.units */
    uint32_t *branch;      /* counts per branch, or NULL; the caller sums over threads */
};
#define OP_MAX_BRANCHES 8
#define OP_SCALAR \
    (OP_MAX_ATTRS - 1) /* attribute slot of a number in place of a tensor; is_set says whether there is one */
/* A node in the arithmetic of a kernel (problems/ops/arithmetic.h): the whole output, or this call's part of it. */
struct op_emulation {
    const struct node *node;
    const struct arithmetic *arithmetic;
    const struct shape *in_shape[OP_MAX_INPUTS], *out_shape;
    const float *in[OP_MAX_INPUTS];
    float *value;
    int part, parts; /* of units of the operator's own choice: op_part() */
};
struct op_cost {
    double flops; /* useful operations: a multiply-add counts two, a function such as exp eight */
    /* What eval costs, in a product's multiply-or-adds of double, of which a core does ORACLE_FLOPS_PER_CORE_S; the
     * others by the time they were measured to take (tests/tools/oracle_dump.c), memory included. */
    double oracle_flops;
    int64_t reduction; /* K: roundings folded into one element */
};
/* Where a plain kernel is emitted: appends an entry point named `entry` to `source` and states its launch. */
struct op_emit; /* problems/baseline/emit.h */

struct op {
    const char *name;           /* as in the file: "conv_transpose2d" */
    int min_inputs, max_inputs; /* operands, a number in place of a tensor counted */
    int scalar_operand;         /* index of the operand that may be a number (mul(y, 2.0)), or -1; always the last
                                 * one. The node then has one input less, and the number in attr[OP_SCALAR].f */
    bool integers; /* element-wise ones: i32 operands are taken too, and give i32. Results have to fit 32 bits */
    const struct attr_spec *attrs;
    /* Names of the branches that an element's *data* can take (a clamp's sides), NULL-terminated, or NULL. */
    const char *const *branches;
    /* Output shape and dtype from the inputs'; validates attributes against shapes. ERR_INVALID. */
    int (*infer)(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err);
    /* Independent units of work in the output (rows, elements); eval fills units [begin, end), callable from many
     * threads. */
    int64_t (*units)(const struct node *n, const struct shape *in, const struct shape *out);
    void (*eval)(const struct op_eval *e, int64_t begin, int64_t end);
    void (*cost)(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret);
    /* The axis of operand `k` that is summed or reduced over, or -1; NULL where the operator reduces nothing. Data are
     * laid out along it (needle, precision probe). */
    int (*reduced_axis)(const struct node *n, const struct shape *in, int k);
    bool
        plain_sum; /* along it elements or their products are added as they are: zeros drop out, integers sum exactly */
    /* The same as a kernel computes it, in e->arithmetic, part e->part of e->parts. NULL: not emulated. */
    void (*emulate)(const struct op_emulation *e);
    float (*emulate_element)(const struct node *n, const struct arithmetic *a, float x, float y); /* element-wise ops */
    /* Plain OpenCL: correct at every shape, simple, and not silly. */
    int (*emit_plain)(const struct node *n, struct op_emit *emit, struct error *err);
    /* For fusion: element-wise ops give an expression over their operands' values ("(%s > 0.0f ? %s : 0.0f)" style
     * through the emitter); NULL for others. */
    int (*emit_element)(const struct node *n, const char *const *operands, struct buf *ret);
};
/* The units of n that this call computes: [*begin, *end). */
static inline void op_part(const struct op_emulation *e, int64_t n, int64_t *begin, int64_t *end) {
    *begin = n * e->part / e->parts;
    *end = n * (e->part + 1) / e->parts;
}

/* chain[t], for each of the n_tensors: roundings folded into an element of tensor t along its longest path. */
void bound_chains(const struct bound *b, int64_t *ret_chain);

/* One constant per row of ops.def. */
#define X(name) extern const struct op op_##name;
#include "problems/ops/ops.def"
#undef X

const struct op *op_find(const char *name);
const struct op *const *op_all(size_t *ret_n);
const char *op_nearest(const char *name); /* for "did you mean"; NULL when nothing is near */
