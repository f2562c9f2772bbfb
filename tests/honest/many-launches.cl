__kernel void strip(__global const float *x, __global float *y, int n, int which) {
    int i = get_global_id(0) * 256 + which;
    if (i < n) y[i] = fmax(x[i], 0.0f);
}
