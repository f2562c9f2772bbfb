__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    volatile int on = 1;
    while (on) {}
    y[0] = 0.0f;
}
