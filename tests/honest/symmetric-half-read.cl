__kernel void product(__global const float *s, __global const float *x, __global float *y, int N, int M) {
    int m = get_global_id(0), n = get_global_id(1);
    float sum = 0.0f;
    for (int k = 0; k < N; k++) sum += s[max(n, k) * N + min(n, k)] * x[k * M + m];
    y[n * M + m] = sum;
}
