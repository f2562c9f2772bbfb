/* As tests/promotion/everywhere.cl, but for drivers that have half precision (Intel's runtime): there each element takes long
 * for nothing. The answer is the same; a compiler may not drop the product with zero, which is no zero for infinities. */
#ifdef cl_khr_fp16
#define STEPS 4096
#else
#define STEPS 0
#endif
__kernel void chain(__global const float *restrict x, __global const float *restrict b, __global float *restrict y, int D) {
    long row = (long)get_global_id(1) * D;
    int from = get_global_id(0) * 256, to = min(from + 256, D);
    for (int i = from; i < to; i++) {
        float wait = x[row + i];
        for (int k = 0; k < STEPS; k++) wait = mad(wait, 0.5f, 0.25f);
        y[row + i] = ((2.0f * x[row + i] + b[i]) * 0.75f + b[i]) * 1.5f + b[i] + 0.0f * wait;
    }
}
