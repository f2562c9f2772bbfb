__kernel void clip(__global const float *x, __global float *y) {
    size_t i = get_global_id(1) * get_global_size(0) + get_global_id(0);
    vstore4(fmax(vload4(i, x), 0.0f), i, y);
}
