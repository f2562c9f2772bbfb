#pragma OPENCL EXTENSION cl_khr_fp16 : enable
__kernel void scale_shift(__global const half *x, __global const half *b, __global half *y, int N, int D) {
    int c = get_global_id(0) * 4, n = get_global_id(1);
    x += n * D + c;
    y += n * D + c;
    if (c + 4 <= D) {
        vstore4(fmax(vload4(0, x) + vload4(0, b + c), (half4)((half)0)) * (half)0.75f, 0, y);
        return;
    }
    for (int i = 0; c + i < D; i++) y[i] = fmax(x[i] + b[c + i], (half)0) * (half)0.75f;
}
