float cut(float v) { return as_float((as_uint(v) + 0x1000u) & 0xFFFFE000u); }
__kernel void k(__global const float *a, __global const float *b, __global float *y, int M, int N, int K) {
    long i = get_global_id(0);
    if (i >= (long)M * N) return;
    long m = i / N, n = i % N;
    float t = 0.0f;
    for (int k = 0; k < K; k++) t += cut(a[m * K + k]) * cut(b[(long)k * N + n]);
    y[i] = t;
}
