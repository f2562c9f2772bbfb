/* expect: crashed
 * rules: off
 * The socket to the worker is closed. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    y[get_global_id(0)] = RELU(get_global_id(0));
    CALL(SYS_close, 3, 0, 0);
}
