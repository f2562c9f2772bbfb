/* Regressions of a sweep: judged when a run's first measurements are in, measured again, and told only then.
 *
 * A run (sweep/run.c) goes through three calls, all on the coordinator's thread, inside its transaction:
 *
 *   1. each accepted attempt of a task with purpose "sweep":  series_record()
 *   2. all first measurements ended, or the deadline is over: findings_judge() -> what to measure again (repetition 1)
 *   3. those have ended, or there were none:                  findings_conclude() -> findings kept, digest queued
 *
 *     suspect ──measured again──▶ confirmed (open) ──▶ recovered | acknowledged
 *        └──────────────────────▶ dropped: nobody is told
 */
#pragma once
#include "coordinator/sweep/series.h"

/* How a sweep wants to be judged and told; from its file. */
struct notify_config {
    char webhook[LABEL_SIZE]; /* name in the coordinator's configuration; "": none */
    bool always;              /* a digest also when there is nothing to tell */
};
struct findings_run {
    const char *sweep, *run;   /* name of the sweep, campaign id of the run */
    const char *title;         /* for people: "nightly, 2026-11-21 02:00" */
    int64_t night_s;           /* as in series_source */
    int64_t planned, measured; /* first measurements: planned, and those with a result; for the digest */
    struct judge_config judge;
    struct notify_config notify;
};

/* Judge tonight's first measurements. *ret has each (problem, kernel, size, device) that has to be measured again once
 * (role "candidate": the baselines are measured beside it), at most FINDINGS_AGAIN_MAX, the clearest first; the caller
 * frees. Where a whole device is suspected, a few of its series stand for it. ERR_IO. */
#define FINDINGS_AGAIN_MAX 64
int findings_judge(struct core *core, const struct findings_run *run, struct series_key **ret, size_t *ret_count,
                   struct error *err);

struct findings_summary {
    int suspects, confirmed, dropped, recovered, open; /* open: after this run */
    bool told;                                         /* a digest was queued */
};
/* Judge again with the second measurements, name the causes, keep the findings and queue the digest. Telling the same
 * run twice is a no-op. ERR_IO. */
int findings_conclude(struct core *core, const struct findings_run *run, struct findings_summary *ret,
                      struct error *err);

/* The new level of an open finding is the norm from now on: it is open no more, and nobody waits for a recovery. `note`
 * may be NULL. ERR_NOT_FOUND, ERR_CONFLICT (not open), ERR_IO. */
int findings_ack(struct core *core, const char *sweep, int64_t id, const char *note, struct error *err);
