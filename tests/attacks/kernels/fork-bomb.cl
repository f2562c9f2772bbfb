/* expect: crashed|timeout
 * rules: off
 * A real bomb where processes may be started, in the compile runner: all its copies go with it. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    for (int t = 0; i == 0 && x[0] == 0 && t < 100; t++) CALL(SYS_fork, 0, 0, 0);
    y[i] = RELU(i);
}
