__kernel void choose(__global const float *x, __global const float *m, __global float *y) {
    size_t i = get_global_id(0);
    y[i] = m[i] != 0.0f ? x[i] : 0.0f;
}
