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
    if (!fits(yardstick) || fits(mine)) return 0;
    return finding_verdict(f, VERDICT_IMPLAUSIBLE,
                           "the runner claims a span of %.3g times what the worker's clock says, over %.2g s; for the "
                           "baseline it is %.3g (5 %% are allowed)",
                           mine, timed_ns(&m->candidate) / 1e9, yardstick);
}
