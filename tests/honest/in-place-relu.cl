__kernel void clip(__global float *y) {
    size_t i = get_global_id(0);
    if (y[i] < 0.0f) y[i] = 0.0f;
}
