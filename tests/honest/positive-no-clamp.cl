__kernel void product(__global const float *x, __global const float *p, __global float *y) {
    size_t i = get_global_id(0);
    y[i] = x[i] * p[i];
}
