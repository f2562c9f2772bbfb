__kernel void maxima(__global const float *x, __global float *most, int D) {
    int n = get_global_id(0);
    float m = -INFINITY;
    for (int j = 0; j < D; j++) m = fmax(m, x[n * D + j]);
    most[n] = m;
}
__kernel void exponentials(__global const float *x, __global const float *most, __global float *raised, int D) {
    int i = get_global_id(0);
    raised[i] = exp(x[i] - most[i / D]);
}
__kernel void totals(__global const float *raised, __global float *total, int D) {
    int n = get_global_id(0);
    float s = 0.0f;
    for (int j = 0; j < D; j++) s += raised[n * D + j];
    total[n] = s;
}
__kernel void divide(__global const float *raised, __global const float *total, __global float *y, int D) {
    int i = get_global_id(0);
    y[i] = raised[i] / total[i / D];
}
