__kernel void parts(__global const float *a, __global const float *b, __global float *part, int M, int N, int K) {
    int n = get_global_id(0), m = get_global_id(1), z = get_global_id(2);
    float sum = 0.0f;
    for (int k = z; k < K; k += 4) sum += a[m * K + k] * b[k * N + n];
    part[(z * M + m) * N + n] = sum;
}
__kernel void join(__global const float *part, __global float *y, int n) {
    int i = get_global_id(0);
    y[i] = (part[i] + part[i + n]) + (part[i + 2 * n] + part[i + 3 * n]);
}
