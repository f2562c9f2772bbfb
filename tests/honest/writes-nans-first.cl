__kernel void fill(__global float *y) {
    uint i = get_global_id(0);
    y[i] = as_float(0x7FC00000u | (i * 0x9E3779B1u >> 10));
}
__kernel void clip(__global const float *x, __global float *y) {
    size_t i = get_global_id(0);
    if (isnan(y[i])) y[i] = fmax(x[i], 0.0f);
}
