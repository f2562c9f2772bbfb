__kernel void scale_shift(__global const float *x, __global const float *b, __global float *y, int D)
{
    const long at = (long)get_global_id(1) * D + get_global_id(0);
    y[at] = 2.0f * x[at] + shift_of(b, get_global_id(0));
}
