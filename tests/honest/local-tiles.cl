__kernel void product(__global const float *a, __global const float *b, __global float *y, int M, int N, int K,
                      __local float *ta, __local float *tb) {
    int n = get_global_id(0), m = get_global_id(1), c = get_local_id(0), r = get_local_id(1);
    float sum = 0.0f;
    for (int k = 0; k < K; k += T) {
        ta[r * T + c] = m < M && k + c < K ? a[m * K + k + c] : 0.0f;
        tb[r * T + c] = n < N && k + r < K ? b[(k + r) * N + n] : 0.0f;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < T; i++) sum += ta[r * T + i] * tb[i * T + c];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (m < M && n < N) y[m * N + n] = sum;
}
