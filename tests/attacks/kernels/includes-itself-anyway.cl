/* expect: compile_error
 * rules: off
 * The same past the token rules: the preprocessor's own limits and ours. */
#define FILE_NAME __FILE__
#include FILE_NAME
__kernel void k(__global const float *x, __global float *y, int n) { y[get_global_id(0)] = x[get_global_id(0)]; }
