/* expect: crashed|compile_error
 * 256 MiB for each work-item. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    volatile float mine[1 << 26];
    for (int t = 0; t < 1 << 26; t += 512) mine[t] = x[i];
    y[i] = mine[n & 511] > 0 ? x[i] : 0;
}
