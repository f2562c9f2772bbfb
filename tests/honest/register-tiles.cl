__kernel void product(__global const float *a, __global const float *b, __global float *y, int M, int N, int K) {
    int n = get_global_id(0) * 4, m = get_global_id(1) * 4;
    float4 s[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    int4 at = min((int4)(n, n + 1, n + 2, n + 3), N - 1);
    for (int k = 0; k < K; k++) {
        __global const float *row = b + k * N;
        float4 v = (float4)(row[at.s0], row[at.s1], row[at.s2], row[at.s3]);
        for (int i = 0; i < 4; i++) s[i] += a[min(m + i, M - 1) * K + k] * v;
    }
    for (int i = 0; i < 4 && m + i < M; i++) {
        __global float *to = y + (m + i) * N + n;
        if (n < N) to[0] = s[i].s0;
        if (n + 1 < N) to[1] = s[i].s1;
        if (n + 2 < N) to[2] = s[i].s2;
        if (n + 3 < N) to[3] = s[i].s3;
    }
}
