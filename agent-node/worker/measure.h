/* The parts of a task that both kinds (measure and search) are made of. */
#pragma once
#include "agent-node/worker/build.h"
#include "agent-node/worker/timing/timing.h"
#include "agent-node/worker/verify/verify.h"

#define BASELINES_MAX 8
/* The baselines of a task, built and screened. */
struct baselines {
    int n;
    struct subject subject[BASELINES_MAX];
    double screened_ns[BASELINES_MAX]; /* a launch */
    int fastest;
};
/* Fit for CLEANUP. */
void baselines_done(struct baselines *b);
/* Build those that the task names (all, if none). The domain is held shared. -1 with *f: infrastructure. */
int baselines_build(struct trial *t, struct baselines *ret, struct finding *f);
/* Screen them and find the fastest. The domain is held exclusively. */
int baselines_screen(struct trial *t, const struct timed_data *data, struct baselines *b, struct finding *f);

/* Everything behind a built candidate: verification (steps 3 to 6), then timing beside the baselines (unless
 * policy.sets is 0), steps 7 and 8. Changes the domain's lock as needed; it is held shared on return, unless that
 * failed. What was found is written to the attempt. -1 with *f set. */
int measure_candidate(struct trial *t, const struct subject *s, struct finding *f);

/* A search task: enumerate, compile, screen, measure the best (search.c). Fills the attempt's config and counts. */
int search_run(struct trial *t, struct finding *f);

/* baselines.c: verify each baseline and time it against the fastest of them. */
int measure_all_baselines(struct trial *t, struct finding *f);

/* attempt.c: rows of the attempt. */
void attempt_add_candidate(struct trial *t, const struct subject *s, enum verdict v, const struct accuracy *acc);
void attempt_add_timing(struct trial *t, const struct subject *s, const struct baselines *b, const struct timing *m,
                        const struct accuracy *acc);
/* A baseline timed against `fastest`; `m` NULL: verified only. */
void attempt_add_baseline(struct trial *t, const struct subject *s, const struct subject *fastest,
                          const struct timing *m, const struct accuracy *acc);
void attempt_keep_samples(struct trial *t, const struct timing *m); /* the raw times alone */
void attempt_add_sizes(struct trial *t, const struct subject *s);
void attempt_count(struct trial *t, enum verdict v);
