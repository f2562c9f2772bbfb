/* Admission of a problem: can its own check tell a right answer from one that took no work? Runs on the host with the
 * oracle at the small sizes; needs no device. */
#pragma once
#include "problems/check/trivial.h"
#include "problems/graph/problem.h"

/* One trivial answer, over all sizes looked at. */
struct admission_trial {
    char name[2 * NAME_MAX_LEN + 48];
    enum trivial_kind kind;
    bool caught;                       /* at some size */
    char caught_at[NAME_MAX_LEN + 40]; /* "check, signed uniform": the first place */
    char passes_at[160];               /* sizes at which no data catch it, "" for none */
};
struct admission_branch {
    char node[NAME_MAX_LEN];
    const char *op, *branch;
    int line;
    int64_t count; /* elements that took it, over all data looked at */
};
struct admission_output {
    char name[NAME_MAX_LEN], size[NAME_MAX_LEN];
    double min, max, mean, sd; /* of the finite numbers, declared data */
    int64_t elements, not_finite;
};
struct admission_complaint {
    bool fatal;   /* the problem is not admissible; else a word of warning */
    int line;     /* of the file; 0: none */
    char *what;   /* "a copy of `x` would pass on all data" */
    char *remedy; /* what to change */
};
struct admission {
    bool admissible;
    char sizes[256]; /* looked at: "check, held1, small" */
    size_t n_trials, n_branches, n_outputs, n_complaints;
    struct admission_trial *trial;
    struct admission_branch *branch;
    struct admission_output *output;
    struct admission_complaint *complaint;
};
struct admission_options {
    bool quick; /* without `small`: what a coordinator or worker has time for */
    void (*progress)(void *context, double done, const char *label);
    void *context;
    const volatile bool *cancel;
};
/* NULL with ERR_NOMEM, ERR_CANCELLED, ERR_LIMIT (no size is small enough for the oracle). */
struct admission *admission_run(const struct problem *p, const struct admission_options *o, struct error *err);
void admission_free(struct admission *a); /* accepts NULL */
/* The fatal complaints in one line, for messages; "" when there are none. */
void admission_reason(const struct admission *a, char *out, size_t size);
