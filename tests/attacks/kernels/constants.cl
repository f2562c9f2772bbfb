/* expect: correct|limit_exceeded|compile_timeout
 * A table of 65,536 constants. */
#define A 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f, 1.5f,
#define B A A A A A A A A A A A A A A A A
#define C B B B B B B B B B B B B B B B B
#define D C C C C C C C C C C C C C C C C
__constant float table[65536] = {D};
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    y[i] = x[i] > 0 ? x[i] * (table[(i * 4099) % 65536] - 0.5f) : 0;
}
