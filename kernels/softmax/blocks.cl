/* Softmax of rows of any length, a row per work-item in three passes: maximum, exponentials (left in y) and their sum, scale.
 * A pass takes four vectors at a time, so that four independent chains hide each other's latency; what does not fill them
 * is done element by element. */
#if LANES == 16
typedef float16 vec;
typedef int16 ivec;
#define LOAD vload16
#define STORE vstore16
#define AS_INT as_int16
#define AS_FLOAT as_float16
#else
/* Drivers that vectorise across work-items prefer narrow vectors. */
typedef float8 vec;
typedef int8 ivec;
#define LOAD vload8
#define STORE vstore8
#define AS_INT as_int8
#define AS_FLOAT as_float8
#endif
#define BLOCK (4 * LANES)

/* exp for x <= 0 within 1.3 u: x = n ln 2 + r, a minimax polynomial of degree 6 in r, times 2^n put together in the
 * exponent. Adding 1.5 * 2^23 rounds to an integer that then stands in the low bits. From n = -127 on (exp is below the
 * smallest normal number) the exponent's bits are zero, and so is the result. */
static vec exp_vec(vec x)
{
#if EXP
    const vec c = max(x, (vec)(-88.0f));
    const vec t = mad(c, (vec)(1.44269504f), (vec)(12582912.0f));
    const vec n = t - 12582912.0f;
    const vec r = mad(n, (vec)(2.121944417e-4f), mad(n, (vec)(-0.693359375f), c));
    vec p = mad((vec)(1.381446161e-3f), r, (vec)(8.368781184e-3f));
    p = mad(p, r, (vec)(4.166839433e-2f));
    p = mad(p, r, (vec)(1.666652010e-1f));
    p = mad(p, r, (vec)(4.999999341e-1f));
    p = mad(p, r, (vec)(1.0f));
    p = mad(p, r, (vec)(1.0f));
    return p * AS_FLOAT((AS_INT(t) + 127) << 23);
#else
    return exp(x);
#endif
}

static float sum(vec v)
{
#if LANES == 16
    const float8 e = v.lo + v.hi;
#else
    const float8 e = v;
#endif
    const float4 q = e.lo + e.hi;
    return (q.x + q.y) + (q.z + q.w);
}

static float maximum(vec v)
{
#if LANES == 16
    const float8 e = max(v.lo, v.hi);
#else
    const float8 e = v;
#endif
    const float4 q = max(e.lo, e.hi);
    return max(max(q.x, q.y), max(q.z, q.w));
}

static float row_maximum(__global const float *x, int D)
{
    vec m0 = (vec)(-INFINITY), m1 = m0, m2 = m0, m3 = m0;
    int j = 0;
    for (; j + BLOCK <= D; j += BLOCK) {
        m0 = max(m0, LOAD(0, x + j));
        m1 = max(m1, LOAD(1, x + j));
        m2 = max(m2, LOAD(2, x + j));
        m3 = max(m3, LOAD(3, x + j));
    }
    float m = maximum(max(max(m0, m1), max(m2, m3)));
    for (; j < D; j++) m = max(m, x[j]);
    return m;
}

__kernel void softmax_rows(__global const float *restrict x, __global float *restrict y, int N, int D)
{
    const int row = get_global_id(0);
    if (row >= N) return;
    x += (long)row * D;
    y += (long)row * D;
    const float m = row_maximum(x, D);
    vec s0 = (vec)(0.0f), s1 = s0, s2 = s0, s3 = s0;
    int j = 0;
    for (; j + BLOCK <= D; j += BLOCK) {
        const vec e0 = exp_vec(LOAD(0, x + j) - m), e1 = exp_vec(LOAD(1, x + j) - m);
        const vec e2 = exp_vec(LOAD(2, x + j) - m), e3 = exp_vec(LOAD(3, x + j) - m);
        STORE(e0, 0, y + j);
        STORE(e1, 1, y + j);
        STORE(e2, 2, y + j);
        STORE(e3, 3, y + j);
        s0 += e0;
        s1 += e1;
        s2 += e2;
        s3 += e3;
    }
    float s = sum((s0 + s1) + (s2 + s3));
    for (; j < D; j++) {
        const float e = exp(x[j] - m);
        y[j] = e;
        s += e;
    }
    const float scale = 1.0f / s;
    for (j = 0; j + BLOCK <= D; j += BLOCK) {
        STORE(LOAD(0, y + j) * scale, 0, y + j);
        STORE(LOAD(1, y + j) * scale, 1, y + j);
        STORE(LOAD(2, y + j) * scale, 2, y + j);
        STORE(LOAD(3, y + j) * scale, 3, y + j);
    }
    for (; j < D; j++) y[j] *= scale;
}
