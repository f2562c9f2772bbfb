__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    if (i >= N) return;
    float most = -INFINITY, sum = 0.0f;
    for (int d = 0; d < D; d++) most = fmax(most, x[d]);
    for (int d = 0; d < D; d++) sum += exp(x[d] - most);
    for (int d = 0; d < D; d++) y[i * D + d] = exp(x[d] - most) / sum;
}
