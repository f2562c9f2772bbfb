/* The oracle of the transposed convolution. Output elements whose distance to the stride's grid is the same (a "phase")
 * meet the same taps of the kernel: per phase, image and group it is one matrix product, pixels x (channels, taps)
 * times (channels, taps) x outputs. */
#include "problems/ops/conv_transpose2d.h"
#include "problems/ops/product.h"
#include "problems/ops/rounding.h"

#include <math.h>

struct phase_axis {
    int64_t first, count;        /* outputs first, first + stride, ... */
    int64_t tap, tap_step, taps; /* kernel positions tap, tap + tap_step, ... */
};
struct phase {
    const struct conv_transpose *c;
    const struct op_eval *e;
    struct phase_axis axis[2];
    int64_t taps;
};

static int64_t divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

/* `f` is (output + padding) mod stride. */
static struct phase_axis phase_axis(const struct conv_transpose *c, int a, int64_t f) {
    struct phase_axis p = {.first = f - c->padding[a] % c->stride[a]};
    if (p.first < 0) p.first += c->stride[a];
    if (p.first < c->out[a]) p.count = (c->out[a] - p.first + c->stride[a] - 1) / c->stride[a];
    p.tap_step = c->stride[a] / divisor(c->stride[a], c->dilation[a]);
    p.tap = -1;
    for (int64_t i = 0; i < p.tap_step && i < c->kernel[a] && p.tap < 0; i++)
        if (i * c->dilation[a] % c->stride[a] == f) p.tap = i;
    if (p.tap >= 0) p.taps = (c->kernel[a] - p.tap + p.tap_step - 1) / p.tap_step;
    return p;
}

/* Input position that output `o` of this phase meets with tap number t, or outside [0, in). */
static int64_t input_at(const struct conv_transpose *c, const struct phase_axis *p, int a, int64_t index, int64_t t) {
    int64_t o = p->first + index * c->stride[a];
    return (o + c->padding[a] - (p->tap + t * p->tap_step) * c->dilation[a]) / c->stride[a];
}

static bool lies_inside(const struct conv_transpose *c, const struct phase_axis *p, int a, int64_t index, int64_t t) {
    int64_t o = p->first + index * c->stride[a];
    int64_t at = o + c->padding[a] - (p->tap + t * p->tap_step) * c->dilation[a];
    return at >= 0 && at / c->stride[a] < c->in[a];
}

static void fetch_x(void *context, int64_t matrix, int64_t r0, int rows, int64_t c0, int columns, double *value,
                    double *scale, int stride) {
    struct phase *p = context;
    const struct conv_transpose *c = p->c;
    const struct view *x = &p->e->in[0];
    for (int col = 0; col < columns; col++) {
        int64_t channel = (c0 + col) / p->taps, tap = (c0 + col) % p->taps;
        int64_t th = tap / p->axis[1].taps, tw = tap % p->axis[1].taps;
        int64_t base = (matrix * c->channels + channel) * c->in[0] * c->in[1];
        for (int r = 0; r < rows; r++) {
            int64_t ih = (r0 + r) / p->axis[1].count, iw = (r0 + r) % p->axis[1].count;
            bool inside = lies_inside(c, &p->axis[0], 0, ih, th) && lies_inside(c, &p->axis[1], 1, iw, tw);
            int64_t at =
                inside ? base + input_at(c, &p->axis[0], 0, ih, th) * c->in[1] + input_at(c, &p->axis[1], 1, iw, tw)
                       : 0;
            value[r * stride + col] = inside ? x->value[at] : 0.0;
            if (scale) scale[r * stride + col] = inside ? x->scale[at] : 0.0;
        }
    }
}

static void fetch_w(void *context, int64_t matrix, int64_t r0, int rows, int64_t c0, int columns, double *value,
                    double *scale, int stride) {
    struct phase *p = context;
    const struct conv_transpose *c = p->c;
    const struct view *w = &p->e->in[1];
    int64_t group = matrix % c->groups, area = c->kernel[0] * c->kernel[1];
    for (int r = 0; r < rows; r++) {
        int64_t channel = group * c->channels + (r0 + r) / p->taps, tap = (r0 + r) % p->taps;
        int64_t i = p->axis[0].tap + tap / p->axis[1].taps * p->axis[0].tap_step;
        int64_t j = p->axis[1].tap + tap % p->axis[1].taps * p->axis[1].tap_step;
        int64_t base = (channel * c->outputs + c0) * area + i * c->kernel[1] + j;
        for (int col = 0; col < columns; col++) {
            value[r * stride + col] = w->value[base + col * area];
            if (scale) scale[r * stride + col] = w->scale[base + col * area];
        }
    }
}

static void store(void *context, int64_t matrix, int64_t m0, int rows, int64_t n0, int columns, const double *value,
                  const double *scale) {
    struct phase *p = context;
    const struct conv_transpose *c = p->c;
    const struct view *bias = p->e->node->n_in > 2 ? &p->e->in[2] : NULL;
    int64_t group = matrix % c->groups;
    for (int r = 0; r < rows; r++) {
        int64_t oh = p->axis[0].first + (m0 + r) / p->axis[1].count * c->stride[0];
        int64_t ow = p->axis[1].first + (m0 + r) % p->axis[1].count * c->stride[1];
        for (int j = 0; j < columns; j++) {
            int64_t at = ((matrix * c->outputs + n0 + j) * c->out[0] + oh) * c->out[1] + ow;
            int64_t output = group * c->outputs + n0 + j;
            double b = bias ? bias->value[output] : 0.0, sb = bias && bias->scale ? bias->scale[output] : 0.0;
            p->e->value[at] = value[r * PRODUCT_COLUMNS + j] + b;
            p->e->scale[at] = scale[r * PRODUCT_COLUMNS + j] + ROUND_BASIC * fabs(b) * p->e->one + sb;
        }
    }
}

static struct phase phase_make(const struct conv_transpose *c, int64_t index) {
    struct phase p = {.c = c};
    p.axis[0] = phase_axis(c, 0, index / c->stride[1]);
    p.axis[1] = phase_axis(c, 1, index % c->stride[1]);
    p.taps = p.axis[0].taps * p.axis[1].taps;
    return p;
}

static int64_t phase_units(const struct conv_transpose *c, const struct phase *p) {
    int64_t pixels = p->axis[0].count * p->axis[1].count;
    return product_units(c->batch * c->groups, pixels, c->outputs);
}

int64_t conv_transpose_units(const struct conv_transpose *c) {
    int64_t units = 0;
    for (int64_t f = 0; f < c->stride[0] * c->stride[1]; f++) {
        struct phase p = phase_make(c, f);
        units += phase_units(c, &p);
    }
    return units;
}

void conv_transpose_eval(const struct conv_transpose *c, const struct op_eval *e, int64_t begin, int64_t end) {
    int64_t before = 0;
    for (int64_t f = 0; f < c->stride[0] * c->stride[1] && before < end; f++) {
        struct phase p = phase_make(c, f);
        p.e = e;
        int64_t units = phase_units(c, &p);
        int64_t from = begin > before ? begin - before : 0, to = end - before < units ? end - before : units;
        before += units;
        if (from >= to) continue;
        struct product product = {.matrices = c->batch * c->groups,
                                  .m = p.axis[0].count * p.axis[1].count,
                                  .n = c->outputs,
                                  .k = c->channels * p.taps,
                                  .own = e->sum,
                                  .a_exact = !e->in[0].scale,
                                  .b_exact = !e->in[1].scale,
                                  .fetch_a = fetch_x,
                                  .fetch_b = fetch_w,
                                  .store = store,
                                  .context = &p};
        product_run(&product, from, to);
    }
}
