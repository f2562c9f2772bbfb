__kernel void exponentials(__global const float *x, __global float *y, int D) {
    int n = get_global_id(0);
    float m = -INFINITY;
    for (int j = 0; j < D; j++) m = fmax(m, x[n * D + j]);
    for (int j = 0; j < D; j++) y[n * D + j] = exp(x[n * D + j] - m);
}
__kernel void divide(__global float *y, int D) {
    int n = get_global_id(0);
    float s = 0.0f;
    for (int j = 0; j < D; j++) s += y[n * D + j];
    for (int j = 0; j < D; j++) y[n * D + j] /= s;
}
