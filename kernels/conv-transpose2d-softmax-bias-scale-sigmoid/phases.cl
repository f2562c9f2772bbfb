/* ConvTranspose2d (kernel 4, stride 2, padding 1, output padding 1), softmax over the channels, sigmoid(2 (p + bias)).
 *
 * With stride 2 an output pixel meets only 2 x 2 of the 4 x 4 taps, which ones depends on whether its row and column are
 * even: four phases, each an ordinary convolution with a 2 x 2 kernel. A work-item takes 8 pixels of one phase and all
 * channels: lanes are output channels, a step is one vector of weights and one broadcast of x per pixel. x has a border of
 * zeros, so no step asks where it is, and its channels lie together. */
#define KP ((K + 16 * NV - 1) / (16 * NV) * (16 * NV))
#define EIGHT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/* exp within 1.3 u for |x| <= 88, the nearest of those beyond: x = n ln 2 + r, a minimax polynomial of degree 6 in r, times
 * 2^n put together in the exponent. Adding 1.5 * 2^23 rounds to an integer that then stands in the low bits. From n = -127
 * on (exp is below the smallest normal number) the exponent's bits are zero, and so is the result. */
static float16 exp_16(float16 x)
{
#if EXP
    const float16 c = clamp(x, (float16)(-88.0f), (float16)(88.0f));
    const float16 t = mad(c, (float16)(1.44269504f), (float16)(12582912.0f));
    const float16 n = t - 12582912.0f;
    const float16 r = mad(n, (float16)(2.121944417e-4f), mad(n, (float16)(-0.693359375f), c));
    float16 p = mad((float16)(1.381446161e-3f), r, (float16)(8.368781184e-3f));
    p = mad(p, r, (float16)(4.166839433e-2f));
    p = mad(p, r, (float16)(1.666652010e-1f));
    p = mad(p, r, (float16)(4.999999341e-1f));
    p = mad(p, r, (float16)(1.0f));
    p = mad(p, r, (float16)(1.0f));
    return p * as_float16((as_int16(t) + 127) << 23);
#else
    return exp(x);
#endif
}

/* Work-items in turn: a row of x with its border, input channels innermost; a tap of one input channel in vectors of output
 * channels; the two biases. A channel that does not exist has -infinity in front of the softmax: it gets no share. */
__kernel void prepare(__global const float *restrict x, __global const float *restrict w, __global const float *restrict b,
                      __global const float *restrict bias, __global float *restrict xp, __global float *restrict wp,
                      __global float *restrict bp, int N, int C, int K, int H, int W)
{
    int i = get_global_id(0);
    if (i < N * (H + 2)) {
        const int n = i / (H + 2), h = i % (H + 2) - 1;
        __global float *to = xp + (long)i * (W + 2) * C;
        __global const float *from = x + ((long)n * C * H + h) * W;
        const int inside = h >= 0 && h < H;
        for (int c = 0; c < C; c++) to[c] = to[(W + 1) * C + c] = 0.0f;
        for (int c = 0; c < C; c++)
            for (int j = 0; j < W; j++) to[(j + 1) * C + c] = inside ? from[c * H * W + j] : 0.0f;
        return;
    }
    i -= N * (H + 2);
    if (i < 16 * C) {
        const int tap = i / C, c = i % C;
        __global const float *from = w + (long)c * K * 16 + tap;
        __global float *to = wp + (long)i * KP;
        for (int k = 0; k < KP; k++) to[k] = k < K ? from[k * 16] : 0.0f;
        return;
    }
    if (i == 16 * C)
        for (int k = 0; k < KP; k++) {
            bp[k] = k < K ? b[k] : -INFINITY;
            bp[KP + k] = k < K ? bias[k] : 0.0f;
        }
}

static float sum(float16 v)
{
    const float8 e = v.lo + v.hi;
    const float4 q = e.lo + e.hi;
    return (q.x + q.y) + (q.z + q.w);
}

static float maximum(float16 v)
{
    const float8 e = max(v.lo, v.hi);
    const float4 q = max(e.lo, e.hi);
    return max(max(q.x, q.y), max(q.z, q.w));
}

/* The softmax of one pixel's channels, in place, and what follows it. */
static void finish(__local float *v, __global const float *bias, int width)
{
    float16 m = vload16(0, v), s = (float16)(0.0f);
    for (int k = 16; k < width; k += 16) m = max(m, vload16(0, v + k));
    const float top = maximum(m);
    for (int k = 0; k < width; k += 16) {
        const float16 e = exp_16(vload16(0, v + k) - top);
        vstore16(e, 0, v + k);
        s += e;
    }
    const float scale = 1.0f / sum(s);
    for (int k = 0; k < width; k += 16) {
        const float16 z = mad(vload16(0, v + k), (float16)(scale), vload16(0, bias + k)) * -2.0f;
        vstore16((float16)(1.0f) / ((float16)(1.0f) + exp_16(z)), 0, v + k);
    }
}

__kernel void conv_softmax_sigmoid(__global const float *restrict xp, __global const float *restrict wp,
                                   __global const float *restrict bp, __global float *restrict y, __local float *room, int N,
                                   int C, int K, int H, int W)
{
    /* Groups in turn take the four phases of the same place, which write to the same lines of y. */
    const int group = get_group_id(0), ph = group / 2 % 2, pw = group % 2;
    const int rows = H + 1 - ph, columns = W + 1 - pw, count = N * rows * columns;
    const int first = (group / 4 * WG + (int)get_local_id(0)) * 8;
    if (first >= count) return;
    const int OW = 2 * W + 1, out_area = (2 * H + 1) * OW;
    __local float *v = room + get_local_id(0) * (8 * KP);

/* Pixel r: image n, row i and column j of the phase; x0 is the element under tap (ph ? 0 : 1, pw ? 0 : 1). */
#define PIXEL(r)                                                                                              \
    const int p##r = min(first + r, count - 1), n##r = p##r / (rows * columns);                               \
    const int i##r = p##r % (rows * columns) / columns, j##r = p##r % columns;                                \
    __global const float *x##r = xp + (((long)n##r * (H + 2) + i##r + ph + 1) * (W + 2) + j##r + pw + 1) * C;
    EIGHT(PIXEL)

    for (int k0 = 0; k0 < KP; k0 += 16 * NV) {
        const float16 b0 = vload16(0, bp + k0);
#define START(r) float16 a##r = b0;
        EIGHT(START)
#if NV == 2
        const float16 b1 = vload16(1, bp + k0);
#define START1(r) float16 d##r = b1;
        EIGHT(START1)
#endif
        for (int tap = 0; tap < 4; tap++) {
            const int th = tap / 2, tw = tap % 2, back = (th * (W + 2) + tw) * C;
            __global const float *wv = wp + (long)((2 * th + 1 - ph) * 4 + 2 * tw + 1 - pw) * C * KP + k0;
            for (int c = 0, at = -back; c < C; c++, at++, wv += KP) {
                const float16 w0 = vload16(0, wv);
#if NV == 2
                const float16 w1 = vload16(1, wv);
#define STEP(r)                                     \
    {                                               \
        const float16 s = (float16)(x##r[at]);      \
        a##r = mad(s, w0, a##r);                    \
        d##r = mad(s, w1, d##r);                    \
    }
#else
#define STEP(r) a##r = mad((float16)(x##r[at]), w0, a##r);
#endif
                EIGHT(STEP)
            }
        }
#define KEEP(r) vstore16(a##r, 0, v + r * KP + k0);
        EIGHT(KEEP)
#if NV == 2
#define KEEP1(r) vstore16(d##r, 1, v + r * KP + k0);
        EIGHT(KEEP1)
#endif
    }
    for (int r = 0; r < 8; r++) finish(v + r * KP, bp + KP, KP);

#define OUT(r) __global float *y##r = y + (long)n##r * K * out_area + (2 * i##r + ph) * OW + 2 * j##r + pw;
    EIGHT(OUT)
    if (first + 8 <= count) {
        for (int k = 0; k < K; k++) {
#define WRITE(r) y##r[(long)k * out_area] = v[r * KP + k];
            EIGHT(WRITE)
        }
        return;
    }
    for (int k = 0; k < K; k++) {
#define WRITE_LAST(r) if (first + r < count) y##r[(long)k * out_area] = v[r * KP + k];
        EIGHT(WRITE_LAST)
    }
}
