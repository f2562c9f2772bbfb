/* Honest float32 evaluations of the operators, written without care for speed: what a verdict must accept. `order`
 * chooses how sums are made: sequential, pairwise, or as 16 interleaved lanes. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

enum sum_order { SUM_SEQUENTIAL, SUM_PAIRWISE, SUM_LANES, SUM_ORDERS };

/* sum of a[i * sa] * b[i * sb] for i in [begin, end). */
static inline float honest_dot_part(const float *a, int64_t sa, const float *b, int64_t sb, int64_t begin, int64_t end,
                                    int64_t step) {
    float s = 0.0f;
    for (int64_t i = begin; i < end; i += step) s += a[i * sa] * b[i * sb];
    return s;
}
static inline float honest_pairwise(const float *a, int64_t sa, const float *b, int64_t sb, int64_t begin,
                                    int64_t end) {
    if (end - begin <= 4) return honest_dot_part(a, sa, b, sb, begin, end, 1);
    int64_t middle = (begin + end) / 2;
    return honest_pairwise(a, sa, b, sb, begin, middle) + honest_pairwise(a, sa, b, sb, middle, end);
}
static inline float honest_dot(const float *a, int64_t sa, const float *b, int64_t sb, int64_t n,
                               enum sum_order order) {
    if (order == SUM_SEQUENTIAL) return honest_dot_part(a, sa, b, sb, 0, n, 1);
    if (order == SUM_PAIRWISE) return honest_pairwise(a, sa, b, sb, 0, n);
    float s = 0.0f;
    for (int64_t lane = 0; lane < 16; lane++) s += honest_dot_part(a, sa, b, sb, lane, n, 16);
    return s;
}
static inline float honest_sum(const float *a, int64_t sa, int64_t n, enum sum_order order) {
    static const float one = 1.0f;
    return honest_dot(a, sa, &one, 0, n, order);
}

static inline void honest_softmax(const float *x, float *y, int64_t step, int64_t n, enum sum_order order) {
    float max = -INFINITY;
    for (int64_t i = 0; i < n; i++) max = fmaxf(max, x[i * step]);
    for (int64_t i = 0; i < n; i++) y[i * step] = expf(x[i * step] - max);
    float sum = honest_sum(y, step, n, order);
    for (int64_t i = 0; i < n; i++) y[i * step] /= sum;
}

/* As attention kernels do it: one pass, the sum rescaled whenever the maximum grows. */
static inline void honest_softmax_online(const float *x, float *y, int64_t step, int64_t n) {
    float max = -INFINITY, sum = 0.0f;
    for (int64_t i = 0; i < n; i++) {
        float v = x[i * step];
        if (v > max) sum *= expf(max - v), max = v;
        sum += expf(v - max);
    }
    for (int64_t i = 0; i < n; i++) y[i * step] = expf(x[i * step] - max) * (1.0f / sum);
}

static inline void honest_layer_norm(const float *x, const float *gamma, const float *beta, float *y, int64_t n,
                                     enum sum_order order) {
    float mean = honest_sum(x, 1, n, order) / (float)n, square = 0.0f;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] - mean;
    square = honest_dot(y, 1, y, 1, n, order);
    float r = 1.0f / sqrtf(square / (float)n + 1e-5f);
    for (int64_t i = 0; i < n; i++) y[i] = y[i] * r * gamma[i] + beta[i];
}

/* Welford's running mean and variance. */
static inline void honest_layer_norm_welford(const float *x, const float *gamma, const float *beta, float *y,
                                             int64_t n) {
    float mean = 0.0f, square = 0.0f;
    for (int64_t i = 0; i < n; i++) {
        float d = x[i] - mean;
        mean += d / (float)(i + 1);
        square += d * (x[i] - mean);
    }
    float r = 1.0f / sqrtf(square / (float)n + 1e-5f);
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * r * gamma[i] + beta[i];
}

static inline float honest_gelu(float x) {
    return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}
static inline float honest_gelu_tanh(float x) {
    return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}
static inline float honest_sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

/* x with its mantissa rounded to `bits` bits behind the point: 10 is TF32 (and f16's), 7 bfloat16. */
static inline float rounded_to(float x, int bits) {
    uint32_t u, drop = 23u - (uint32_t)bits;
    memcpy(&u, &x, sizeof u);
    u += (1u << (drop - 1)) - 1 + (u >> drop & 1);
    u &= ~((1u << drop) - 1);
    memcpy(&x, &u, sizeof x);
    return x;
}
