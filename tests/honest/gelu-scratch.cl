__kernel void k(__global const float *x, __global float *y, __global float *t, int N, int D) {
    long i = get_global_id(0);
    if (i >= (long)N * D) return;
    t[i] = erf(x[i] * 0.70710678f);
    y[i] = 0.5f * x[i] * (1.0f + t[i]);
}
