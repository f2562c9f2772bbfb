/* Transposed convolution of images as PyTorch has it: x [N, C, H, W], w [C, K / groups, kh, kw], b [K] optional. */
#include "problems/ops/conv_transpose2d.h"

#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"

enum { SLOT_STRIDE, SLOT_PADDING, SLOT_OUTPUT_PADDING, SLOT_DILATION, SLOT_GROUPS };

struct conv_transpose conv_transpose_of(const struct node *n, const struct shape *x, const struct shape *w) {
    struct conv_transpose c = {.batch = x->dim[0], .groups = attr_int(n, SLOT_GROUPS), .outputs = w->dim[1]};
    c.channels = x->dim[1] / c.groups;
    for (int a = 0; a < 2; a++) {
        c.in[a] = x->dim[2 + a];
        c.kernel[a] = w->dim[2 + a];
        c.stride[a] = attr_axis_int(n, SLOT_STRIDE, a);
        c.padding[a] = attr_axis_int(n, SLOT_PADDING, a);
        c.dilation[a] = attr_axis_int(n, SLOT_DILATION, a);
        c.output_padding[a] = attr_axis_int(n, SLOT_OUTPUT_PADDING, a);
        c.out[a] = (c.in[a] - 1) * c.stride[a] - 2 * c.padding[a] + c.dilation[a] * (c.kernel[a] - 1) +
                   c.output_padding[a] + 1;
    }
    return c;
}

int64_t conv_transpose_taps(const struct conv_transpose *c, int axis) {
    int64_t step = 1; /* the least step with step * dilation a multiple of the stride */
    while (step * c->dilation[axis] % c->stride[axis] != 0) step++;
    return (c->kernel[axis] + step - 1) / step;
}

static int check_operands(const struct node *n, const struct tensor *in, struct error *err) {
    const struct shape *x = &in[0].shape, *w = &in[1].shape;
    if (x->rank != 4 || w->rank != 4)
        return error_set(err, ERR_INVALID,
                         "conv_transpose2d: '%s' must be [N, C, H, W] and '%s' [C, K / groups, kh, kw]", in[0].name,
                         in[1].name);
    int64_t groups = attr_int(n, SLOT_GROUPS);
    if (x->dim[1] != w->dim[0])
        return error_set(err, ERR_INVALID, "conv_transpose2d: '%s' has %lld channels, but '%s' is for %lld", in[0].name,
                         (long long)x->dim[1], in[1].name, (long long)w->dim[0]);
    if (x->dim[1] % groups != 0)
        return error_set(err, ERR_INVALID, "conv_transpose2d: %lld channels cannot be cut into %lld groups",
                         (long long)x->dim[1], (long long)groups);
    if (n->n_in > 2 && (in[2].shape.rank != 1 || in[2].shape.dim[0] != w->dim[1] * groups))
        return error_set(err, ERR_INVALID, "conv_transpose2d: bias '%s' must have shape [%lld]", in[2].name,
                         (long long)(w->dim[1] * groups));
    return 0;
}

static int conv_transpose2d_infer(const struct node *n, const struct tensor *in, struct tensor *out,
                                  struct error *err) {
    if (operands_real(n, in, err) != 0 || check_operands(n, in, err) != 0) return -1;
    struct conv_transpose c = conv_transpose_of(n, &in[0].shape, &in[1].shape);
    for (int a = 0; a < 2; a++) {
        if (c.output_padding[a] >= c.stride[a] && c.output_padding[a] >= c.dilation[a])
            return error_set(err, ERR_INVALID,
                             "conv_transpose2d: output_padding=%lld must be below the stride or the dilation",
                             (long long)c.output_padding[a]);
        if (c.out[a] < 1)
            return error_set(err, ERR_INVALID, "conv_transpose2d: the output of '%s' would be %lld long", in[0].name,
                             (long long)c.out[a]);
    }
    out->dtype = in[0].dtype;
    out->shape = (struct shape){.rank = 4, .dim = {c.batch, c.outputs * c.groups, c.out[0], c.out[1]}};
    return 0;
}

static int64_t conv_transpose2d_units(const struct node *n, const struct shape *in, const struct shape *out) {
    (void)out;
    struct conv_transpose c = conv_transpose_of(n, &in[0], &in[1]);
    return conv_transpose_units(&c);
}

static void conv_transpose2d_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    struct conv_transpose c = conv_transpose_of(e->node, e->in[0].shape, e->in[1].shape);
    conv_transpose_eval(&c, e, begin, end);
}

static void conv_transpose2d_cost(const struct node *n, const struct shape *in, const struct shape *out,
                                  struct op_cost *ret) {
    struct conv_transpose c = conv_transpose_of(n, &in[0], &in[1]);
    double products = (double)shape_elements(&in[0]) * (double)(c.outputs * c.kernel[0] * c.kernel[1]);
    double bias = n->n_in > 2 ? (double)shape_elements(out) : 0.0;
    *ret = (struct op_cost){
        .flops = 2 * products + bias,
        .oracle_flops = 6 * products + 300 * (double)shape_elements(out),
        .reduction = c.channels * conv_transpose_taps(&c, 0) * conv_transpose_taps(&c, 1) + (n->n_in > 2)};
}

static int conv_transpose2d_reduced_axis(const struct node *n, const struct shape *in, int k) {
    (void)n, (void)in;
    return k == 0 ? 1 : k == 1 ? 0 : -1;
}

/* A work-item computes one output element from channels [c0, c0 + count) of its group. */
static const char KERNEL[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global const T_$1 *restrict w, __global const T_$2 *restrict "
    "b,\n"
    "    __global T_$Y *restrict y, int images, int groups, int channels, int outputs, int in_h, int in_w, int out_h, "
    "int out_w,\n"
    "    int kernel_h, int kernel_w, int stride_h, int stride_w, int padding_h, int padding_w, int dilation_h, int "
    "dilation_w,\n"
    "    int c0, int count, int first, int has_bias)\n"
    "{\n"
    "    int ow = get_global_id(0), oh = get_global_id(1);\n"
    "    long plane = get_global_id(2);\n"
    "    if (ow >= out_w || oh >= out_h || plane >= (long)images * groups * outputs) return;\n"
    "    long image_group = plane / outputs;\n"
    "    int k = (int)(plane - image_group * outputs), group = (int)(image_group - image_group / groups * groups);\n"
    "    long area = (long)in_h * in_w, w_step = (long)outputs * kernel_h * kernel_w;\n"
    "    __global const T_$0 *px = x + (image_group * channels + c0) * area;\n"
    "    __global const T_$1 *pw = w + ((long)(group * channels + c0) * outputs + k) * kernel_h * kernel_w;\n"
    "    float s = 0.0f;\n"
    "    for (int i = 0; i < kernel_h; i++) {\n"
    "        int th = oh + padding_h - i * dilation_h, h = th / stride_h;\n"
    "        if (th < 0 || h * stride_h != th || h >= in_h) continue;\n"
    "        for (int j = 0; j < kernel_w; j++) {\n"
    "            int tw = ow + padding_w - j * dilation_w, v = tw / stride_w;\n"
    "            if (tw < 0 || v * stride_w != tw || v >= in_w) continue;\n"
    "            long ox = (long)h * in_w + v, tap = i * kernel_w + j;\n"
    "            for (int c = 0; c < count; c++) s += LD_$0(px, c * area + ox) * LD_$1(pw, c * w_step + tap);\n"
    "        }\n"
    "    }\n"
    "    long at = (plane * out_h + oh) * out_w + ow;\n"
    "    float start = first ? (has_bias ? LD_$2(b, group * outputs + k) : 0.0f) : LD_$Y(y, at);\n"
    "    ST_$Y(y, at, start + s);\n"
    "}\n";

static int conv_transpose2d_emit(const struct node *n, struct op_emit *e, struct error *err) {
    struct conv_transpose c = conv_transpose_of(n, emit_shape_of(e, n->in[0]), emit_shape_of(e, n->in[1]));
    int64_t taps = conv_transpose_taps(&c, 0) * conv_transpose_taps(&c, 1), area = c.kernel[0] * c.kernel[1];
    int64_t step = (EMIT_MAX_ITERATIONS - c.kernel[0] - area) / taps;
    if (area > EMIT_MAX_ITERATIONS / 4 || step < 1)
        return error_set(err, ERR_UNSUPPORTED, "a kernel of %lld x %lld is too large", (long long)c.kernel[0],
                         (long long)c.kernel[1]);
    int bias = n->n_in > 2 ? n->in[2] : n->in[1]; /* without one the kernel reads none */
    struct node with_bias = *n;
    with_bias.n_in = 3;
    with_bias.in[2] = bias;
    const char *entry = emit_node_kernel(e, &with_bias, "", KERNEL);
    for (int64_t c0 = 0; c0 < c.channels; c0 += step) {
        int64_t count = c.channels - c0 < step ? c.channels - c0 : step;
        struct emit_range range = emit_range_3d(c.out[1], c.out[0], c.batch * c.groups * c.outputs, 16, 4, 1);
        if (EMIT_LAUNCH(e, entry, range, err, emit_tensor(n->in[0]), emit_tensor(n->in[1]), emit_tensor(bias),
                        emit_tensor(n->out), emit_i32(c.batch), emit_i32(c.groups), emit_i32(c.channels),
                        emit_i32(c.outputs), emit_i32(c.in[0]), emit_i32(c.in[1]), emit_i32(c.out[0]),
                        emit_i32(c.out[1]), emit_i32(c.kernel[0]), emit_i32(c.kernel[1]), emit_i32(c.stride[0]),
                        emit_i32(c.stride[1]), emit_i32(c.padding[0]), emit_i32(c.padding[1]), emit_i32(c.dilation[0]),
                        emit_i32(c.dilation[1]), emit_i32(c0), emit_i32(count), emit_i32(c0 == 0),
                        emit_i32(n->n_in > 2)) != 0)
            return -1;
    }
    return 0;
}

#define REACH_MAX 4096
#define STRIDE_MAX 64 /* the oracle has stride x stride phases */
static void conv_transpose2d_emulate(const struct op_emulation *e) {
    struct conv_transpose c = conv_transpose_of(e->node, e->in_shape[0], e->in_shape[1]);
    int64_t begin, end;
    op_part(e, shape_elements(e->out_shape), &begin, &end);
    conv_transpose_emulate(&c, e, begin, end);
}

static const struct attr_spec conv_transpose2d_attrs[] = {
    [SLOT_STRIDE] = {.name = "stride", .kind = ATTR_INTS, .fallback = 1, .min = 1, .max = STRIDE_MAX},
    [SLOT_PADDING] = {.name = "padding", .kind = ATTR_INTS, .min = 0, .max = REACH_MAX},
    [SLOT_OUTPUT_PADDING] = {.name = "output_padding", .kind = ATTR_INTS, .min = 0, .max = REACH_MAX},
    [SLOT_DILATION] = {.name = "dilation", .kind = ATTR_INTS, .fallback = 1, .min = 1, .max = REACH_MAX},
    [SLOT_GROUPS] = {.name = "groups", .kind = ATTR_INT, .fallback = 1, .min = 1, .max = 1 << 20},
    {.name = NULL},
};

const struct op op_conv_transpose2d = {
    .name = "conv_transpose2d",
    .min_inputs = 2,
    .max_inputs = 3,
    .scalar_operand = -1,
    .attrs = conv_transpose2d_attrs,
    .infer = conv_transpose2d_infer,
    .units = conv_transpose2d_units,
    .eval = conv_transpose2d_eval,
    .cost = conv_transpose2d_cost,
    .reduced_axis = conv_transpose2d_reduced_axis,
    .plain_sum = true,
    .emulate = conv_transpose2d_emulate,
    .emit_plain = conv_transpose2d_emit,
};
