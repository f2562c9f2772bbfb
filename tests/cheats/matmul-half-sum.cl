float half_bits(float v) { return as_float((as_uint(v) + 0x1000u) & 0xFFFFE000u); }
__kernel void k(__global const float *a, __global const float *b, __global float *y, int M, int N, int K) {
    long i = get_global_id(0);
    if (i >= (long)M * N) return;
    long m = i / N, n = i % N;
    float t = 0.0f;
    for (int from = 0; from < K; from += 8) {
        float part = 0.0f;
        for (int k = from; k < min(from + 8, K); k++) part = half_bits(part + a[m * K + k] * b[(long)k * N + n]);
        t += part;
    }
    y[i] = t;
}
