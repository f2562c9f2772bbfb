/* expect: compile_error
 * Brackets inside brackets, 65,536 of them. */
#define A(x) x x x x x x x x x x x x x x x x
#define B(x) A(A(x))
#define OPEN (
#define CLOSE )
__kernel void k(__global const float *x, __global float *y, int n)
{
    y[get_global_id(0)] = B(B(OPEN)) x[0] B(B(CLOSE));
}
