/* Step 8: nothing is faster than its least bytes over the memory's bandwidth, or its operations over the device's peak.
 * Both are measured, by simple code and perhaps beside a busy neighbour, so a margin is left; what beats the floor by
 * more is no score but a mistake. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/verify/verify.h"
#include "common/clock.h"
#include "problems/graph/pieces.h"

/* Least times are multiplied by these before anybody is accused: reads alone go faster than copies, measured peaks are
 * what a simple kernel reached. On a processor that is shared the measurement is worse. */
#define MARGIN_GPU 0.5
#define MARGIN_CPU 0.25

#define COPY_BYTES ((int64_t)64 << 20)
#define COPY_STEP ((int64_t)1 << 20)
#define COPY_ROUNDS 4

struct copy {
    uint8_t *from, *to;
};

static void copy_piece(void *context, int64_t begin, int64_t end) {
    const struct copy *c = context;
    memcpy(c->to + begin, c->from + begin, (size_t)(end - begin));
}

/* The best of a few rounds; the first only touches the memory. */
static double host_copy_gbps(int threads) {
    struct copy c = {.from = malloc((size_t)COPY_BYTES), .to = malloc((size_t)COPY_BYTES)};
    double best = 0;
    if (c.from && c.to) memset(c.from, 1, (size_t)COPY_BYTES);
    for (int i = 0; i < COPY_ROUNDS && c.from && c.to; i++) {
        int64_t from = clock_mono_ns();
        pieces_run(COPY_BYTES, COPY_STEP, threads, NULL, copy_piece, &c);
        double gbps = 2.0 * (double)COPY_BYTES / (double)(clock_mono_ns() - from);
        if (i > 0 && gbps > best) best = gbps;
    }
    free(c.from);
    free(c.to);
    return best;
}

void physics_learn(struct worker *w) {
    if (w->bandwidth_gbps > 0) return;
    double host = w->device.host_memory ? host_copy_gbps(w->threads) : 0;
    w->bandwidth_gbps = host > w->device.copy_gbps ? host : w->device.copy_gbps;
}

/* 1e9 per second is 1 per nanosecond. */
static double floor_of(double amount, double giga_per_second) {
    return giga_per_second > 0 ? amount / giga_per_second : 0;
}

double physics_floor_ns(const struct worker *w, const struct cost *c) {
    double bytes = floor_of(c->bytes_least, w->bandwidth_gbps), flops = floor_of(c->flops_least, w->device.fma_gflops);
    return bytes > flops ? bytes : flops;
}

int physics_check(const struct trial *t, double time_ns, size_t rotating_bytes, struct finding *f) {
    const struct worker *w = t->worker;
    double margin = w->device.host_memory ? MARGIN_CPU : MARGIN_GPU;
    double bytes = floor_of(t->cost.bytes_least, w->bandwidth_gbps) * margin;
    double flops = floor_of(t->cost.flops_least, w->device.fma_gflops) * margin;
    /* What fits the cache may come from it: the bytes' floor speaks of memory. */
    if (rotating_bytes < 2 * (size_t)(w->device.cache_bytes > 0 ? w->device.cache_bytes : 0)) bytes = 0;
    double least = bytes > flops ? bytes : flops;
    if (!(time_ns > 1)) return finding_verdict(f, VERDICT_IMPLAUSIBLE, "a launch took less time than asking for one");
    if (time_ns >= least) return 0;
    return finding_verdict(
        f, VERDICT_IMPLAUSIBLE,
        "a launch took %.4g us, but size %s needs at least %.4g us on this device (%.3g bytes at %.4g GB/s, %.3g "
        "operations at %.4g GFLOP/s)",
        time_ns / 1e3, t->bound->size, least / 1e3, t->cost.bytes_least, w->bandwidth_gbps, t->cost.flops_least,
        w->device.fma_gflops);
}
