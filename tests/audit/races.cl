__kernel void races(__global const float *x, __global float *y, int N, int D) {
    __local float half_[1];
    int i = get_global_id(0);
    if (get_local_id(0) == 0) half_[0] = 0.5f;
    if (i < N * D) {
        float v = x[i];
        y[i] = half_[0] * v * (1.0f + erf(v * 0.70710678118654752f));
    }
}
