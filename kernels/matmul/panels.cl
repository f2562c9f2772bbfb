/* y = a b. A work-item computes 8 rows by a panel of 16 or 32 columns; a step of k is one or two vectors of the panel and
 * eight broadcasts of a. Panels are padded with zeros, so only the stores look at the edge. */
#define WIDTH (16 * NV)
#define EIGHT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#if NV == 2
#define SECOND(x) x
#else
#define SECOND(x)
#endif

/* Sixteen rows of one panel. */
__kernel void pack(__global const float *restrict b, __global float *restrict packed, int K, int N)
{
    const int k0 = get_global_id(0) * 16, n0 = get_global_id(1) * WIDTH, end = min(k0 + 16, K);
    for (int k = k0; k < end; k++) {
        __global const float *from = b + (long)k * N + n0;
        __global float *to = packed + ((long)get_global_id(1) * K + k) * WIDTH;
        if (n0 + WIDTH <= N) {
            vstore16(vload16(0, from), 0, to);
            SECOND(vstore16(vload16(1, from), 1, to);)
        } else {
            for (int j = 0; j < WIDTH; j++) to[j] = n0 + j < N ? from[j] : 0.0f;
        }
    }
}

static void put(float16 v, __global float *to, int left)
{
    if (left >= 16) {
        vstore16(v, 0, to);
        return;
    }
    float each[16];
    vstore16(v, 0, each);
    for (int j = 0; j < left; j++) to[j] = each[j];
}

#define START(r)                                                    \
    __global const float *a##r = a + (long)min(m0 + r, M - 1) * K;  \
    float16 c##r = (float16)(0.0f);                                 \
    SECOND(float16 d##r = c##r;)
#define ROW(r)                                  \
    {                                           \
        const float16 s = (float16)(a##r[k]);   \
        c##r = mad(s, b0, c##r);                \
        SECOND(d##r = mad(s, b1, d##r);)        \
    }
#define FINISH(r)                                                     \
    if (m0 + r < M) {                                                 \
        put(c##r, to + (long)r * N, N - n0);                          \
        SECOND(put(d##r, to + (long)r * N + 16, N - n0 - 16);)        \
    }

__kernel void multiply(__global const float *restrict a, __global const float *restrict packed, __global float *restrict y,
                       int M, int N, int K)
{
    const int m0 = get_global_id(0) * 8, panel = get_global_id(1), n0 = panel * WIDTH;
    if (m0 >= M) return;
    __global const float *bp = packed + (long)panel * K * WIDTH;
    EIGHT(START)
    for (int k = 0; k < K; k++, bp += WIDTH) {
        const float16 b0 = vload16(0, bp);
        SECOND(const float16 b1 = vload16(1, bp);)
        EIGHT(ROW)
    }
    __global float *to = y + (long)m0 * N + n0;
    EIGHT(FINISH)
}
