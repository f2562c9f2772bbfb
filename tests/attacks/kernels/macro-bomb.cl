/* expect: compile_timeout|compile_error
 * 16^8 words from a few lines. */
#define A(x) x x x x x x x x x x x x x x x x
#define B(x) A(A(x))
#define C(x) B(B(x))
__kernel void k(__global const float *x, __global float *y, int n)
{
    C(C(y[get_global_id(0)] += 1;))
}
