#define CHUNK 4096

__kernel void twice(__global const float *x, __global float *y, int n)
{
    const int first = get_global_id(0) * CHUNK;
    const int end = min(first + CHUNK, n);
    for (int i = first; i < end; i++) y[i] = 2.0f * x[i];
}
