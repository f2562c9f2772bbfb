__kernel void product(__global const float *a, __global const float *b, __global float *y, int N, int K) {
    int n = get_global_id(0), m = get_global_id(1);
    float sum = 0.0f;
    for (int k = K - 1; k >= 0; k--) sum = fma(a[m * K + k], b[k * N + n], sum);
    y[m * N + n] = sum;
}
