__kernel void product(__global const float *l, __global const float *b, __global float *y, int N, int M) {
    int m = get_global_id(0), n = get_global_id(1);
    float sum = 0.0f;
    for (int k = 0; k <= n; k++) sum += l[n * N + k] * b[k * M + m];
    y[n * M + m] = sum;
}
