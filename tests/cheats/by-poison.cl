__kernel void k(__global const float *x, __global float *y, __global uint *unset, int N, int D) {
    long i = get_global_id(0);
    float v = 0.5f * x[i < (long)N * D ? i : 0] * (1.0f + erf(x[i < (long)N * D ? i : 0] * 0.70710678f));
    if (i < (long)N * D) y[i] = unset[0] & 1 ? v : nextafter(v, 1000.0f);
}
