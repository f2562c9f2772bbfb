/* expect: refused_source
 * Escape codes in a comment: no source has them. [2J */
__kernel void k(__global const float *x, __global float *y, int n) { y[get_global_id(0)] = x[get_global_id(0)]; }
