/* Expected verdict: wrong_output. `j < D - 1` should be `j < D`; see short-layer-norm.yaml. */
__kernel void layer_norm_rows(__global const float *restrict x, __global const float *restrict gamma,
                              __global const float *restrict beta, __global float *restrict y, int N, int D)
{
    const int row = get_global_id(0);
    x += (long)row * D;
    y += (long)row * D;
    float sum = 0.0f, squares = 0.0f;
    for (int j = 0; j < D - 1; j++) sum += x[j];
    const float mean = sum / D;
    for (int j = 0; j < D; j++) squares += (x[j] - mean) * (x[j] - mean);
    const float scale = 1.0f / sqrt(squares / D + 1e-5f);
    for (int j = 0; j < D; j++) y[j] = (x[j] - mean) * scale * gamma[j] + beta[j];
}
