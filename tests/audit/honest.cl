__kernel void honest_tile(__global const float *x, __global float *y, int N, int D) {
    __local float tile[16];
    int i = get_global_id(0), k = get_local_id(0), n = N * D;
    tile[k] = i < n ? x[i] : 0.0f;
    barrier(CLK_LOCAL_MEM_FENCE);
    int other = i - k + (15 - k); /* each answers for its opposite in the group */
    float v = tile[15 - k];
    if (other < n) y[other] = 0.5f * v * (1.0f + erf(v * 0.70710678118654752f));
}
