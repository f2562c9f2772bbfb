/* As tensor cores take their operands in: rounded to bfloat16, products and sums in float. */
float bf16(float x) {
    uint u = as_uint(x);
    return as_float((u + 0x7FFFu + (u >> 16 & 1u)) & 0xFFFF0000u);
}
__kernel void k(__global const float *a, __global const float *b, __global float *y, int M, int N, int K) {
    long i = get_global_id(0);
    if (i >= (long)M * N) return;
    __global const float *row = a + i / N * K, *column = b + i % N;
    float s = 0.0f;
    for (int k = 0; k < K; k++) s += bf16(row[k]) * bf16(column[(long)k * N]);
    y[i] = s;
}
