__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    if (i >= (long)N * D) return;
    float v = x[i] * 0.70710678f, s = v * v, term = v, sum = v;
    for (int j = 1; j < 6; j++) {
        term *= -s / j;
        sum += term / (2 * j + 1);
    }
    y[i] = 0.5f * x[i] * (1.0f + 1.1283792f * sum);
}
