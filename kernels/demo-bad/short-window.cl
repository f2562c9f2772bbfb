/* Expected verdict: wrong_output. `o + 3` should be `o + 4`; see short-window.yaml. */
__kernel void avg_pool(__global const float *restrict x, __global float *restrict y, int L)
{
    const int o = get_global_id(0), row = get_global_id(1);
    if (o > L) return;
    x += (long)row * L;
    float s = 0.0f;
    for (int j = max(o - 4, 0); j < min(o + 3, L); j++) s += x[j];
    y[(long)row * (L + 1) + o] = s * 0.125f;
}
