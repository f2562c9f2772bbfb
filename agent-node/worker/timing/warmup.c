/* Warm-up: caches, page tables, clocks and a driver's own laziness settle before anything is recorded. */
#include "agent-node/worker/timing/warmup.h"

#include <math.h>

#include "common/stats.h"

#define STEADY 0.05 /* the last three windows are within this of each other */
#define LAST 3
#define ROUNDS_MAX 200
#define LONG_NS 5e6 /* a launch that takes this long is its own estimate */
#define ESTIMATE_LEAST_MS 2.0
#define ESTIMATE_MOST_MS 25.0

struct history {
    double ns[LAST];
    int n;
    double total_ms;
};

static bool is_steady(const struct history *h) {
    if (h->n < LAST) return false;
    double low = h->ns[0], high = h->ns[0];
    for (int i = 1; i < LAST; i++) {
        low = fmin(low, h->ns[i]);
        high = fmax(high, h->ns[i]);
    }
    return high - low <= STEADY * low;
}

int warm_up(struct lane *const *lanes, int n, double least_ms, double most_ms, double *ret_ns) {
    struct history h[2] = {0};
    for (int round = 0; round < ROUNDS_MAX; round++) {
        bool done = true;
        for (int i = 0; i < n; i++) {
            if (h[i].total_ms >= most_ms || (h[i].total_ms >= least_ms && is_steady(&h[i]))) continue;
            int64_t wall_ns;
            if (lane_window(lanes[i], -1, 0, &wall_ns) != 0) return -1;
            h[i].ns[h[i].n++ % LAST] = (double)wall_ns / (lanes[i]->pace.n * lanes[i]->pace.repeats);
            h[i].total_ms += (double)wall_ns / 1e6;
            done = false;
        }
        if (done) break;
    }
    for (int i = 0; i < n; i++) ret_ns[i] = stats_median(h[i].ns, h[i].n < LAST ? (size_t)h[i].n : LAST);
    return 0;
}

int warm_estimate(struct lane *l, double *ret_ns) {
    int64_t wall_ns = 0;
    if (lane_fit(l, (struct pace){.n = 1, .repeats = 1}) != 0 || lane_window(l, -1, 0, &wall_ns) != 0) return -1;
    if ((double)wall_ns >= LONG_NS && lane_window(l, -1, 0, &wall_ns) != 0)
        return -1; /* the first one pays for pages */
    *ret_ns = (double)wall_ns;
    if ((double)wall_ns >= LONG_NS) return 0;
    if (lane_fit(l, pace_first(l->s)) != 0) return -1;
    return warm_up(&l, 1, ESTIMATE_LEAST_MS, ESTIMATE_MOST_MS, ret_ns);
}
