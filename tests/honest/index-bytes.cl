__kernel void shrink(__global const int *i, __global uchar *narrow) {
    size_t at = get_global_id(0);
    narrow[at] = (uchar)i[at];
}
__kernel void seven(__global const uchar *narrow, __global int *y) {
    size_t at = get_global_id(0);
    y[at] = narrow[at] * 7;
}
