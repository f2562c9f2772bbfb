__kernel void part(__global const float *a, __global const float *b, __global float *y, int N, int K, int from, int to) {
    int n = get_global_id(0), m = get_global_id(1);
    float sum = from > 0 ? y[m * N + n] : 0.0f;
    for (int k = from; k < to; k++) sum += a[m * K + k] * b[n * K + k];
    y[m * N + n] = sum;
}
