__kernel void dot_product(__global const float *a, __global const float *b, __global float *y, int N, int K) {
    int n = get_global_id(0), m = get_global_id(1);
    a += m * K;
    b += n * K;
    float sum = 0.0f;
    int k = 0;
    for (; k + 16 <= K; k += 16) {
        float16 v = vload16(0, a + k) * vload16(0, b + k);
        float8 w = v.lo + v.hi;
        float4 u = w.lo + w.hi;
        sum += u.s0 + u.s1 + u.s2 + u.s3;
    }
    for (; k < K; k++) sum += a[k] * b[k];
    y[m * N + n] = sum;
}
