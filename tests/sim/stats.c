#include "tests/sim/stats.h"

#include <math.h>

#define LEAST_MS 0.01

void latency_add(struct sim_latency *latency, double ms) {
    int i = ms > LEAST_MS ? (int)(8 * log2(ms / LEAST_MS)) : 0;
    if (i >= STATS_BUCKETS) i = STATS_BUCKETS - 1;
    latency->bucket[i]++;
    latency->n++;
    if (ms > latency->most_ms) latency->most_ms = ms;
}

void latency_merge(struct sim_latency *to, const struct sim_latency *from) {
    for (int i = 0; i < STATS_BUCKETS; i++) to->bucket[i] += from->bucket[i];
    to->n += from->n;
    if (from->most_ms > to->most_ms) to->most_ms = from->most_ms;
}

double latency_quantile(const struct sim_latency *latency, double q) {
    uint64_t rank = (uint64_t)(q * (double)latency->n), seen = 0;
    if (latency->n == 0) return 0;
    for (int i = 0; i < STATS_BUCKETS; i++) {
        seen += latency->bucket[i];
        if (seen > rank) return LEAST_MS * exp2((i + 1) / 8.0);
    }
    return latency->most_ms;
}
