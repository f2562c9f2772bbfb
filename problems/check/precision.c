/* The tiers of declared precision. */
#include "problems/check/precision.h"

#include <math.h>
#include <string.h>

#define LEARNT_RMS 1.5
#define LEARNT_LEAST 0.25 /* an honest rounding is 0.29 u on average, at scales that count more than one */
#define DECLARED_ELEMENT 4.0
#define DECLARED_RMS 2.0
#define DECLARED_ROUNDINGS 2.0 /* of the answer itself: where the honest one happens to be exact, others are not */
#define HALF_STEP 0x1p-24      /* between half's subnormal numbers */

/* Unit roundoff. */
static const double UNIT[PRECISION_COUNT] = {0, 0x1p-11, 0x1p-11, 0x1p-8};
static const char *const NAMES[PRECISION_COUNT] = {"", "tf32", "f16", "bf16"};

const char *precision_name(enum precision p) {
    return NAMES[p];
}

int precision_from_name(const char *name) {
    if (strcmp(name, "strict") == 0) return PRECISION_STRICT;
    for (int p = 0; p < PRECISION_COUNT; p++)
        if (strcmp(NAMES[p], name) == 0) return p;
    return -1;
}

struct arithmetic precision_arithmetic(enum precision p) {
    static const enum number_format FORMAT[PRECISION_COUNT] = {NUMBER_F32, NUMBER_TF32, NUMBER_F16, NUMBER_BF16};
    struct arithmetic a = {.order = ADD_IN_TILES, .operands = FORMAT[p]};
    if (p == PRECISION_F16 || p == PRECISION_BF16) a.inputs = a.tensors = FORMAT[p]; /* nothing is stored as tf32 */
    return a;
}

struct arithmetic precision_half(void) {
    return (struct arithmetic){.order = ADD_IN_ORDER, .sums = NUMBER_F16, .steps = NUMBER_F16};
}

bool precision_learns(const struct bound *b) {
    for (int i = 0; i < b->n_outputs; i++)
        if (b->tensor[b->output[i]].dtype == DTYPE_F16) return true;
    return false;
}

void tolerance_learn_class(struct tolerance *t, const struct expected *e, const void *honest, int threads) {
    struct comparison c;
    if (e->dtype != DTYPE_F16) return;
    compare_output(e, t, honest, NULL, threads, &c);
    t->class_rms = fmin(t->class_rms, fmax(LEARNT_LEAST, LEARNT_RMS * c.rms));
}

void tolerance_declare(struct tolerance *t, enum precision p, const struct expected *e, const void *honest,
                       int threads) {
    struct comparison c;
    if (p == PRECISION_STRICT || !(t->u > 0)) return;
    if (p == PRECISION_F16) t->floor = fmax(t->floor, HALF_STEP);
    compare_output(e, t, honest, NULL, threads, &c);
    t->relative = DECLARED_ROUNDINGS * UNIT[p];
    t->element += DECLARED_ELEMENT * c.most * t->u;
    t->class_rms += DECLARED_RMS * c.rms;
    t->class_always = true;
}
