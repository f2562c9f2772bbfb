__kernel void shift(__global float *y, int D) {
    __global float *row = y + get_global_id(0) * D;
    float m = row[0];
    for (int j = 1; j < D; j++) m = fmax(m, row[j]);
    for (int j = 0; j < D; j++) row[j] -= m;
}
__kernel void exponentials(__global float *y) {
    size_t i = get_global_id(0);
    y[i] = exp(y[i]);
}
__kernel void divide(__global float *y, int D) {
    __global float *row = y + get_global_id(0) * D;
    float sum = 0.0f;
    for (int j = 0; j < D; j++) sum += row[j];
    for (int j = 0; j < D; j++) row[j] /= sum;
}
