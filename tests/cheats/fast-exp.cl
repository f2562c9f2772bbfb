/* Schraudolph 1999: 2^v by writing v into the exponent; 6 % off at worst. */
float quick(float v) { return as_float((int)(fmax(v, -87.0f) * 12102203.0f) + 1064866805); }
__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    if (i >= N) return;
    float most = -INFINITY, sum = 0.0f;
    for (int d = 0; d < D; d++) most = fmax(most, x[i * D + d]);
    for (int d = 0; d < D; d++) sum += quick(x[i * D + d] - most);
    for (int d = 0; d < D; d++) y[i * D + d] = quick(x[i * D + d] - most) / sum;
}
