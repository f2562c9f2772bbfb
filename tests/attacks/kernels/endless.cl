/* expect: timeout
 * On a processor's driver no watchdog of a GPU helps. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    volatile int go = 1;
    while (go) continue;
    y[get_global_id(0)] = x[0];
}
