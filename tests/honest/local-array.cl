__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void dot_product(__global const float *a, __global const float *b,
                                                                          __global float *y, int N, int K) {
    __local float part[64];
    int lane = get_local_id(0), n = get_group_id(0), m = get_group_id(1);
    float sum = 0.0f;
    for (int k = lane; k < K; k += 64) sum += a[m * K + k] * b[n * K + k];
    part[lane] = sum;
    for (int step = 32; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < step) part[lane] += part[lane + step];
    }
    if (lane == 0) y[m * N + n] = part[0];
}
