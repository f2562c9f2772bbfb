/* Integers in the order of the floats. */
static int ordered(float v) {
    int bits = as_int(v + 0.0f);
    return bits < 0 ? bits ^ 0x7FFFFFFF : bits;
}
__kernel void clear(__global int *key, __global int *y, int D) {
    key[get_global_id(0)] = INT_MIN;
    y[get_global_id(0)] = D;
}
__kernel void greatest(__global const float *x, volatile __global int *key, int D) {
    int j = get_global_id(0), n = get_global_id(1);
    atomic_max(&key[n], ordered(x[n * D + j]));
}
__kernel void lowest(__global const float *x, __global const int *key, volatile __global int *y, int D) {
    int j = get_global_id(0), n = get_global_id(1);
    if (ordered(x[n * D + j]) == key[n]) atomic_min(&y[n], j);
}
