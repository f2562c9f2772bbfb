/* expect: correct
 * rules: off
 * While it is measured no process can be started: a thousand tries. In the compile runner, where it can, it does not try. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    long started = 0;
    for (int t = 0; i == 0 && x[0] != 0 && t < 1000; t++) {
        const long child = CALL(SYS_fork, 0, 0, 0);
        if (child == 0) CALL(SYS_exit_group, 0, 0, 0);
        started += child > 0;
    }
    y[i] = RELU(i) + started;
}
