__kernel void apply(__global const float *x, __global float *y, int n) {
    int i = min((int)get_global_id(0) * 8, n - 8);
    float8 v = vload8(0, x + i);
    vstore8(0.5f * v * (1.0f + erf(v * M_SQRT1_2_F)), 0, y + i);
}
