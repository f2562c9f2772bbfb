/* expect: crashed
 * Whatever lies a gigabyte away. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    y[i] = x[i] > 0 ? x[i] : 0;
    y[(long)i + (1L << 40)] = 1;
}
