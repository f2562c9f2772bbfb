#pragma OPENCL EXTENSION cl_intel_subgroups : enable
__kernel __attribute__((intel_reqd_sub_group_size(8))) void largest(__global const float *x, __global int *y, int D) {
    int lane = get_sub_group_local_id(), n = get_group_id(0), best = 0;
    float most = -INFINITY;
    for (int j = lane; j < D; j += 8)
        if (x[n * D + j] > most) most = x[n * D + j], best = j;
    for (uint step = 4; step > 0; step /= 2) {
        float m = intel_sub_group_shuffle_xor(most, step);
        int at = intel_sub_group_shuffle_xor(best, step);
        if (m > most || (m == most && at < best)) most = m, best = at;
    }
    if (lane == 0) y[n] = best;
}
