/* y = 2 x + b by rows, STEP elements of a row a work-item. */
__kernel void scale_shift(__global const float *restrict x, __global const float *restrict b, __global float *restrict y, int D)
{
    const int row = get_global_id(1), at = get_global_id(0) * STEP;
    for (int i = at; i < min(at + STEP, D); i++) y[(long)row * D + i] = 2.0f * x[(long)row * D + i] + b[i];
}
