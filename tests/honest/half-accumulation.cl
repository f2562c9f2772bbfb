#pragma OPENCL EXTENSION cl_khr_fp16 : enable
__kernel void product(__global const half *a, __global const half *b, __global half *y, int M, int N, int K) {
    int n = get_global_id(0), m = get_global_id(1);
    half sum = 0;
    for (int k = 0; k < K; k++) sum = fma(a[m * K + k], b[k * N + n], sum);
    y[m * N + n] = sum;
}
