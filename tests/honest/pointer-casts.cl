__kernel void clip(__global const float *x, __global float *y, int n) {
    int i = get_global_id(0);
    if (i * 4 + 4 <= n) {
        int4 v = ((__global const int4 *)x)[i];
        ((__global int4 *)y)[i] = v & ~(v >> 31);
        return;
    }
    for (int j = i * 4; j < n; j++) y[j] = as_float(as_int(x[j]) & ~(as_int(x[j]) >> 31));
}
