__kernel void gelu(__global const float *restrict x, __global float *restrict y, long n)
{
    const long from = (long)get_global_id(0) * 64, to = min(from + 64, n);
    for (long i = from; i < to; i++) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * M_SQRT1_2_F));
}
