#define A x[i] + x[i] + x[i] + x[i] +
#define B A A A A A A A A A A
#define C B B B B B B B B B B
#define E C C C C C C C C C C
#define F E E E E E E E E E E
#define Z F F F F F F F F F F
__kernel void k(__global const float *x, __global float *y, int N, int D) {
    long i = get_global_id(0);
    if (i < (long)N * D) y[i] = Z 0.0f;
}
