/* Expected verdict: incomplete_write. Softmax of the even rows only; see half-softmax.yaml. */
__kernel void softmax_rows(__global const float *restrict x, __global float *restrict y, int N, int D)
{
    const int row = get_global_id(0) * EVERY;
    x += (long)row * D;
    y += (long)row * D;
    float m = x[0], s = 0.0f;
    for (int j = 1; j < D; j++) m = fmax(m, x[j]);
    for (int j = 0; j < D; j++) s += exp(x[j] - m);
    for (int j = 0; j < D; j++) y[j] = exp(x[j] - m) / s;
}
