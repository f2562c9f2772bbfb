__kernel void pack(__global const float *l, __global float *packed, int N) {
    int k = get_global_id(0), n = get_global_id(1);
    if (k <= n) packed[n * (n + 1) / 2 + k] = l[n * N + k];
}
__kernel void product(__global const float *packed, __global const float *b, __global float *y, int M) {
    int m = get_global_id(0), n = get_global_id(1);
    __global const float *row = packed + n * (n + 1) / 2;
    float sum = 0.0f;
    for (int k = 0; k <= n; k++) sum += row[k] * b[k * M + m];
    y[n * M + m] = sum;
}
