__kernel void clip(__global const float *x, __global float *y, int n) {
    int i = get_global_id(0);
    if (i < n) y[i] = fmax(x[i], 0.0f);
}
