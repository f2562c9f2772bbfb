__kernel void scale_shift(__global const half *x, __global const half *b, __global half *y, int D) {
    size_t i = get_global_id(0);
    float s = vload_half(i, x) + vload_half(i % D, b);
    vstore_half(fmax(s, 0.0f) * 0.75f, i, y);
}
