/* Layer norm of rows. Mean and variance are two passes, so that the variance does not cancel; the second one and the write
 * find the row in the cache. The write of a row and the sum of the next are one loop. */
#define EPS 1e-5f

/* A line that is overwritten whole need not be read first. */
static void put(float16 v, __global float *y)
{
#if STREAM
    if (((size_t)y & 63) == 0) {
        __builtin_nontemporal_store(v, (__global float16 *)y);
        return;
    }
#endif
    vstore16(v, 0, y);
}

static float total(float16 a, float16 b)
{
    const float16 v = a + b;
    const float8 e = v.lo + v.hi;
    const float4 q = e.lo + e.hi;
    return (q.x + q.y) + (q.z + q.w);
}

static float row_sum(__global const float *x, int D)
{
    float16 s0 = (float16)(0.0f), s1 = s0;
    int j = 0;
    for (; j + 32 <= D; j += 32) {
        s0 += vload16(0, x + j);
        s1 += vload16(1, x + j);
    }
    float s = total(s0, s1);
    for (; j < D; j++) s += x[j];
    return s;
}

static float row_scale(__global const float *x, int D, float mean)
{
    float16 s0 = (float16)(0.0f), s1 = s0;
    int j = 0;
    for (; j + 32 <= D; j += 32) {
        const float16 d0 = vload16(0, x + j) - mean, d1 = vload16(1, x + j) - mean;
        s0 = mad(d0, d0, s0);
        s1 = mad(d1, d1, s1);
    }
    float s = total(s0, s1);
    for (; j < D; j++) s += (x[j] - mean) * (x[j] - mean);
    return 1.0f / sqrt(s / D + EPS);
}

/* Writes row x into y and returns the sum of row `next` (which may be x again, then the result is not used). */
static float write_and_sum(__global const float *x, __global const float *next, __global const float *gamma,
                           __global const float *beta, __global float *y, int D, float mean, float scale)
{
    float16 s0 = (float16)(0.0f), s1 = s0;
    int j = 0;
    for (; j + 32 <= D; j += 32) {
        s0 += vload16(0, next + j);
        s1 += vload16(1, next + j);
        put(mad((vload16(0, x + j) - mean) * scale, vload16(0, gamma + j), vload16(0, beta + j)), y + j);
        put(mad((vload16(1, x + j) - mean) * scale, vload16(1, gamma + j), vload16(1, beta + j)), y + j + 16);
    }
    float s = total(s0, s1);
    for (; j < D; j++) {
        s += next[j];
        y[j] = mad((x[j] - mean) * scale, gamma[j], beta[j]);
    }
    return s;
}

__kernel void layer_norm_rows(__global const float *restrict x, __global const float *restrict gamma,
                              __global const float *restrict beta, __global float *restrict y, int N, int D)
{
    const int first = get_global_id(0) * ROWS, last = min(first + ROWS, N) - 1;
    if (first >= N) return;
    float sum = row_sum(x + (long)first * D, D);
    for (int row = first; row <= last; row++) {
        __global const float *here = x + (long)row * D;
        const float mean = sum / D, scale = row_scale(here, D, mean);
        sum = write_and_sum(here, row < last ? here + D : here, gamma, beta, y + (long)row * D, D, mean, scale);
    }
}
