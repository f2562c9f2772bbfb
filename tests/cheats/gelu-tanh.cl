__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    if (i < (long)N * D) y[i] = 0.5f * x[i] * (1.0f + tanh(0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
}
