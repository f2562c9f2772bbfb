/* A work-item a row, in three passes; the exponentials wait in y. Summed by blocks: rounding errors of one long sum of
 * positive numbers would be many times those of several short ones. */
__kernel void softmax_rows(__global const float *restrict x, __global float *restrict y, int D)
{
    x += get_global_id(0) * D;
    y += get_global_id(0) * D;
    float m = x[0], s = 0.0f;
    for (int i = 1; i < D; i++) m = max(m, x[i]);
    for (int from = 0; from < D; from += 64) {
        float part = 0.0f;
        for (int i = from; i < min(from + 64, D); i++) part += y[i] = exp(x[i] - m);
        s += part;
    }
    for (int i = 0; i < D; i++) y[i] /= s;
}
