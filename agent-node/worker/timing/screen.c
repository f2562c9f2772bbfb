/* Screening: which of several is fastest, cheaply. */
#include <string.h>

#include "agent-node/worker/timing/timing.h"
#include "agent-node/worker/timing/warmup.h"

#define WINDOWS_MAX 16
#define MOST_NS 300e6 /* of windows; a slow one gets fewer */

static int need_runner(struct screen *s, size_t arena_bytes, struct finding *f) {
    if (s->runner && (!runner_alive(s->runner) || s->arena_bytes < arena_bytes)) screen_done(s);
    if (s->runner) return 0;
    s->runner = trial_runner_start(s->trial, RUNNER_MEASURE, arena_bytes, f);
    s->arena_bytes = arena_bytes;
    return s->runner ? 0 : -1;
}

static int measure(struct lane *l, double window_ms, int windows, double *ret_ns) {
    double estimate, ns[WINDOWS_MAX];
    if (warm_estimate(l, &estimate) != 0 || lane_fit(l, pace_for(l->s, estimate, window_ms * 1e6)) != 0) return -1;
    if (estimate * windows > MOST_NS) windows = estimate * 2 > MOST_NS ? 1 : (int)(MOST_NS / estimate);
    lane_choose_peeks(l, windows);
    for (int i = 1; i < POOL_CHECKS; i++) l->peek[i].window = -1; /* one answer is enough here */
    for (int w = 0; w < windows; w++) {
        int64_t wall_ns;
        if (lane_window(l, w, w & 1, &wall_ns) != 0) return -1;
        ns[w] = (double)wall_ns / (l->pace.n * l->pace.repeats);
    }
    *ret_ns = stats_median(ns, (size_t)windows);
    return lane_finish(l);
}

int screen_one(struct screen *s, const struct subject *subject, double window_ms, int windows, struct screened *ret,
               struct finding *f) {
    struct lane lane = {0};
    ret->ns = 0;
    if (windows > WINDOWS_MAX) windows = WINDOWS_MAX;
    if (need_runner(s, lane_arena_bytes(subject, trial_device(s->trial)), f) != 0) return -1;
    int status = lane_open(&lane, s->trial, subject, s->data, s->runner, &ret->finding);
    if (status == 0) status = measure(&lane, window_ms, windows, &ret->ns);
    lane_close(&lane);
    if (ret->finding.kind == FINDING_BUSY) { /* for choosing it will do */
        finding_done(&ret->finding);
        status = 0;
    }
    if (status == 0) return 0;
    ret->ns = 0;
    screen_done(s); /* whatever it did, nobody after it meets it */
    if (!finding_fatal(&ret->finding)) return 0;
    finding_merge(f, &ret->finding);
    return -1;
}

void screen_done(struct screen *s) {
    runner_free(s->runner);
    s->runner = NULL;
    s->arena_bytes = 0;
}
