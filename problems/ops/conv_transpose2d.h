/* Geometry of a transposed convolution, for its oracle and its plain kernel. */
#pragma once
#include "problems/ops/op.h"

/* y[n][k][oh][ow] = b[k] + sum over c, i, j of x[n][c][h][w] * w[c][k][i][j] where oh = h * stride - padding + i *
 * dilation, and the same across. Axis 0 is down, 1 across; counts of channels are per group. */
struct conv_transpose {
    int64_t batch, groups, channels, outputs;
    int64_t in[2], out[2], kernel[2], stride[2], padding[2], dilation[2], output_padding[2];
};
struct conv_transpose conv_transpose_of(const struct node *n, const struct shape *x, const struct shape *w);
/* Taps of the kernel along `axis` that can meet one output element, at most. */
int64_t conv_transpose_taps(const struct conv_transpose *c, int axis);

int64_t conv_transpose_units(const struct conv_transpose *c);
/* Units [begin, end) of the float64 oracle. */
void conv_transpose_eval(const struct conv_transpose *c, const struct op_eval *e, int64_t begin, int64_t end);
/* Output elements [begin, end) in a kernel's arithmetic. */
void conv_transpose_emulate(const struct conv_transpose *c, const struct op_emulation *e, int64_t begin, int64_t end);
