union bits {
    float f;
    int i;
};
__kernel void clip(__global const float *x, __global float *y) {
    size_t at = get_global_id(0);
    union bits v;
    v.f = x[at];
    v.i &= ~(v.i >> 31);
    y[at] = v.f;
}
