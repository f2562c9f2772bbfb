#define ONE(i) if (first + (i) < n) { float v = x[first + (i)]; y[first + (i)] = v > 0.0f ? v : 0.0f; }
#define FOUR(i) ONE(i) ONE((i) + 1) ONE((i) + 2) ONE((i) + 3)
#define ALL(i) FOUR(i) FOUR((i) + 4) FOUR((i) + 8) FOUR((i) + 12)
#define MORE(i) ALL(i) ALL((i) + 16) ALL((i) + 32) ALL((i) + 48) ALL((i) + 64) ALL((i) + 80) ALL((i) + 96) ALL((i) + 112)
__kernel void clip(__global const float *x, __global float *y, int n) {
    int first = get_global_id(0) * 512;
    MORE(0)
    MORE(128)
    MORE(256)
    MORE(384)
}
