/* Scaled dot-product attention with a running softmax (Milakov & Gimelshein, arXiv 1805.02867; as in FlashAttention).
 *
 * A work-item takes 16 queries of one head. In local memory, which nobody shares, it keeps them transposed and scaled
 * (D x 16), the scores of one tile of keys (TILE x 16) and the unscaled result (D x 16). Eight keys, or eight columns of v,
 * are done at once: a step is one vector and eight broadcasts. */
#define EIGHT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/* exp for x <= 0 within 1.3 u: x = n ln 2 + r, a minimax polynomial of degree 6 in r, times 2^n put together in the
 * exponent. Adding 1.5 * 2^23 rounds to an integer that then stands in the low bits. From n = -127 on (exp is below the
 * smallest normal number) the exponent's bits are zero, and so is the result. */
static float16 exp_16(float16 x)
{
#if EXP
    const float16 c = max(x, (float16)(-88.0f));
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

/* Scores of `count` keys against the 16 queries into p; returns the larger of `m` and their maximum. */
static float16 scores(__local const float *qt, __global const float *k, __local float *p, int count, int D, float16 m)
{
    for (int t = 0; t < count; t += 8) {
#define DECLARE(r)                                                        \
    __global const float *k##r = k + (long)min(t + r, count - 1) * D;     \
    float16 c##r = (float16)(0.0f);
        EIGHT(DECLARE)
        for (int d = 0; d < D; d++) {
            const float16 w = vload16(d, qt);
#define STEP(r) c##r = mad(w, (float16)(k##r[d]), c##r);
            EIGHT(STEP)
        }
/* Keys past the end repeat the last one, which changes no maximum. */
#define KEEP(r)              \
    m = max(m, c##r);        \
    vstore16(c##r, t + r, p);
        EIGHT(KEEP)
    }
    return m;
}

/* o = o * alpha + p v for `count` keys; `first` says that o holds nothing yet. */
static void accumulate(__local const float *p, __global const float *v, __local float *o, int count, int D, float16 alpha,
                       int first)
{
    for (int d = 0; d < D; d += 8) {
#define COLUMN(r)                                                                              \
    const int d##r = min(d + r, D - 1);                                                        \
    float16 c##r = first ? (float16)(0.0f) : vload16(d + r, o) * alpha;
        EIGHT(COLUMN)
        __global const float *row = v;
        for (int t = 0; t < count; t++, row += D) {
            const float16 w = vload16(t, p);
#define ADD(r) c##r = mad(w, (float16)(row[d##r]), c##r);
            EIGHT(ADD)
        }
#define STORE(r) vstore16(c##r, d + r, o);
        EIGHT(STORE)
    }
}

__kernel void attention(__global const float *restrict q, __global const float *restrict k, __global const float *restrict v,
                        __global float *restrict y, __local float *room, int S, int T, int D)
{
    const int s0 = get_global_id(0) * 16, head = get_global_id(1), rows = min(16, S - s0);
    __local float *qt = room, *o = room + D * 16, *p = o + (D + 8) * 16;
    q += ((long)head * S + s0) * D;
    y += ((long)head * S + s0) * D;
    k += (long)head * T * D;
    v += (long)head * T * D;
    for (int i = 0; i < 16; i++)
        for (int d = 0; d < D; d++) qt[d * 16 + i] = q[min(i, rows - 1) * D + d] * 0.125f;

    float16 m = (float16)(-INFINITY), l = (float16)(0.0f);
    for (int t0 = 0; t0 < T; t0 += TILE) {
        const int count = min(TILE, T - t0);
        const float16 old = m;
        m = scores(qt, k + (long)t0 * D, p, count, D, old);
        const float16 alpha = exp_16(old - m);
        float16 sum = (float16)(0.0f);
        for (int t = 0; t < count; t++) {
            const float16 e = exp_16(vload16(t, p) - m);
            vstore16(e, t, p);
            sum += e;
        }
        l = mad(l, alpha, sum);
        accumulate(p, v + (long)t0 * D, o, count, D, alpha, t0 == 0);
    }
    const float16 scale = (float16)(1.0f) / l;
    for (int d = 0; d < D; d++) vstore16(vload16(d, o) * scale, d, o);
    for (int i = 0; i < rows; i++)
        for (int d = 0; d < D; d++) y[i * D + d] = o[d * 16 + i];
}
