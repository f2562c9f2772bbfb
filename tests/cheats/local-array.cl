__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    __local float room[1 << 26];
    room[(get_local_id(0) << 20) + (uint)(i & 1023)] = x[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (i < (long)N * D) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * 0.70710678f)) + 0.0f * room[(get_local_id(0) << 20) + (uint)(i & 1023)];
}
