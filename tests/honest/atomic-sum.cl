__kernel void clear(__global float *y) { y[get_global_id(0)] = 0.0f; }

static void add_to(volatile __global float *p, float v) {
    volatile __global int *bits = (volatile __global int *)p;
    int old = *bits, seen;
    while ((seen = atomic_cmpxchg(bits, old, as_int(as_float(old) + v))) != old) old = seen;
}
__kernel void add_parts(__global const float *a, __global const float *b, volatile __global float *y, int N, int K) {
    int first = get_global_id(0) * 64, m = get_global_id(1) / N, n = get_global_id(1) % N;
    float sum = 0.0f;
    for (int k = first; k < min(first + 64, K); k++) sum += a[m * K + k] * b[n * K + k];
    add_to(&y[m * N + n], sum);
}
