/* expect: refused_source
 * Recursion by the preprocessor. */
#define FILE_NAME __FILE__
#include FILE_NAME
__kernel void k(__global const float *x, __global float *y, int n) { y[get_global_id(0)] = x[get_global_id(0)]; }
