/* What a group of virtual agents did. Latencies are kept in logarithmic buckets, 8 to a factor of two. */
#pragma once
#include <stdint.h>

#define STATS_BUCKETS 200
#define STATS_LIES 16

struct sim_latency {
    uint64_t n;
    double most_ms;
    uint32_t bucket[STATS_BUCKETS];
};
struct sim_stats {
    int64_t starts, ready, deaths, leaves, freezes, fenced, refused;
    int64_t tasks, repeated, stale, begun, cancels, cancelled, health_checks, commands;
    int64_t verdicts, infrastructure, busy, returned, silent, lost, late; /* attempts, as they ended */
    int64_t sent, delivered, resent, beats, undelivered;
    int64_t lies[STATS_LIES];
    int64_t most_held;                  /* by one device at a time */
    struct sim_latency to_node, queued; /* publication to reception by wall clocks; reception to start */
};

void latency_add(struct sim_latency *latency, double ms);
void latency_merge(struct sim_latency *to, const struct sim_latency *from);
/* Upper end of the bucket that holds the quantile q; 0 when nothing was counted. */
double latency_quantile(const struct sim_latency *latency, double q);
