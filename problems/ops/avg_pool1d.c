/* Average pooling along the last axis; what the window covers beyond the ends counts as zeros, or not at all with
 * count_include_pad=false. As in PyTorch, the stride is the kernel's width unless it is given. */
#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"
#include "problems/ops/rounding.h"

#include <math.h>

enum { SLOT_KERNEL, SLOT_STRIDE, SLOT_PADDING, SLOT_COUNT_PAD };

struct pool {
    int64_t length, out, kernel, stride, padding;
    bool count_pad;
};

static struct pool pool_of(const struct node *n, const struct shape *x) {
    struct pool p = {
        .length = x->dim[x->rank - 1], .kernel = attr_int(n, SLOT_KERNEL), .padding = attr_int(n, SLOT_PADDING)};
    p.stride = n->attr[SLOT_STRIDE].is_set ? attr_int(n, SLOT_STRIDE) : p.kernel;
    p.count_pad = attr_bool(n, SLOT_COUNT_PAD);
    p.out = p.length + 2 * p.padding < p.kernel ? 0 : (p.length + 2 * p.padding - p.kernel) / p.stride + 1;
    return p;
}

static int avg_pool1d_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err) {
    if (operands_real(n, in, err) != 0) return -1;
    const struct shape *x = &in[0].shape;
    if (x->rank != 2 && x->rank != 3)
        return error_set(err, ERR_INVALID, "avg_pool1d: '%s' must have axes [N, C, L] or [C, L]", in[0].name);
    struct pool p = pool_of(n, x);
    if (p.padding > p.kernel / 2)
        return error_set(err, ERR_INVALID, "avg_pool1d: padding=%lld is more than half the kernel, %lld",
                         (long long)p.padding, (long long)p.kernel);
    if (p.out < 1)
        return error_set(err, ERR_INVALID, "avg_pool1d: a kernel of %lld does not fit into '%s' of length %lld",
                         (long long)p.kernel, in[0].name, (long long)p.length);
    out->dtype = in[0].dtype;
    out->shape = *x;
    out->shape.dim[x->rank - 1] = p.out;
    return 0;
}

static int64_t avg_pool1d_units(const struct node *n, const struct shape *in, const struct shape *out) {
    (void)n, (void)in;
    return shape_elements(out) / out->dim[out->rank - 1];
}

static void pool_row(const struct op_eval *e, const struct pool *p, const double *x, const double *sx, double *y,
                     double *s) {
    for (int64_t o = 0; o < p->out; o++) {
        int64_t begin = o * p->stride - p->padding, end = begin + p->kernel;
        if (begin < 0) begin = 0;
        if (end > p->length) end = p->length;
        double sum = 0.0, magnitude = 0.0;
        for (int64_t i = begin; i < end; i++) sum += x[i], magnitude += fabs(x[i]);
        magnitude *= ROUND_BASIC * e->sum;
        if (sx)
            for (int64_t i = begin; i < end; i++) magnitude += sx[i];
        double divisor = (double)(p->count_pad ? p->kernel : end - begin);
        y[o] = sum / divisor;
        s[o] = magnitude / divisor + fabs(y[o]) * ROUND_DIV * e->one;
    }
}

static void avg_pool1d_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    struct pool p = pool_of(e->node, e->in[0].shape);
    for (int64_t row = begin; row < end; row++)
        pool_row(e, &p, e->in[0].value + row * p.length, e->in[0].scale ? e->in[0].scale + row * p.length : NULL,
                 e->value + row * p.out, e->scale + row * p.out);
}

static void avg_pool1d_cost(const struct node *n, const struct shape *in, const struct shape *out,
                            struct op_cost *ret) {
    struct pool p = pool_of(n, in);
    double elements = (double)shape_elements(out), k = (double)p.kernel;
    *ret = (struct op_cost){.flops = elements * k, .oracle_flops = elements * (20 * k + 200), .reduction = p.kernel};
}

static int avg_pool1d_reduced_axis(const struct node *n, const struct shape *in, int k) {
    (void)n, (void)k;
    return in[0].rank - 1;
}

/* [k0, k0 + count) is the part of the window that this launch adds. */
static const char KERNEL[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global T_$Y *restrict y, long items, int length, int out,\n"
    "    int kernel_width, int stride, int padding, int count_pad, int k0, int count, int first, int last)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= items) return;\n"
    "    long row = i / out;\n"
    "    int start = (int)(i - row * out) * stride - padding;\n"
    "    int begin = max(start + k0, 0), end = min(start + k0 + count, length);\n"
    "    __global const T_$0 *px = x + row * length;\n"
    "    float s = first ? 0.0f : LD_$Y(y, i);\n"
    "    for (int j = begin; j < end; j++) s += LD_$0(px, j);\n"
    "    int covered = min(start + kernel_width, length) - max(start, 0);\n"
    "    ST_$Y(y, i, last ? s / (float)(count_pad ? kernel_width : covered) : s);\n"
    "}\n";

static int avg_pool1d_emit(const struct node *n, struct op_emit *e, struct error *err) {
    struct pool p = pool_of(n, emit_shape_of(e, n->in[0]));
    const char *entry = emit_node_kernel(e, n, "", KERNEL);
    int64_t items = shape_elements(emit_shape_of(e, n->out));
    for (int64_t k0 = 0; k0 < p.kernel; k0 += EMIT_MAX_ITERATIONS) {
        int64_t count = p.kernel - k0 < EMIT_MAX_ITERATIONS ? p.kernel - k0 : EMIT_MAX_ITERATIONS;
        if (EMIT_LAUNCH(e, entry, emit_range_1d(items), err, emit_tensor(n->in[0]), emit_tensor(n->out),
                        emit_i64(items), emit_i32(p.length), emit_i32(p.out), emit_i32(p.kernel), emit_i32(p.stride),
                        emit_i32(p.padding), emit_i32(p.count_pad), emit_i32(k0), emit_i32(count), emit_i32(k0 == 0),
                        emit_i32(k0 + count == p.kernel)) != 0)
            return -1;
    }
    return 0;
}

#define WIDTH_MAX 1000000
static void avg_pool1d_emulate(const struct op_emulation *e) {
    struct pool p = pool_of(e->node, e->in_shape[0]);
    int64_t first, last;
    op_part(e, shape_elements(e->out_shape), &first, &last);
    for (int64_t i = first; i < last; i++) {
        int64_t start = i % p.out * p.stride - p.padding, begin = start < 0 ? 0 : start;
        int64_t end = start + p.kernel > p.length ? p.length : start + p.kernel;
        float sum = arithmetic_dot(e->arithmetic, e->in[0] + i / p.out * p.length + begin, 1, NULL, 0, end - begin);
        e->value[i] = arithmetic_div(e->arithmetic, sum, (float)(p.count_pad ? p.kernel : end - begin));
    }
}

static const struct attr_spec avg_pool1d_attrs[] = {
    [SLOT_KERNEL] = {.name = "kernel", .kind = ATTR_INT, .required = true, .min = 1, .max = WIDTH_MAX},
    [SLOT_STRIDE] = {.name = "stride", .kind = ATTR_INT, .min = 1, .max = WIDTH_MAX},
    [SLOT_PADDING] = {.name = "padding", .kind = ATTR_INT, .min = 0, .max = WIDTH_MAX},
    [SLOT_COUNT_PAD] = {.name = "count_include_pad", .kind = ATTR_BOOL, .fallback = 1},
    {.name = NULL},
};

const struct op op_avg_pool1d = {
    .name = "avg_pool1d",
    .min_inputs = 1,
    .max_inputs = 1,
    .scalar_operand = -1,
    .attrs = avg_pool1d_attrs,
    .infer = avg_pool1d_infer,
    .units = avg_pool1d_units,
    .eval = avg_pool1d_eval,
    .cost = avg_pool1d_cost,
    .reduced_axis = avg_pool1d_reduced_axis,
    .plain_sum = true,
    .emulate = avg_pool1d_emulate,
    .emit_plain = avg_pool1d_emit,
};
