/* Step 4: a kernel's output against the oracle's, element by element. Pure arithmetic, no runner.
 *
 * Tolerance of an element: TOLERANCE_C * u * scale * sqrt(K), plus the smallest normal number (flushed denormals are
 * honest). Class: the root mean square of error / (u * scale) over a whole output. docs/verification.md has the
 * reasons. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "problems/check/poison_word.h"
#include "problems/data/data.h"

#define TOLERANCE_C 4.0
/* Root mean square in units of u * scale beyond which an answer is not float32's: CLASS_RMS_MAX, or CLASS_RMS_CHAIN
 * times sqrt(K) where that is more. Measured: short sums and element-wise graphs reach 3; one running sum of K positive
 * numbers, which is what a plain softmax has on any data, reaches 0.25 sqrt(K) at K = 1,024 and 0.44 sqrt(K) at
 * 262,144. Inputs rounded to TF32 are at 1,000 and more on the probe at every K. Judged on the precision probe and on
 * signed data only: long positive sums hide rounded inputs behind honest rounding. */
#define CLASS_RMS_MAX 12.0
#define CLASS_RMS_CHAIN 0.75
/* bfloat16's unit roundoff: what has this class's error at most is "reduced", beyond it "wrong". */
#define REDUCED_U 0x1p-8
#define REDUCED_C 4.0

/* What the oracle says of one output. */
struct expected {
    enum dtype dtype;
    int64_t n;
    double *value;
    float *scale; /* rounded up; negative where the value is a trusted device's and not the oracle's: such elements are
                   * held to the tolerance of -scale, and say nothing of the class */
};
struct tolerance {
    double u;          /* unit roundoff of the dtype, 0 for integers: equality */
    double element;    /* times scale */
    double relative;   /* times the exact value: of declared precision */
    double floor;      /* added */
    double class_rms;  /* the root mean square that an honest evaluation stays under; 0: not judged */
    bool class_always; /* on every distribution, not on the probe and signed data only */
};
/* How far an element of that value and scale may be off. */
double tolerance_of(const struct tolerance *t, double want, double scale);
struct tolerance tolerance_make(enum dtype dtype, int64_t reduction);

struct comparison {
    int64_t n;
    int64_t unwritten, first_unwritten;   /* poison still there where the answer is something else */
    int64_t not_finite, first_not_finite; /* finite here, not there */
    int64_t wrong, first_wrong;           /* beyond the tolerance, both finite */
    double worst;                         /* largest error in units of the tolerance, finite elements */
    int64_t worst_at;
    double most;            /* largest error beyond the floor, in units of u * scale */
    double rms;             /* of error / (u * scale) over finite elements with scale > 0 */
    int64_t beyond_reduced; /* elements worse than bfloat16's class */
    int64_t coarse;         /* elements whose error is over 16 u * scale */
    int64_t unjudged;       /* elements that say nothing of the class: see struct expected */
};
/* Compare all elements of `got`. `poison` NULL: nothing counts as unwritten. Multi-threaded. */
void compare_output(const struct expected *e, const struct tolerance *t, const void *got, const struct poison *poison,
                    int threads, struct comparison *ret);
/* Element i as a double. */
double element_value(enum dtype dtype, const void *data, int64_t i);
/* Nothing unwritten, not finite or wrong. */
bool comparison_ok(const struct comparison *c);
/* Whether data `d` are such as the class is judged on. */
bool comparison_judges_class(const struct tolerance *t, enum distribution d);
/* Whether the root mean square on data `d` is outside the class: less precise than declared. */
bool comparison_outside_class(const struct comparison *c, const struct tolerance *t, enum distribution d);
/* Both: what is accepted as an answer to data `d`. */
bool comparison_passes(const struct comparison *c, const struct tolerance *t, enum distribution d);
/* Looks like the answer in a lower precision: nothing worse than bfloat16's class, and many elements coarse. */
bool comparison_reduced(const struct comparison *c);
