/* Expected verdict: compile_error. OpenCL C calls it erf; see misspelt-gelu.yaml. */
__kernel void gelu(__global const float *restrict x, __global float *restrict y, long n)
{
    const size_t i = get_global_id(0);
    if (i < n) y[i] = 0.5f * x[i] * (1.0f + error_function(x[i] * 0.70710678f));
}
