/* Arithmetic of kernels, emulated number by number. */
#include "problems/ops/arithmetic.h"

#include <math.h>
#include <string.h>

#include "problems/ops/rounding.h"

#define TILE 32
#define TREE_LEAF 8

const char *number_format_name(enum number_format f) {
    static const char *const NAMES[NUMBER_FORMAT_COUNT] = {"f32", "tf32", "f16", "bf16", "fp8"};
    return (unsigned)f < NUMBER_FORMAT_COUNT ? NAMES[f] : "?";
}

/* --- formats ---------------------------------------------------------------------------------- */
/* Keeps `23 - drop` bits behind the point. Float's exponent carries over into infinity by itself. */
static inline float drop_bits(float x, uint32_t drop) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7F800000u) == 0x7F800000u) return x;
    u += (1u << (drop - 1)) - 1 + (u >> drop & 1);
    u &= ~((1u << drop) - 1);
    memcpy(&x, &u, sizeof x);
    return x;
}

/* Below `normal` numbers are multiples of `step`, from `limit` on they are infinite. */
static inline float small_format(float x, uint32_t drop, float normal, float step, float limit) {
    if (isnan(x)) return x;
    float r = fabsf(x) < normal ? rintf(x / step) * step : drop_bits(x, drop);
    return fabsf(r) >= limit ? copysignf(INFINITY, x) : r;
}

float number_round(enum number_format f, float x) {
    switch (f) {
        case NUMBER_TF32:
            return drop_bits(x, 13);
        case NUMBER_F16:
            return small_format(x, 13, 0x1p-14f, 0x1p-24f, 65536.0f);
        case NUMBER_BF16:
            return drop_bits(x, 16);
        case NUMBER_FP8:
            return small_format(x, 20, 0x1p-6f, 0x1p-9f, 480.0f);
        default:
            return x;
    }
}

float number_from_half(uint16_t bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float v = exponent == 31  ? (fraction ? NAN : INFINITY)
              : exponent == 0 ? ldexpf((float)fraction, -24)
                              : ldexpf((float)(1024 + fraction), exponent - 25);
    return bits >> 15 ? -v : v;
}

uint16_t number_to_half(float x) {
    uint32_t u;
    float r = number_round(NUMBER_F16, x), size = fabsf(r);
    uint16_t sign = signbit(x) ? 0x8000 : 0;
    if (isnan(r)) return sign | 0x7E00;
    if (isinf(r)) return sign | 0x7C00;
    if (size < 0x1p-14f) return (uint16_t)(sign | (unsigned)(size * 0x1p24f));
    memcpy(&u, &size, sizeof u);
    return (uint16_t)(sign | ((u >> 13) - ((127u - 15u) << 10)));
}

/* --- sums ------------------------------------------------------------------------------------- */
static inline float join(const struct arithmetic *a, float sum, float x, float y) {
    float s = a->fused ? fmaf(x, y, sum) : sum + x * y;
    return a->sums == NUMBER_F32 ? s : number_round(a->sums, s);
}

float arithmetic_add(const struct arithmetic *a, float sum, float x) {
    return number_round(a->sums, sum + x);
}

static float in_order(const struct arithmetic *a, const float *x, int64_t x_step, const float *y, int64_t y_step,
                      int64_t n) {
    float s = 0.0f;
    if (!y)
        for (int64_t i = 0; i < n; i++) s = arithmetic_add(a, s, x[i * x_step]);
    else if (a->sums == NUMBER_F32 && !a->fused)
        for (int64_t i = 0; i < n; i++) s += x[i * x_step] * y[i * y_step];
    else
        for (int64_t i = 0; i < n; i++) s = join(a, s, x[i * x_step], y[i * y_step]);
    return s;
}

static const float *at(const float *y, int64_t offset) {
    return y ? y + offset : NULL;
}

static float as_tree(const struct arithmetic *a, const float *x, int64_t x_step, const float *y, int64_t y_step,
                     int64_t n) {
    if (n <= TREE_LEAF) return in_order(a, x, x_step, y, y_step, n);
    int64_t half = n / 2;
    float left = as_tree(a, x, x_step, y, y_step, half);
    return arithmetic_add(a, left, as_tree(a, x + half * x_step, x_step, at(y, half * y_step), y_step, n - half));
}

float arithmetic_dot(const struct arithmetic *a, const float *x, int64_t x_step, const float *y, int64_t y_step,
                     int64_t n) {
    if (a->order == ADD_IN_ORDER) return in_order(a, x, x_step, y, y_step, n);
    if (a->order == ADD_AS_TREE) return as_tree(a, x, x_step, y, y_step, n);
    float s = 0.0f;
    for (int64_t i = 0; i < n; i += TILE) {
        int64_t count = n - i < TILE ? n - i : TILE;
        s = arithmetic_add(a, s, in_order(a, x + i * x_step, x_step, at(y, i * y_step), y_step, count));
    }
    return s;
}

/* --- functions -------------------------------------------------------------------------------- */
/* A number in [-1, 1) that looks random and depends on x only. */
static double jitter(float x) {
    uint32_t h;
    memcpy(&h, &x, sizeof h);
    h = (h ^ h >> 16) * 0x7FEB352Du;
    h = (h ^ h >> 15) * 0x846CA68Bu;
    return (double)(int32_t)(h ^ h >> 16) * 0x1p-31;
}

/* `value` at x, off by up to the permitted error: ROUND_<f> is half the ulps, one of which is at least u. */
static float function(const struct arithmetic *a, float value, float x, double round) {
    if (a->coarse && isfinite(value)) value = (float)((double)value * (1.0 + jitter(x) * 2.0 * round * 0x1p-24));
    return arithmetic_step(a, value);
}

float arithmetic_div(const struct arithmetic *a, float x, float y) {
    return function(a, x / y, x + y, ROUND_DIV);
}

float arithmetic_exp(const struct arithmetic *a, float x) {
    return function(a, expf(x), x, ROUND_EXP);
}

float arithmetic_tanh(const struct arithmetic *a, float x) {
    return fmaxf(-1.0f, fminf(1.0f, function(a, tanhf(x), x, ROUND_TANH)));
}

float arithmetic_erf(const struct arithmetic *a, float x) {
    return fmaxf(-1.0f, fminf(1.0f, function(a, erff(x), x, ROUND_ERF)));
}

float arithmetic_sqrt(const struct arithmetic *a, float x) {
    return function(a, sqrtf(x), x, ROUND_SQRT);
}
