/* linear, ReLU, linear. An activation is kept as tiles of 16 rows with the rows innermost: t[tile][feature][16]. A step of a
 * product is then one vector of the activation and eight broadcasts of weights, each from its own row of w: neither w nor
 * the activation between the layers has to be rearranged. */
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

__kernel void layer_relu(__global const float *restrict t, __global const float *restrict w, __global const float *restrict b,
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
#define RELU(v) ((v) <= 0.0f ? (float16)(0.0f) : (v)) /* a NaN stays one */
#define STORE(r)                                                       \
    if (n0 + r < N) {                                                  \
        vstore16(RELU(c##r), n0 + r, o0);                              \
        SECOND(if (tile + 1 < tiles) vstore16(RELU(d##r), n0 + r, o1);) \
    }
        EIGHT(STORE)
    }
}

/* Row 0x<i> of the tile, eight columns n0.. of y, from the vectors <v>0..<v>7 whose lanes are the rows. */
#define ROW(v, i)                                                                                                        \
    if (r0 + 0x##i < rows) {                                                                                             \
        const float8 row = (float8)(v##0 .s##i, v##1 .s##i, v##2 .s##i, v##3 .s##i, v##4 .s##i, v##5 .s##i, v##6 .s##i,       \
                                       v##7 .s##i);                                                                       \
        __global float *to = y + (long)(r0 + 0x##i) * N + n0;                                                            \
        if (n0 + 8 <= N) vstore8(row, 0, to);                                                                            \
        else {                                                                                                           \
            to[0] = row.s0;                                                                                              \
            if (n0 + 1 < N) to[1] = row.s1;                                                                              \
            if (n0 + 2 < N) to[2] = row.s2;                                                                              \
            if (n0 + 3 < N) to[3] = row.s3;                                                                              \
            if (n0 + 4 < N) to[4] = row.s4;                                                                              \
            if (n0 + 5 < N) to[5] = row.s5;                                                                              \
            if (n0 + 6 < N) to[6] = row.s6;                                                                              \
        }                                                                                                                \
    }
#define ROW_C(i) ROW(c, i)
#define ROW_D(i) ROW(d, i)

__kernel void layer(__global const float *restrict t, __global const float *restrict w, __global const float *restrict b,
                    __global float *restrict y, int rows, int K, int N)
{
    const int from = get_global_id(0) * BLOCK, tile = get_global_id(1) * MV, tiles = (rows + 15) / 16;
    if (from >= N) return;
    __global const float *t0 = t + (long)tile * K * 16;
    SECOND(__global const float *t1 = tile + 1 < tiles ? t0 + (long)K * 16 : t0;)
    for (int n0 = from; n0 < min(from + BLOCK, N); n0 += 8) {
        PRODUCT(w, b, K, N, n0)
        int r0 = tile * 16;
        SIXTEEN(ROW_C)
        SECOND(r0 += 16;)
        SECOND(SIXTEEN(ROW_D))
    }
}
