#line 1 "portolan/verdict.c"
__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    if (i < (long)N * D) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * 0.70710678f));
}
