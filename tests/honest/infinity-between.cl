__kernel void apply(__global const float *x, __global const float *m, __global float *y) {
    size_t i = get_global_id(0);
    float weight = 1.0f / m[i]; /* 1 or infinity */
    y[i] = isinf(weight) ? 0.0f : x[i] * weight;
}
