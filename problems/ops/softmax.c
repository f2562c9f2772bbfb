/* Softmax along one axis, the maximum subtracted first. */
#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"
#include "problems/ops/rounding.h"
#include "problems/ops/rows.h"

#include <math.h>

#define SLOT_AXIS 0
/* All terms of the sum are positive. Where many are near the last bit of a running sum (beside one large one) they are
 * rounded alike, and the error grows with K, not sqrt(K): K / 32 is granted besides. Measured on heavy tails, K =
 * 4,099: one sum in order of 40 was beyond the tolerance without it. */
#define LAST_BIT_PARTS 32.0

static int softmax_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err) {
    int axis;
    if (operands_real(n, in, err) != 0 || attr_axis(n, SLOT_AXIS, in[0].shape.rank, &axis, err) != 0) return -1;
    out->dtype = in[0].dtype;
    out->shape = in[0].shape;
    return 0;
}

static int axis_of(const struct node *n, const struct shape *x) {
    int64_t axis = attr_int(n, SLOT_AXIS);
    return (int)(axis < 0 ? axis + x->rank : axis);
}

static int64_t softmax_units(const struct node *n, const struct shape *in, const struct shape *out) {
    struct rows r = rows_make(out, axis_of(n, in));
    return r.outer * r.inner;
}

/* Rounding, to first order, with q[j] = |t[j]| + sx[j] + exp's own, t[j] = x[j] - max: the relative error of each
 * exp(). The maximum's own error shifts all of them alike and cancels. From dy[i]/dx[j] = y[i] (delta[i][j] - y[j]):
 *   scale[i] = y[i] * ((1 - y[i]) q[i] + sum over j != i of y[j] q[j] + sum and quotient). */
static void softmax_row(const struct op_eval *e, const double *x, const double *sx, int64_t step, int64_t length,
                        double *y, double *s) {
    double max = -INFINITY, sum = 0.0, spread = 0.0;
    double sum_units = e->sum * (1.0 + sqrt((double)length) / LAST_BIT_PARTS);
    for (int64_t j = 0; j < length; j++) max = fmax(max, x[j * step]);
    for (int64_t j = 0; j < length; j++) {
        double t = x[j * step] - max, v = exp(t);
        double q = (fabs(t) + ROUND_EXP) * e->one + (sx ? sx[j * step] : 0.0);
        y[j * step] = v;
        s[j * step] = q;
        sum += v;
        if (v > 0) spread += v * q; /* t may be -inf */
    }
    for (int64_t j = 0; j < length; j++) {
        double v = y[j * step] / sum, q = s[j * step];
        double own = v > 0 ? (1.0 - v) * q + fmax(0.0, spread / sum - v * q) : 0.0;
        y[j * step] = v;
        s[j * step] = v * (own + ROUND_BASIC * sum_units + ROUND_DIV * e->one);
    }
}

static void softmax_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    const struct view *x = &e->in[0];
    struct rows r = rows_make(x->shape, axis_of(e->node, x->shape));
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t base = unit / r.inner * r.length * r.inner + unit % r.inner;
        softmax_row(e, x->value + base, x->scale ? x->scale + base : NULL, r.inner, r.length, e->value + base,
                    e->scale + base);
    }
}

static void softmax_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    double elements = (double)shape_elements(out);
    *ret = (struct op_cost){.flops = 12 * elements,
                            .oracle_flops = (rows_make(in, axis_of(n, in)).inner > 1 ? 1000 : 500) * elements,
                            .reduction = in[0].dim[axis_of(n, in)]};
}

static int softmax_reduced_axis(const struct node *n, const struct shape *in, int k) {
    (void)k;
    return axis_of(n, in);
}

/* Each row in `parts`, interleaved: maximum and sum of every part, then those of the row, then the elements. */
static const char PARTIAL[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global float *restrict most, __global float *restrict total,\n"
    "    long items, int length, int inner, int parts)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= items) return;\n"
    "    long part = i / inner % parts;\n"
    "    __global const T_$0 *row = x + i / inner / parts * length * inner + i % inner;\n"
    "    float m = -INFINITY, s = 0.0f;\n"
    "    for (long j = part; j < length; j += parts) m = fmax(m, LD_$0(row, j * inner));\n"
    "    float shift = m == -INFINITY ? 0.0f : m;\n"
    "    for (long j = part; j < length; j += parts) s += exp(LD_$0(row, j * inner) - shift);\n"
    "    most[i] = m;\n"
    "    total[i] = s;\n"
    "}\n";
static const char COMBINE[] =
    "__kernel void $E(__global const float *restrict most, __global const float *restrict total,\n"
    "    __global float *restrict row_most, __global float *restrict row_total, long rows, int inner, int parts)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= rows) return;\n"
    "    long first = i / inner * parts * inner + i % inner;\n"
    "    float m = -INFINITY, s = 0.0f;\n"
    "    for (int p = 0; p < parts; p++) m = fmax(m, most[first + (long)p * inner]);\n"
    "    for (int p = 0; p < parts; p++) s += total[first + (long)p * inner] * exp(most[first + (long)p * inner] - "
    "m);\n"
    "    row_most[i] = m;\n"
    "    row_total[i] = s;\n"
    "}\n";
static const char APPLY[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global const float *restrict most,\n"
    "    __global const float *restrict total, __global T_$Y *restrict y, long items, int length, int inner)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= items) return;\n"
    "    long row = i / inner / length * inner + i % inner;\n"
    "    ST_$Y(y, i, exp(LD_$0(x, i) - most[row]) / total[row]);\n"
    "}\n";

static int softmax_emit(const struct node *n, struct op_emit *e, struct error *err) {
    const struct shape *x = emit_shape_of(e, n->in[0]);
    struct rows r = rows_make(x, axis_of(n, x));
    int64_t rows = r.outer * r.inner, parts = rows_parts(&r), items = rows * parts;
    int most = emit_scratch_new(e, DTYPE_F32, items), total = emit_scratch_new(e, DTYPE_F32, items);
    if (EMIT_LAUNCH(e, emit_node_kernel(e, n, "_partial", PARTIAL), emit_range_1d(items), err, emit_tensor(n->in[0]),
                    emit_scratch(most), emit_scratch(total), emit_i64(items), emit_i32(r.length), emit_i32(r.inner),
                    emit_i32(parts)) != 0)
        return -1;
    int row_most = most, row_total = total;
    if (parts > 1) {
        row_most = emit_scratch_new(e, DTYPE_F32, rows);
        row_total = emit_scratch_new(e, DTYPE_F32, rows);
        if (EMIT_LAUNCH(e, emit_node_kernel(e, n, "_combine", COMBINE), emit_range_1d(rows), err, emit_scratch(most),
                        emit_scratch(total), emit_scratch(row_most), emit_scratch(row_total), emit_i64(rows),
                        emit_i32(r.inner), emit_i32(parts)) != 0)
            return -1;
    }
    int64_t elements = shape_elements(x);
    return EMIT_LAUNCH(e, emit_node_kernel(e, n, "_apply", APPLY), emit_range_1d(elements), err, emit_tensor(n->in[0]),
                       emit_scratch(row_most), emit_scratch(row_total), emit_tensor(n->out), emit_i64(elements),
                       emit_i32(r.length), emit_i32(r.inner));
}

static void softmax_emulate(const struct op_emulation *e) {
    const struct arithmetic *a = e->arithmetic;
    struct rows r = rows_make(e->out_shape, axis_of(e->node, e->in_shape[0]));
    CLEANUP_FREE float *powers = xmalloc((size_t)r.length * sizeof *powers);
    int64_t begin, end;
    op_part(e, r.outer * r.inner, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t base = unit / r.inner * r.length * r.inner + unit % r.inner;
        const float *x = e->in[0] + base;
        float most = -INFINITY;
        for (int64_t j = 0; j < r.length; j++) most = fmaxf(most, x[j * r.inner]);
        for (int64_t j = 0; j < r.length; j++) powers[j] = arithmetic_exp(a, arithmetic_step(a, x[j * r.inner] - most));
        float sum = arithmetic_dot(a, powers, 1, NULL, 0, r.length);
        for (int64_t j = 0; j < r.length; j++) e->value[base + j * r.inner] = arithmetic_div(a, powers[j], sum);
    }
}

static const struct attr_spec softmax_attrs[] = {
    [SLOT_AXIS] =
        {.name = "axis", .kind = ATTR_INT, .required = true, .min = -TENSOR_MAX_RANK, .max = TENSOR_MAX_RANK - 1},
    {.name = NULL},
};

const struct op op_softmax = {
    .name = "softmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .scalar_operand = -1,
    .attrs = softmax_attrs,
    .infer = softmax_infer,
    .units = softmax_units,
    .eval = softmax_eval,
    .cost = softmax_cost,
    .reduced_axis = softmax_reduced_axis,
    .emulate = softmax_emulate,
    .emit_plain = softmax_emit,
};
