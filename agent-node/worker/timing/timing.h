/* Timing of a candidate against its baseline: k fresh sets of runners, in each warm-up and ABBA quads of windows, the
 * median of the log quad ratios per set, and over the sets the Hodges-Lehmann estimate with the exact Wilcoxon interval
 * (docs/timing.md). */
#pragma once
#include "agent-node/worker/timing/lane.h"
#include "common/stats.h"

#define TIMING_SETS_MAX 64
#define TIMING_QUADS_MAX 32

/* What the windows of one side said, nanoseconds a launch. */
struct side {
    size_t n;
    double ns[TIMING_SETS_MAX * TIMING_QUADS_MAX * 2];
    double claimed_ns[TIMING_SETS_MAX * TIMING_QUADS_MAX * 2]; /* what the runner said, for whoever doubts it */
    struct pace pace;
};
struct timing {
    int sets, quads;                   /* measured, in each set */
    double log_ratio[TIMING_SETS_MAX]; /* per set: baseline's time over the candidate's */
    struct interval speedup;           /* of the ratio itself */
    struct side baseline, candidate;
    struct accuracy acc;
    size_t rotating_bytes; /* memory that the candidate's timed sets rotated over */
};
/* The domain is held exclusively by the caller. -1 with *f set, and *ret with what was measured until then. Counts as
 * phase "time" and its parts. */
int timing_run(struct trial *t, const struct subject *baseline, const struct subject *candidate,
               const struct timed_data *data, struct timing *ret, struct finding *f);
/* {"unit": "ns per launch", "sets": [{"ratio": x, "baseline": [...], "candidate": [...], "baseline_claimed": [...],
 * "candidate_claimed": [...]}]}: times by the worker's clock, and as the runners claimed them by the device's (zeros
 * where it has none). A set that was not finished has no ratio. Caller frees. */
char *timing_json(const struct timing *m);

/* Screening: short windows, one subject after the other in one runner, for choosing among them and nothing else. Each
 * also has one output checked. */
struct screened {
    double ns; /* a launch, median; 0 when it failed */
    struct finding finding;
};
struct screen {
    struct trial *trial;
    const struct timed_data *data;
    struct runner *runner; /* NULL until needed; replaced after a failure */
    size_t arena_bytes;
};
/* One subject: ret->finding says what is wrong, if anything. *f is set, and -1 returned, for infrastructure and cancel
 * only. */
int screen_one(struct screen *s, const struct subject *subject, double window_ms, int windows, struct screened *ret,
               struct finding *f);
void screen_done(struct screen *s);
