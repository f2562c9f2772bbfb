__kernel void largest(__global const float *x, __global int *y) {
    int n = get_global_id(0), best = 0;
    for (int j = 1; j < 203; j++)
        if (x[n * 203 + j] > x[n * 203 + best]) best = j;
    y[n] = best;
}
