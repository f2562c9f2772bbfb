/* `fused` for the transposed convolution. Output pixels whose coordinates leave the same remainder by the stride (a
 * phase) use the same taps of the kernel, so a work-item takes pixels of one phase and skips the zeros that a plain
 * evaluation would test for. It keeps those pixels by sixteen channels in registers: a step is one vector of weights
 * (repacked with the output channels innermost) and one broadcast of x per pixel. */
#include "problems/baseline/fused_group.h"

#include "common/cleanup.h"
#include "problems/ops/conv_transpose2d.h"

#define PIXELS_CPU 8
#define PIXELS_GPU 1 /* neighbouring work-items then read neighbouring pixels */

struct conv {
    int x, w, bias; /* tensors; bias -1 without */
    struct conv_transpose g;
    int64_t padded; /* output channels in whole vectors */
    int pixels;
};

static struct conv conv_of(const struct fused *f, const struct node *n) {
    struct conv c = {.x = n->in[0], .w = n->in[1], .bias = n->n_in > 2 ? n->in[2] : -1};
    c.g = conv_transpose_of(n, &f->b->tensor[c.x].shape, &f->b->tensor[c.w].shape);
    c.padded = (c.g.outputs + 15) / 16 * 16;
    c.pixels = f->d->is_cpu ? PIXELS_CPU : PIXELS_GPU;
    return c;
}

static const char *const PACK =
    "__kernel void $E(__global const float *restrict w, __global float *restrict packed, int channels, int outputs,\n"
    "    int padded, int taps)\n{\n"
    "    const int k = get_global_id(0), c = get_global_id(1), t = get_global_id(2);\n"
    "    if (k < padded)\n"
    "        packed[((long)t * channels + c) * padded + k] = k < outputs ? w[((long)c * outputs + k) * taps + t] : "
    "0.0f;\n"
    "}\n";

static int pack(const struct fused *f, const struct conv *c, int scratch, struct error *err) {
    int64_t taps = c->g.kernel[0] * c->g.kernel[1];
    const char *entry = emit_kernel(f->e, "fused_pack_weights", PACK, NULL, 0);
    return EMIT_LAUNCH(f->e, entry, emit_range_3d(c->padded, c->g.channels, taps, 16, 1, 1), err, emit_tensor(c->w),
                       emit_scratch(scratch), emit_i32(c->g.channels), emit_i32(c->g.outputs), emit_i32(c->padded),
                       emit_i32(taps));
}

static const char *const HEAD =
    "static void $E_lanes(float16 v, int n, long i, long step%s)\n{\n"
    "    float each[16];\n"
    "    vstore16(v, 0, each);\n"
    "    for (int l = 0; l < n; l++) $E_1(each[l], i + l * step%s);\n}\n"
    "__kernel void $E(__global const float *restrict x, __global const float *restrict w,%s int images, int channels,\n"
    "    int height, int width, int outputs, int padded, int out_height, int out_width, int kernel_height, int "
    "kernel_width,\n"
    "    int stride_height, int stride_width, int pad_height, int pad_width%s)\n{\n"
    "    const int phase = get_global_id(2), ph = phase / stride_width, pw = phase %% stride_width;\n"
    "    const int rows = (out_height - ph + stride_height - 1) / stride_height;\n"
    "    const int columns = (out_width - pw + stride_width - 1) / stride_width;\n"
    "    const int first = get_global_id(0) * %d, k0 = get_global_id(1) * 16;\n"
    "    const int count = images * rows * columns, area = height * width;\n"
    "    if (first >= count) return;\n";

static const char *const TAPS =
    "    const int kh0 = (ph + pad_height) %% stride_height, kw0 = (pw + pad_width) %% stride_width;\n"
    "    int dh = (ph + pad_height) / stride_height;\n"
    "    for (int kh = kh0; kh < kernel_height; kh += stride_height, dh--) {\n"
    "        int dw = (pw + pad_width) / stride_width;\n"
    "        for (int kw = kw0; kw < kernel_width; kw += stride_width, dw--) {\n"
    "            __global const float *wp = w + ((long)kh * kernel_width + kw) * channels * padded + k0;\n";

/* Where pixel r lies: image, row and column within the phase. */
static void write_pixel(struct buf *t, int r) {
    buf_printf(t,
               "    const int p%d = min(first + %d, count - 1), n%d = p%d / (rows * columns);\n"
               "    const int i%d = p%d %% (rows * columns) / columns, j%d = p%d %% columns;\n"
               "    __global const float *x%d = x + (long)n%d * channels * area;\n"
               "    float16 c%d = (float16)(0.0f);\n",
               r, r, r, r, r, r, r, r, r, r, r);
}

static void write_taps(struct buf *t, int pixels) {
    buf_printf(t, TAPS);
    for (int r = 0; r < pixels; r++)
        buf_printf(t,
                   "            const int h%d = i%d + dh, v%d = j%d + dw;\n"
                   "            const int in%d = h%d >= 0 && h%d < height && v%d >= 0 && v%d < width;\n"
                   "            __global const float *q%d = x%d + (in%d ? h%d * width + v%d : 0);\n",
                   r, r, r, r, r, r, r, r, r, r, r, r, r, r);
    buf_puts(t, "            if (in0");
    for (int r = 1; r < pixels; r++) buf_printf(t, " && in%d", r);
    buf_puts(t,
             ") {\n                for (int c = 0; c < channels; c++, wp += padded) {\n"
             "                    const float16 wv = vload16(0, wp);\n");
    for (int r = 0; r < pixels; r++)
        buf_printf(t, "                    c%d = mad((float16)(q%d[c * area]), wv, c%d);\n", r, r, r);
    buf_puts(
        t,
        "                }\n            } else {\n                for (int c = 0; c < channels; c++, wp += padded) {\n"
        "                    const float16 wv = vload16(0, wp);\n");
    for (int r = 0; r < pixels; r++)
        buf_printf(t, "                    c%d = mad((float16)(in%d ? q%d[c * area] : 0.0f), wv, c%d);\n", r, r, r, r);
    buf_puts(t, "                }\n            }\n        }\n    }\n");
}

static void write_stores(struct buf *t, int pixels, bool bias, const char *names) {
    CLEANUP(buf_done) struct buf part = BUF_INIT;
    fused_gather(&part, "(bias + k0)", "left");
    buf_puts(t, "    const int left = min(outputs - k0, 16);\n    const long step = (long)out_height * out_width;\n");
    if (bias) buf_printf(t, "    const float16 add = %s;\n", part.data);
    for (int r = 0; r < pixels; r++)
        buf_printf(t,
                   "    if (first + %d < count)\n"
                   "        $E_lanes(c%d%s, left, ((long)n%d * outputs + k0) * step + (long)(i%d * stride_height + ph) "
                   "* out_width"
                   " + j%d * stride_width + pw, step%s);\n",
                   r, r, bias ? " + add" : "", r, r, r, names);
    buf_puts(t, "}\n");
}

static int convolve(const struct fused *f, const struct tail *t, const struct conv *c, int scratch, struct error *err) {
    bool bias = c->bias >= 0;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, HEAD, t->params.data, t->names.data, bias ? " __global const float *restrict bias," : "",
               t->params.data, c->pixels);
    for (int r = 0; r < c->pixels; r++) write_pixel(&text, r);
    write_taps(&text, c->pixels);
    write_stores(&text, c->pixels, bias, t->names.data);
    struct emit_arg args[17];
    size_t n = 0;
    args[n++] = emit_tensor(c->x), args[n++] = emit_scratch(scratch);
    if (bias) args[n++] = emit_tensor(c->bias);
    const struct conv_transpose *s = &c->g;
    const int64_t numbers[] = {s->batch,     s->channels,  s->in[0],      s->in[1],     s->outputs,
                               c->padded,    s->out[0],    s->out[1],     s->kernel[0], s->kernel[1],
                               s->stride[0], s->stride[1], s->padding[0], s->padding[1]};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) args[n++] = emit_i32(numbers[i]);
    int64_t rows = (s->out[0] + s->stride[0] - 1) / s->stride[0],
            columns = (s->out[1] + s->stride[1] - 1) / s->stride[1];
    int64_t tiles = (s->batch * rows * columns + c->pixels - 1) / c->pixels;
    struct emit_range range =
        emit_range_3d(tiles, c->padded / 16, s->stride[0] * s->stride[1], f->d->is_cpu ? FUSED_LOCAL : 64, 1, 1);
    return tail_launch(f, t, "fused_conv_transpose", text.data, args, n, range, err);
}

int fused_conv_transpose2d(const struct fused *f, int g, bool *ret_done, struct error *err) {
    struct conv c = conv_of(f, &f->b->node[f->group[g].node[0]]);
    int64_t taps = c.g.kernel[0] * c.g.kernel[1];
    bool covered = c.g.groups == 1 && c.g.dilation[0] == 1 && c.g.dilation[1] == 1;
    bool fits = c.g.batch * c.g.out[0] * c.g.out[1] < INT32_MAX / 2 && c.g.channels * c.g.in[0] * c.g.in[1] < INT32_MAX;
    if (!covered || !fits || taps * (c.g.channels + 1) + PIXELS_CPU * FUSED_VECTOR >= EMIT_MAX_ITERATIONS) return 0;
    CLEANUP(tail_done) struct tail t = {0};
    if (tail_make(f, g, &t, err) != 0) return -1;
    *ret_done = true;
    int scratch = emit_scratch_new(f->e, DTYPE_F32, taps * c.g.channels * c.padded);
    if (pack(f, &c, scratch, err) != 0) return -1;
    return convolve(f, &t, &c, scratch, err);
}
