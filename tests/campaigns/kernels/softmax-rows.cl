/* A work-item a row, in three passes; the exponentials wait in y. */
__kernel void softmax_rows(__global const float *restrict x, __global float *restrict y, int D)
{
    x += get_global_id(0) * D;
    y += get_global_id(0) * D;
    float m = x[0], s = 0.0f;
    for (int i = 1; i < D; i++) m = max(m, x[i]);
    for (int i = 0; i < D; i++) s += y[i] = exp(x[i] - m);
    for (int i = 0; i < D; i++) y[i] /= s;
}
