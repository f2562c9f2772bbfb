__kernel void largest(__global const float *x, __global int *y, int D, __local float *most, __local int *at) {
    int lane = get_local_id(0), n = get_group_id(0);
    float m = -INFINITY;
    int best = 0;
    for (int j = lane; j < D; j += WG)
        if (x[n * D + j] > m) m = x[n * D + j], best = j;
    most[lane] = m;
    at[lane] = best;
    for (int step = WG / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane >= step) continue;
        bool other = most[lane + step] > most[lane] || (most[lane + step] == most[lane] && at[lane + step] < at[lane]);
        if (other) most[lane] = most[lane + step], at[lane] = at[lane + step];
    }
    if (lane == 0) y[n] = at[0];
}
