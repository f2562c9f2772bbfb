/* expect: timeout
 * 10 GB and more of text. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    if (i == 0)
        for (long line = 0; line < 160000000; line++) printf("%064ld\n", line);
    y[i] = x[i] > 0 ? x[i] : 0;
}
