__kernel void three(__global const int *x, __global const int *w, __global int *y, int D) {
    size_t i = get_global_id(0);
    int v = x[i] & ~(x[i] >> 31);
    y[i] = (v << 1) + v - w[i % D];
}
