/* Declared reduced precision: a kernel that says `precision: bf16` is held to what an honest evaluation in that
 * precision reaches on the very data at hand, and is ranked apart from those that compute in the problem's own type. */
#pragma once
#include "problems/check/compare.h"
#include "problems/graph/problem.h"
#include "problems/ops/arithmetic.h"

enum precision { PRECISION_STRICT, PRECISION_TF32, PRECISION_F16, PRECISION_BF16, PRECISION_COUNT };
const char *precision_name(enum precision p); /* "" for strict, "tf32", "f16", "bf16" */
int precision_from_name(const char *name);    /* -1 when unknown; "" and "strict" are strict */

/* What honest work in `p` is: the operands of every sum in that format, the sums in float32; in f16 and bf16 inputs,
 * weights and every result are stored in it as well. */
struct arithmetic precision_arithmetic(enum precision p);
/* Half problems: between half in every operation, which is honest there, and bfloat16 lies a factor of eight only,
 * which the constant limit of the class does not resolve. `honest` is an output of emulate() in precision_half(); its
 * root mean square on the data at hand, and half as much again, becomes the limit where it is lower. */
struct arithmetic precision_half(void);
void tolerance_learn_class(struct tolerance *t, const struct expected *e, const void *honest, int threads);
/* Whether outputs of `b` are judged so. */
bool precision_learns(const struct bound *b);
/* Widens `t`, made for the dtype, by what `honest` (an output of emulate() in precision_arithmetic(p)) is off: an
 * element by four times its largest error in units of the scale and by two roundings of the answer, the class by twice
 * its root mean square; the class is then judged on all data. */
void tolerance_declare(struct tolerance *t, enum precision p, const struct expected *e, const void *honest,
                       int threads);
