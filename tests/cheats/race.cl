__kernel void k(__global const float *x, __global float *y, __local int *count, int N, int D) {
    long i = get_global_id(0);
    if (get_local_id(0) == 0) *count = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    int seen = *count;
    barrier(CLK_LOCAL_MEM_FENCE);
    *count = seen + 1;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (i < (long)N * D) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * 0.70710678f)) * (float)*count / (float)get_local_size(0);
}
