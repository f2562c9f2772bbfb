/* What is compiled, verified and timed: a candidate (a kernel at one point of its tuning space) or a baseline, bound to
 * the sizes it will run at. */
#pragma once
#include "agent-node/worker/trial.h"

/* One size: cases[0] is the timed one. */
struct size_case {
    char label[NAME_MAX_LEN + 48]; /* "held1", or "held1 (D=1024)" where the kernel's constraints wanted another size */
    struct bound *bound;
    struct plan *plan;
    int64_t reduction; /* K of the tolerance */
    bool moved;        /* not the size as declared */
};
#define SUBJECT_MAX_CASES 16
struct subject {
    char name[96];    /* "softmax_rows", "baseline fused" */
    char config[512]; /* tune values as JSON, "" for a baseline */
    char hash[65];    /* kernel and configuration */
    bool trusted;     /* a baseline */
    bool allows_atomics;
    enum precision precision; /* declared by the kernel; a baseline is strict */
    const char *generality;   /* "general", "constrained", "specialised" */
    int n_cases;
    struct size_case cases[SUBJECT_MAX_CASES];
    struct plan *whole; /* all cases' launches in one plan: what is compiled */
    char *text;         /* the preprocessed source, once it is built */
    struct runner_binary binary;
};
/* Fit for CLEANUP. */
void subject_done(struct subject *s);

/* The trial's kernel at `point`, at the timed size and, unless `timed_only`, at those of verification (step 3). -1 with
 * *f set: bad_kernel_file, limit_exceeded, unsupported. *ret is for subject_done() in any case. */
int subject_candidate(struct trial *t, const struct tune_point *point, bool timed_only, struct subject *ret,
                      struct finding *f);
/* `name` of baseline_names(), at the named size alone. -1 with *f: infrastructure. */
int subject_baseline(struct trial *t, const char *name, const char *size, struct subject *ret, struct finding *f);

/* Step 3 (verify/sizes.c): the sizes to check beside the timed one, at which the kernel can run. Fills cases[1..] and
 * generality. -1 with *f set. */
int subject_sizes(struct trial *t, const struct tune_point *point, struct subject *s, struct finding *f);
/* Binds one case; takes `bound` over in any case. */
int subject_add_case(struct trial *t, const struct tune_point *point, struct bound *bound, const char *label,
                     struct subject *s, struct finding *f);
/* Step 1 (verify/limits.c). */
int limits_check(const struct trial *t, const struct subject *s, struct finding *f);
