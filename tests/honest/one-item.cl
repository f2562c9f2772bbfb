__kernel void alone(__global const float *x, __global int *y, int N, int D) {
    for (int n = 0; n < N; n++) {
        int best = 0;
        for (int j = 1; j < D; j++)
            if (x[n * D + j] > x[n * D + best]) best = j;
        y[n] = best;
    }
}
