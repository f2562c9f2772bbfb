/* linear, exact GELU, softmax over the features. An activation is kept as tiles of 16 rows with the rows innermost:
 * t[tile][feature][16]. A step of the product is then one vector of the activation and eight broadcasts of weights, each from
 * its own row of w, which is read as it lies; and the softmax has nothing to do across lanes. */
#define EIGHT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define SIXTEEN(X) EIGHT(X) X(8) X(9) X(a) X(b) X(c) X(d) X(e) X(f)

__kernel void transpose(__global const float *restrict x, __global float *restrict t, int rows, int features)
{
    const int f0 = get_global_id(0) * 16, tile = get_global_id(1), r0 = tile * 16;
    if (f0 >= features) return;
    t += ((long)tile * features + f0) * 16;
    x += (long)r0 * features + f0;
    if (r0 + 16 > rows || f0 + 16 > features) {
        for (int f = 0; f < min(16, features - f0); f++)
            for (int r = 0; r < 16; r++) t[f * 16 + r] = x[(long)min(r, rows - 1 - r0) * features + f];
        return;
    }
#define LOAD(r) const float16 v##r = vload16(0, x + 0x##r * (long)features);
    SIXTEEN(LOAD)
#define COLUMN(f)                                                                                                      \
    vstore16((float16)(v0.s##f, v1.s##f, v2.s##f, v3.s##f, v4.s##f, v5.s##f, v6.s##f, v7.s##f, v8.s##f, v9.s##f,        \
                       va.s##f, vb.s##f, vc.s##f, vd.s##f, ve.s##f, vf.s##f), 0x##f, t);
    SIXTEEN(COLUMN)
}

#if MV == 2
#define SECOND(x) x
#else
#define SECOND(x)
#endif

/* Eight columns n0.. of one or two tiles: c0..c7 and d0..d7, from t0 and t1. */
#define PRODUCT(w, b, K, N, n0)                                                     \
    EIGHT(WEIGHTS)                                                                  \
    for (int k = 0; k < K; k++) {                                                   \
        const float16 s0 = vload16(k, t0);                                          \
        SECOND(const float16 s1 = vload16(k, t1);)                                  \
        EIGHT(STEP)                                                                 \
    }
#define WEIGHTS(r)                                                                  \
    __global const float *w##r = w + (long)min(n0 + r, N - 1) * K;                  \
    float16 c##r = (float16)(b[min(n0 + r, N - 1)]);                                \
    SECOND(float16 d##r = c##r;)
#define STEP(r)                                                                     \
    {                                                                               \
        const float16 v = (float16)(w##r[k]);                                       \
        c##r = mad(s0, v, c##r);                                                    \
        SECOND(d##r = mad(s1, v, d##r);)                                            \
    }

/* Exact GELU, x * Phi(x), with Phi(x) = 1/2 + x P(x^2) / Q(x^2), a minimax rational function on |x| <= 5.6 where Phi has
 * reached 0 or 1 within 1.1e-8. Its error is below 3.5 u |x|, 0.6 u |x| in the root mean square. */
static float16 gelu(float16 x)
{
    const float16 t = clamp(x, (float16)(-5.6f), (float16)(5.6f)), s = t * t;
    float16 p = mad((float16)(2.229816097e-8f), s, (float16)(6.289629663e-6f));
    float16 q = mad((float16)(1.179668080e-6f), s, (float16)(7.333930013e-5f));
    p = mad(p, s, (float16)(1.689147050e-4f));
    q = mad(q, s, (float16)(1.885409182e-3f));
    p = mad(p, s, (float16)(4.677260279e-3f));
    q = mad(q, s, (float16)(2.867675475e-2f));
    p = mad(p, s, (float16)(3.392765391e-2f));
    q = mad(q, s, (float16)(2.517103440e-1f));
    p = mad(p, s, (float16)(3.989422719e-1f));
    q = mad(q, s, (float16)(1.0f));
    return x * mad(t, p / q, (float16)(0.5f));
}

__kernel void linear_gelu(__global const float *restrict t, __global const float *restrict w, __global const float *restrict b,
                          __global float *restrict out, int rows, int K, int N)
{
    const int from = get_global_id(0) * BLOCK, tile = get_global_id(1) * MV, tiles = (rows + 15) / 16;
    if (from >= N) return;
    __global const float *t0 = t + (long)tile * K * 16;
    __global float *o0 = out + (long)tile * N * 16;
    SECOND(__global const float *t1 = tile + 1 < tiles ? t0 + (long)K * 16 : t0;)
    SECOND(__global float *o1 = o0 + (long)N * 16;)
    for (int n0 = from; n0 < min(from + BLOCK, N); n0 += 8) {
        PRODUCT(w, b, K, N, n0)
#define STORE(r)                                                       \
    if (n0 + r < N) {                                                  \
        vstore16(gelu(c##r), n0 + r, o0);                              \
        SECOND(if (tile + 1 < tiles) vstore16(gelu(d##r), n0 + r, o1);) \
    }
        EIGHT(STORE)
    }
}

/* exp for x <= 0 within 1.3 u: x = n ln 2 + r, a minimax polynomial of degree 6 in r, times 2^n put together in the
 * exponent. Adding 1.5 * 2^23 rounds to an integer that then stands in the low bits. From n = -127 on (exp is below the
 * smallest normal number) the exponent's bits are zero, and so is the result. */
static float16 exp_16(float16 x)
{
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
}

/* Softmax of the 16 rows of a tile, lane by lane; the rows of y come out of 16 x 16 transpositions. */
__kernel void softmax_rows(__global float *restrict t, __global float *restrict y, int rows, int N)
{
    const int tile = get_global_id(0), r0 = tile * 16;
    if (r0 >= rows) return;
    t += (long)tile * N * 16;
    y += (long)r0 * N;
    float16 m = vload16(0, t);
    for (int n = 1; n < N; n++) m = max(m, vload16(n, t));
    float16 s0 = (float16)(0.0f), s1 = s0, s2 = s0, s3 = s0; /* four sums, for their rounding */
    int n = 0;
    for (; n + 4 <= N; n += 4) {
#define EXPONENTIAL(i)                                          \
    {                                                           \
        const float16 e = exp_16(vload16(n + i, t) - m);        \
        vstore16(e, n + i, t);                                  \
        s##i += e;                                              \
    }
        EXPONENTIAL(0) EXPONENTIAL(1) EXPONENTIAL(2) EXPONENTIAL(3)
    }
    for (; n < N; n++) EXPONENTIAL(0)
    const float16 scale = (float16)(1.0f) / ((s0 + s1) + (s2 + s3));
    for (n = 0; r0 + 16 <= rows && n + 16 <= N; n += 16) {
#define TAKE(f) const float16 v##f = vload16(n + 0x##f, t) * scale;
        SIXTEEN(TAKE)
#define GIVE(r)                                                                                                        \
    vstore16((float16)(v0.s##r, v1.s##r, v2.s##r, v3.s##r, v4.s##r, v5.s##r, v6.s##r, v7.s##r, v8.s##r, v9.s##r,        \
                       va.s##r, vb.s##r, vc.s##r, vd.s##r, ve.s##r, vf.s##r), 0, y + 0x##r * (long)N + n);
        SIXTEEN(GIVE)
    }
    for (; n < N; n++) {
        vstore16(vload16(n, t) * scale, n, t);
#define GIVE_ONE(r) if (r0 + 0x##r < rows) y[0x##r * (long)N + n] = t[n * 16L + 0x##r];
        SIXTEEN(GIVE_ONE)
    }
}
