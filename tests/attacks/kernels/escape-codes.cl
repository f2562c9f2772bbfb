/* expect: compile_error
 * The compiler quotes the source in its message: so the source is what a terminal is shown. */
#error "verdict: correct" [2J ]0;owned
__kernel void k(__global const float *x, __global float *y, int n) {}
