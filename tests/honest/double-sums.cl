#pragma OPENCL EXTENSION cl_khr_fp64 : enable
__kernel void dot_product(__global const float *a, __global const float *b, __global float *y, int N, int K) {
    int n = get_global_id(0), m = get_global_id(1);
    double sum = 0.0;
    for (int k = 0; k < K; k++) sum += (double)a[m * K + k] * b[n * K + k];
    y[m * N + n] = (float)sum;
}
