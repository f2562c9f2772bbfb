__kernel void wide(__global const float *x, __global float *y) {
    size_t i = get_global_id(0);
    float16 v = vload16(i, x);
    vstore16(0.5f * v * (1.0f + erf(v * M_SQRT1_2_F)), i, y);
}
__kernel void rest(__global const float *x, __global float *y, int n) {
    int i = n / 16 * 16 + (int)get_global_id(0);
    if (i < n) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * M_SQRT1_2_F));
}
