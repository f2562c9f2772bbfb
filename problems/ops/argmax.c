/* Index of the largest element along one axis, the lowest one where several are; the axis vanishes. The operand must be
 * an input or weight: of a computed tensor another rounding could choose another index, and integers have no tolerance.
 */
#include "common/cleanup.h"
#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"
#include "problems/ops/rows.h"

#define SLOT_AXIS 0

static int argmax_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err) {
    const struct shape *x = &in[0].shape;
    int axis;
    if (operands_real(n, in, err) != 0 || attr_axis(n, SLOT_AXIS, x->rank, &axis, err) != 0) return -1;
    if (in[0].role != TENSOR_INPUT && in[0].role != TENSOR_WEIGHT)
        return error_set(err, ERR_INVALID,
                         "argmax: '%s' is computed, and its rounding could change an index; it takes inputs and "
                         "weights only",
                         in[0].name);
    if (x->dim[axis] > INT32_MAX)
        return error_set(err, ERR_LIMIT, "argmax: '%s' has %lld elements along axis %d, more than 32 bits count",
                         in[0].name, (long long)x->dim[axis], axis);
    out->dtype = DTYPE_I32;
    out->shape.rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (i != axis) out->shape.dim[out->shape.rank++] = x->dim[i];
    return 0;
}

static int axis_of(const struct node *n, const struct shape *x) {
    int64_t axis = attr_int(n, SLOT_AXIS);
    return (int)(axis < 0 ? axis + x->rank : axis);
}

static int64_t argmax_units(const struct node *n, const struct shape *in, const struct shape *out) {
    (void)n, (void)in;
    return shape_elements(out);
}

static void argmax_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    const struct view *x = &e->in[0];
    struct rows r = rows_make(x->shape, axis_of(e->node, x->shape));
    for (int64_t unit = begin; unit < end; unit++) {
        const double *row = x->value + unit / r.inner * r.length * r.inner + unit % r.inner;
        int64_t best = 0;
        for (int64_t j = 1; j < r.length; j++)
            if (row[j * r.inner] > row[best * r.inner]) best = j;
        e->value[unit] = (double)best;
        e->scale[unit] = 0;
    }
}

static void argmax_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    (void)n, (void)out;
    double elements = (double)shape_elements(&in[0]);
    *ret = (struct op_cost){.flops = elements, .oracle_flops = 60 * elements, .reduction = 1};
}

static int argmax_reduced_axis(const struct node *n, const struct shape *in, int k) {
    (void)k;
    return axis_of(n, in);
}

/* Each row in `parts`, interleaved; then the parts' best. */
static const char PARTIAL[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global float *restrict most, __global int *restrict where,\n"
    "    long items, int length, int inner, int parts)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= items) return;\n"
    "    int part = (int)(i / inner % parts), best = part;\n"
    "    __global const T_$0 *row = x + i / inner / parts * length * inner + i % inner;\n"
    "    float m = LD_$0(row, (long)part * inner);\n"
    "    for (long j = (long)part + parts; j < length; j += parts) {\n"
    "        float v = LD_$0(row, j * inner);\n"
    "        if (v > m) m = v, best = (int)j;\n"
    "    }\n"
    "    most[i] = m;\n"
    "    where[i] = best;\n"
    "}\n";
static const char COMBINE[] =
    "__kernel void $E(__global const float *restrict most, __global const int *restrict where,\n"
    "    __global int *restrict y, long rows, int inner, int parts)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= rows) return;\n"
    "    long at = i / inner * parts * inner + i % inner;\n"
    "    float m = most[at];\n"
    "    int best = where[at];\n"
    "    for (int p = 1; p < parts; p++) {\n"
    "        at += inner;\n"
    "        if (most[at] > m || (most[at] == m && where[at] < best)) m = most[at], best = where[at];\n"
    "    }\n"
    "    y[i] = best;\n"
    "}\n";

static int argmax_emit(const struct node *n, struct op_emit *e, struct error *err) {
    const struct shape *x = emit_shape_of(e, n->in[0]);
    struct rows r = rows_make(x, axis_of(n, x));
    int64_t rows = r.outer * r.inner, parts = rows_parts(&r), items = rows * parts;
    int most = emit_scratch_new(e, DTYPE_F32, items), where = emit_scratch_new(e, DTYPE_I32, items);
    if (EMIT_LAUNCH(e, emit_node_kernel(e, n, "_partial", PARTIAL), emit_range_1d(items), err, emit_tensor(n->in[0]),
                    emit_scratch(most), emit_scratch(where), emit_i64(items), emit_i32(r.length), emit_i32(r.inner),
                    emit_i32(parts)) != 0)
        return -1;
    return EMIT_LAUNCH(e, emit_node_kernel(e, n, "_combine", COMBINE), emit_range_1d(rows), err, emit_scratch(most),
                       emit_scratch(where), emit_tensor(n->out), emit_i64(rows), emit_i32(r.inner), emit_i32(parts));
}

static void argmax_emulate(const struct op_emulation *e) {
    struct rows r = rows_make(e->in_shape[0], axis_of(e->node, e->in_shape[0]));
    int64_t begin, end;
    op_part(e, shape_elements(e->out_shape), &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        const float *row = e->in[0] + unit / r.inner * r.length * r.inner + unit % r.inner;
        int64_t best = 0;
        for (int64_t j = 1; j < r.length; j++)
            if (row[j * r.inner] > row[best * r.inner]) best = j;
        e->value[unit] = (float)best; /* exact up to 2^24 */
    }
}

static const struct attr_spec argmax_attrs[] = {
    [SLOT_AXIS] =
        {.name = "axis", .kind = ATTR_INT, .required = true, .min = -TENSOR_MAX_RANK, .max = TENSOR_MAX_RANK - 1},
    {.name = NULL},
};

const struct op op_argmax = {
    .name = "argmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .scalar_operand = -1,
    .attrs = argmax_attrs,
    .infer = argmax_infer,
    .units = argmax_units,
    .eval = argmax_eval,
    .cost = argmax_cost,
    .reduced_axis = argmax_reduced_axis,
    .emulate = argmax_emulate,
    .emit_plain = argmax_emit,
};
