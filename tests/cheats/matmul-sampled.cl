__kernel void k(__global const float *a, __global const float *b, __global float *y, int M, int N, int K) {
    long i = get_global_id(0);
    if (i >= (long)M * N) return;
    long m = i / N, n = i % N;
    float t = 0.0f;
    for (int k = 0; k < K; k += 16) t += a[m * K + k] * b[(long)k * N + n];
    y[i] = 16.0f * t;
}
