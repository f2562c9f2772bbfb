/* How much rounding an honest evaluation may show, in units of u and before the factor c = 4 (docs/operators.md).
 * ROUND_<f> is half the error in ulp that the OpenCL specification (full profile, single precision, section "Relative
 * Error as ULPs") permits the function: 1 ulp is at most 2u, so 4 * ROUND_<f> * u covers what any conforming driver
 * does. */
#pragma once
#define ROUND_BASIC 1.0 /* + - *: half an ulp, correctly rounded; a rounding counts whole */
#define ROUND_DIV 1.25
#define ROUND_EXP 1.5
#define ROUND_SQRT 1.5
#define ROUND_TANH 2.5
#define ROUND_ERF 8.0

/* An argument may be off by up to this many units of u times its scale where a first-order bound must still hold;
 * curved functions add |f''|/2 times it, and kinks are blurred by it. */
#define CURVATURE_UNITS 64.0
#define KINK_UNITS 4096.0
