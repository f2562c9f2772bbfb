/* Step 8: nothing is faster than its least bytes over the device's bandwidth, or its operations over the device's peak. Both
 * are measured, and with simple kernels, so a margin is left; what beats the floor by more is no score but a mistake. */
#include "agent-node/worker/verify/verify.h"

/* A copy moves bytes that the processor fetches before it overwrites them and reads alone go faster, and least bytes may be
 * partly in caches; peaks are measured by a kernel that may not reach them. */
#define BYTES_MARGIN 0.4
#define FLOPS_MARGIN 0.7

static double floor_of(double amount, double giga_per_second) {
    return giga_per_second > 0 ? amount / giga_per_second : 0; /* 1e9 per second is 1 per nanosecond */
}

double physics_floor_ns(const struct rec_device *d, const struct cost *c) {
    double bytes = floor_of(c->bytes_least, d->copy_gbps), flops = floor_of(c->flops, d->fma_gflops);
    return bytes > flops ? bytes : flops;
}

int physics_check(const struct trial *t, double time_ns, size_t rotating_bytes, struct finding *f) {
    const struct rec_device *d = trial_device(t);
    double bytes = floor_of(t->cost.bytes_least, d->copy_gbps) * BYTES_MARGIN;
    double flops = floor_of(t->cost.flops, d->fma_gflops) * FLOPS_MARGIN;
    /* What fits the cache may come from it: the bytes' floor speaks of memory. */
    if (rotating_bytes < 2 * (size_t)(d->cache_bytes > 0 ? d->cache_bytes : 0)) bytes = 0;
    double least = bytes > flops ? bytes : flops;
    if (!(time_ns > 0)) return finding_verdict(f, VERDICT_IMPLAUSIBLE, "a launch took %.3g ns", time_ns);
    if (time_ns >= least) return 0;
    return finding_verdict(f, VERDICT_IMPLAUSIBLE,
                           "a launch took %.4g us, but %s needs at least %.4g us on this device (%.3g bytes at %.4g GB/s, %.3g "
                           "operations at %.4g GFLOP/s)",
                           time_ns / 1e3, t->bound->size, least / 1e3, t->cost.bytes_least, d->copy_gbps, t->cost.flops,
                           d->fma_gflops);
}
