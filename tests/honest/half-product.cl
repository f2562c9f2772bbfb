__kernel void product(__global const half *a, __global const half *b, __global half *y, int M, int N, int K) {
    int n = get_global_id(0), m = get_global_id(1);
    float sum = 0.0f;
    for (int k = 0; k < K; k++) sum = fma(vload_half(m * K + k, a), vload_half(k * N + n, b), sum);
    vstore_half(sum, m * N + n, y);
}
