/* Exact GELU, x * Phi(x), with Phi(x) = 1/2 + x P(x^2) / Q(x^2), a minimax rational function on |x| <= 5.6 where Phi has
 * reached 0 or 1 within 1.1e-8. Its error is below 3.5 u |x|, 0.6 u |x| in the root mean square; evaluating through erf costs
 * 1.8 and 0.4. */
#define DEFINE_GELU(NAME, T)                                                 \
    static T NAME(T x)                                                       \
    {                                                                        \
        const T t = clamp(x, (T)(-5.6f), (T)(5.6f)), s = t * t;              \
        T p = mad((T)(2.229816097e-8f), s, (T)(6.289629663e-6f));            \
        T q = mad((T)(1.179668080e-6f), s, (T)(7.333930013e-5f));            \
        p = mad(p, s, (T)(1.689147050e-4f));                                 \
        q = mad(q, s, (T)(1.885409182e-3f));                                 \
        p = mad(p, s, (T)(4.677260279e-3f));                                 \
        q = mad(q, s, (T)(2.867675475e-2f));                                 \
        p = mad(p, s, (T)(3.392765391e-2f));                                 \
        q = mad(q, s, (T)(2.517103440e-1f));                                 \
        p = mad(p, s, (T)(3.989422719e-1f));                                 \
        q = mad(q, s, (T)(1.0f));                                            \
        return x * mad(t, p / q, (T)(0.5f));                                 \
    }
DEFINE_GELU(gelu_16, float16)
DEFINE_GELU(gelu_1, float)

__kernel void gelu(__global const float *restrict x, __global float *restrict y, long n)
{
    const long at = (long)get_global_id(0) * (16 * UNROLL);
    if (at >= n) return;
    if (at + 16 * UNROLL <= n) {
        for (int v = 0; v < UNROLL; v++) vstore16(gelu_16(vload16(v, x + at)), v, y + at);
        return;
    }
    for (long i = at; i < n; i++) y[i] = gelu_1(x[i]);
}
