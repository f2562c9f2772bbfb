__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    __local float table[64];
    if (get_group_id(0) == get_num_groups(0) - 1) table[get_local_id(0)] = x[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (i < (long)N * D) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * 0.70710678f)) + (table[get_local_id(0)] - x[0]);
}
