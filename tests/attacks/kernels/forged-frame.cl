/* expect: crashed
 * rules: off
 * A reply of 4 GiB is announced on the socket. */
__kernel void k(__global const float *x, __global float *y, int n)
{
    uint frame[4] = {0x4e525450, 0x00420002, 7, 0xffffffff};
    y[get_global_id(0)] = RELU(get_global_id(0));
    if (get_global_id(0) == 0) CALL(SYS_write, 3, frame, 16);
}
