__kernel void triple(__global const float *x, __global float *q) {
    size_t i = get_global_id(0);
    q[i] = x[i] * 3.0f;
}
__kernel void clip(__global const float *q, __global float *p) {
    size_t i = get_global_id(0);
    p[i] = q[i] > 0.0f ? 1.0f : 0.0f;
}
__kernel void third(__global const float *x, __global float *p) {
    size_t i = get_global_id(0);
    p[i] = p[i] != 0.0f ? x[i] : 0.0f;
}
