/* Where a problem's tolerance lies between honest and dishonest arithmetic: each is emulated on the host at the sizes
 * and on the data that verification uses, and judged by the code that judges kernels. */
#pragma once
#include "problems/check/precision.h"
#include "problems/graph/problem.h"

enum evaluation_kind {
    EVALUATION_HONEST,    /* has to pass everywhere */
    EVALUATION_DISHONEST, /* has to be caught at every size, on some data */
};
struct evaluation {
    const char *name; /* "fused multiply-add", "sums in bf16" */
    enum evaluation_kind kind;
    enum precision declared; /* the tier it is judged in */
    bool f32, f16;           /* the problems' types that it says something about */
    struct arithmetic arithmetic;
};
size_t evaluation_count(void);
const struct evaluation *evaluation_at(size_t i);

/* How one evaluation stands: the largest ratios over the data. Honest: over all sizes. Dishonest: at the size that
 * shows it least. */
struct margin {
    bool concerns;    /* false: the problem has nothing that it changes */
    double element;   /* worst error in units of the tolerance */
    double class_rms; /* root mean square in units of the class limit, where it is judged */
    char size[NAME_MAX_LEN];
    enum distribution dist; /* where the larger of the two was */
    bool as_it_should;      /* honest: passes; dishonest: caught */
};
struct margins_options {
    struct data_seed seed;
    const char *const *sizes; /* NULL-terminated; NULL: `check`, those held out and `small` */
    void (*progress)(void *context, double done, const char *label);
    void *context;
    const volatile bool *cancel;
};
/* Fills ret[evaluation_count()]. ERR_NOT_FOUND (a size), ERR_UNSUPPORTED (what cannot be emulated), ERR_NOMEM,
 * ERR_CANCELLED. */
int margins_compute(const struct problem *p, const struct margins_options *o, struct margin *ret, struct error *err);
