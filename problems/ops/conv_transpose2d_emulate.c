/* The transposed convolution in a kernel's arithmetic: per output element the taps that meet it, channels outside, as
 * one sum, and the bias at its end. */
#include "problems/ops/conv_transpose2d.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/cleanup.h"

/* The input position that tap `i` brings to output `o`, or -1. */
static int64_t source(const struct conv_transpose *c, int a, int64_t o, int64_t i) {
    int64_t at = o + c->padding[a] - i * c->dilation[a];
    if (at < 0 || at % c->stride[a] != 0 || at / c->stride[a] >= c->in[a]) return -1;
    return at / c->stride[a];
}

/* Pairs of factors that meet at one output element; returns how many. `x` and `w` begin at its image and group. */
static int64_t gather(const struct conv_transpose *c, const float *x, const float *w, int64_t oh, int64_t ow,
                      float *left, float *right) {
    int64_t n = 0, area = c->in[0] * c->in[1], taps = c->kernel[0] * c->kernel[1];
    for (int64_t i = 0; i < c->kernel[0]; i++)
        for (int64_t j = 0; j < c->kernel[1]; j++) {
            int64_t h = source(c, 0, oh, i), v = source(c, 1, ow, j);
            if (h < 0 || v < 0) continue;
            for (int64_t k = 0; k < c->channels; k++, n++) {
                left[n] = x[k * area + h * c->in[1] + v];
                right[n] = w[k * c->outputs * taps + i * c->kernel[1] + j];
            }
        }
    return n;
}

void conv_transpose_emulate(const struct conv_transpose *c, const struct op_emulation *e, int64_t begin, int64_t end) {
    int64_t plane = c->out[0] * c->out[1], taps = c->kernel[0] * c->kernel[1];
    size_t most = (size_t)(c->channels * taps);
    CLEANUP_FREE float *left = xmalloc(2 * most * sizeof *left);
    for (int64_t at = begin; at < end; at++) {
        int64_t output = at / plane % (c->groups * c->outputs), image = at / plane / (c->groups * c->outputs);
        int64_t group = output / c->outputs;
        const float *x = e->in[0] + (image * c->groups + group) * c->channels * c->in[0] * c->in[1];
        const float *w = e->in[1] + (group * c->channels * c->outputs + output % c->outputs) * taps;
        int64_t n = gather(c, x, w, at % plane / c->out[1], at % c->out[1], left, left + most);
        float sum = arithmetic_dot(e->arithmetic, left, 1, left + most, 1, n);
        e->value[at] = e->node->n_in > 2 ? arithmetic_add(e->arithmetic, sum, e->in[2][output]) : sum;
    }
}
