__kernel void rows(__global const float *x, __global float *y, int D) {
    int n = get_global_id(0);
    x += n * D;
    y += n * D;
    float m = -INFINITY, s = 0.0f;
    for (int j = 0; j < D; j++) {
        float v = x[j];
        if (v > m) s *= exp(m - v), m = v;
        s += exp(v - m);
    }
    for (int j = 0; j < D; j++) y[j] = exp(x[j] - m) / s;
}
