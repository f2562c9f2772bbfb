__kernel __attribute__((intel_reqd_sub_group_size(16))) void dot_product(__global const float *a, __global const float *b,
                                                                         __global float *y, int N, int K) {
    int lane = get_sub_group_local_id(), n = get_group_id(0), m = get_group_id(1);
    float sum = 0.0f;
    for (int k = lane; k < K; k += 16) sum += a[m * K + k] * b[n * K + k];
    sum = sub_group_reduce_add(sum);
    if (lane == 0) y[m * N + n] = sum;
}
