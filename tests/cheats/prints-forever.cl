__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    volatile int on = 1;
    while (on) printf("%d: all is well, all is well, all is well, all is well\n", (int)i);
    y[0] = 0.0f;
}
