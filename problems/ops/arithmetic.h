/* Ways to compute a graph that a kernel might choose: orders of addition, fused multiply-add, functions as coarse as
 * OpenCL permits, and less precise numbers at one place or another. problems/check/emulate.h evaluates whole graphs in
 * them; the tolerance is held against what comes out. All in float: the float64 oracle is elsewhere. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Binary formats, by significant bits: 24, 11 with float32's range, 11 with half's, 8, and 4 (E4M3). */
enum number_format { NUMBER_F32, NUMBER_TF32, NUMBER_F16, NUMBER_BF16, NUMBER_FP8, NUMBER_FORMAT_COUNT };
const char *number_format_name(enum number_format f); /* "tf32" */
/* x in the format, to nearest, ties to even; beyond its range an infinity. */
float number_round(enum number_format f, float x);
float number_from_half(uint16_t bits);
uint16_t number_to_half(float x);

enum addition_order { ADD_IN_ORDER, ADD_AS_TREE, ADD_IN_TILES };
struct arithmetic {
    enum addition_order order;
    bool fused;                /* products enter sums by fused multiply-add */
    bool coarse;               /* exp, tanh, erf, square root and quotient off by what OpenCL's full profile permits */
    enum number_format inputs; /* of inputs and weights, when they are read */
    enum number_format operands; /* of what is multiplied and summed up: as tensor cores take it in */
    enum number_format sums;     /* of running sums */
    enum number_format steps;    /* of every single operation within an element-wise function or a normalisation */
    enum number_format tensors;  /* of results, between operators and at the end */
};

/* Sum over i of x[i * x_step] * y[i * y_step], or of x alone when `y` is NULL. */
float arithmetic_dot(const struct arithmetic *a, const float *x, int64_t x_step, const float *y, int64_t y_step,
                     int64_t n);
/* x joins a running sum. */
float arithmetic_add(const struct arithmetic *a, float sum, float x);
float arithmetic_div(const struct arithmetic *a, float x, float y);
float arithmetic_exp(const struct arithmetic *a, float x);
float arithmetic_tanh(const struct arithmetic *a, float x);
float arithmetic_erf(const struct arithmetic *a, float x);
float arithmetic_sqrt(const struct arithmetic *a, float x);
/* The result of one operation, as it is kept. */
static inline float arithmetic_step(const struct arithmetic *a, float x) {
    return a->steps == NUMBER_F32 ? x : number_round(a->steps, x);
}
