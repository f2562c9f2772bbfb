/* expect: compile_timeout|timeout
 * A short source that is a long program. Some drivers compile again at the first launch. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    const int i = get_global_id(0);
    float s = x[i];
    #pragma unroll
    for (int a = 0; a < 4096; a++) {
        #pragma unroll
        for (int b = 0; b < 256; b++) s = fma(s, x[(i + a * b) % n], sin(s + a) * cos(s + b));
    }
    y[i] = s;
}
