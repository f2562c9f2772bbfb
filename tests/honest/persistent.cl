__kernel void work(__global const float *x, __global float *y, int n) {
    for (int i = get_global_id(0); i < n; i += get_global_size(0)) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * M_SQRT1_2_F));
}
