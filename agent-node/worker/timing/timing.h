/* Timing of a candidate against its baseline: k fresh sets of runners, in each warm-up and ABBA quads of windows, the
 * median of the log quad ratios per set, and over the sets the Hodges-Lehmann estimate with the exact Wilcoxon interval
 * (docs/timing.md). */
#pragma once
#include "agent-node/worker/timing/lane.h"
#include "agent-node/worker/timing/sensors.h"
#include "common/stats.h"

#define TIMING_SETS_MAX 64
#define TIMING_QUADS_MAX 32
#define TIMING_WINDOWS_MAX (TIMING_SETS_MAX * TIMING_QUADS_MAX * 2)

/* What the windows of one side said, nanoseconds a launch. Windows 2q and 2q + 1 of a set are those of its quad q. */
struct side {
    size_t n;
    double ns[TIMING_WINDOWS_MAX];
    double claimed_ns[TIMING_WINDOWS_MAX]; /* what the runner said, for whoever doubts it */
    double foreign[TIMING_WINDOWS_MAX];    /* share of the machine's processor time that others used; NaN: unknown */
    double cpu[TIMING_WINDOWS_MAX];        /* the runner's processor time over wall time; NaN: unknown */
    struct pace pace;
};
enum quad_fate { QUAD_KEPT, QUAD_STARVED, QUAD_FOREIGN }; /* the runner was kept from the processor; by foreign load */
/* What others did to the measurement. */
struct timing_load {
    bool known;
    bool fine;             /* by a counter that sees a single window */
    double foreign;        /* share over all windows, dropped ones too */
    double stolen;         /* share that a virtual machine's host took from the run as a whole; 0 when unknown */
    int quads, dropped;    /* in all */
    int foreign_dropped;   /* of the dropped: for foreign load; the others: the runner was kept from the processor */
    double cpu_typical[2]; /* median of the runner's processor time over wall time; baseline, candidate */
};
struct timing {
    int sets, quads;                                     /* measured, in each set */
    uint8_t dropped[TIMING_SETS_MAX * TIMING_QUADS_MAX]; /* per quad: enum quad_fate */
    double log_ratio[TIMING_SETS_MAX];                   /* per set: baseline's time over the candidate's */
    struct interval speedup;                             /* of the ratio itself */
    struct side baseline, candidate;
    struct timing_load load;
    const char *sensors;                               /* where readings come from; NULL: none */
    struct sensor_reading reading[TIMING_SETS_MAX][2]; /* before and after each set */
    struct accuracy acc;
    size_t rotating_bytes; /* memory that the candidate's timed sets rotated over */
};
/* The domain is held exclusively by the caller. -1 with *f set, and *ret with what was measured until then. Counts as
 * phase "time" and its parts. A busy machine is no failure here: timing_busy() tells. */
int timing_run(struct trial *t, const struct subject *baseline, const struct subject *candidate,
               const struct timed_data *data, struct timing *ret, struct finding *f);
/* Whether the machine was too busy for these times to be believed; `why` says how. Load that is not known is none. */
bool timing_busy(const struct timing *m, char *why, size_t size);
/* Windows of one side in quads that were kept, to `out` (TIMING_WINDOWS_MAX); returns their number. */
size_t timing_kept(const struct timing *m, const struct side *s, double *out);
/* {"unit": .., "baseline_window": {launches, repeats}, "candidate_window": .., "load": {quads, dropped, foreign_share,
 * ..}, "sensors": "nvml", "sets": [{"ratio": x, "baseline": [ns a launch, a number a window], "candidate": [..],
 * "baseline_claimed": [..], "candidate_claimed": [..], "baseline_foreign": [thousandths of the machine], ..,
 * "baseline_cpu": [thousandths of a processor], .., "dropped": [quads], "sensors": [before, after]}]}: times by the
 * worker's clock, and as the runners claimed them by the device's (zeros where it has none). A set that was not
 * finished has no ratio. Caller frees. */
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
