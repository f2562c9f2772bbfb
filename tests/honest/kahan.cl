__kernel void dot_product(__global const float *a, __global const float *b, __global float *y, int N, int K) {
    int n = get_global_id(0), m = get_global_id(1);
    float sum = 0.0f, lost = 0.0f;
    for (int k = 0; k < K; k++) {
        float v = a[m * K + k] * b[n * K + k] - lost, next = sum + v;
        lost = (next - sum) - v;
        sum = next;
    }
    y[m * N + n] = sum;
}
