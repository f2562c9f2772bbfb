__kernel void scale_rows(__global const float *d, __global const float *x, __global float *y, int N, int M) {
    int m = get_global_id(0), n = get_global_id(1);
    y[n * M + m] = d[n * N + n] * x[n * M + m];
}
