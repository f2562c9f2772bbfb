/* The baseline's runner is the yardstick: where its driver's events do not fit the clock either, they prove nothing. */
#include "agent-node/worker/timing/span.h"

#include <math.h>

double span_ratio(const struct timing *m, const struct side *s) {
    double ratio[TIMING_WINDOWS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!m->dropped[i / 2] && s->claimed_ns[i] > 0) ratio[n++] = s->claimed_ns[i] / s->ns[i];
    return stats_median(ratio, n);
}

/* What a run takes beside its span, by the clock: waking, the first launch's way to the device, the last one's way
 * back. Median over the windows kept. */
static double gap_ns(const struct timing *m, const struct side *s) {
    double gap[TIMING_WINDOWS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!m->dropped[i / 2] && s->claimed_ns[i] > 0) gap[n++] = (s->ns[i] - s->claimed_ns[i]) * s->pace.n;
    double median = stats_median(gap, n);
    return median > 0 ? median : 0;
}

/* A short run's gap is a large part of it: what the baseline's leave, the candidate's may leave SPAN_GAPS times. */
static double least_ratio(const struct timing *m) {
    double run[TIMING_WINDOWS_MAX];
    size_t n = timing_kept(m, &m->candidate, run);
    double run_ns = stats_median(run, n) * m->candidate.pace.n;
    return 1 - SPAN_TOLERANCE - (run_ns > 0 ? SPAN_GAPS * gap_ns(m, &m->baseline) / run_ns : 0);
}

static double timed_ns(const struct side *s) {
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) sum += s->ns[i] * s->pace.n * s->pace.repeats;
    return sum;
}

static bool fits(double ratio) {
    return fabs(ratio - 1) <= SPAN_TOLERANCE; /* false for NaN */
}

int span_check(const struct trial *t, const struct timing *m, struct finding *f) {
    char why[256];
    double mine = span_ratio(m, &m->candidate), yardstick = span_ratio(m, &m->baseline);
    if (!trial_device(t)->event_times || timing_busy(m, why, sizeof why) || timed_ns(&m->candidate) < SPAN_LEAST_NS)
        return 0;
    double least = least_ratio(m);
    if (!fits(yardstick) || (mine >= least && mine <= 1 + SPAN_TOLERANCE) || isnan(mine)) return 0;
    return finding_verdict(f, VERDICT_IMPLAUSIBLE,
                           "the runner claims a span of %.3g times what the worker's clock says, over %.2g s; for the "
                           "baseline it is %.3g (%.3g to %.3g are allowed)",
                           mine, timed_ns(&m->candidate) / 1e9, yardstick, least, 1 + SPAN_TOLERANCE);
}
