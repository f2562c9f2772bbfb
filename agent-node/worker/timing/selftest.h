/* Does the clock work on this device? With T(n) the time of n dependent steps, (T(4n) - T(2n)) / (T(2n) - T(n)) is 2,
 * whatever a launch costs. Where it is not (a driver that stops loops early, a clock that jumps, a virtual machine that
 * is moved about), nothing is timed. */
#pragma once
#include "agent-node/worker/trial.h"

#define SELFTEST_TOLERANCE 0.05
#define SELFTEST_ROUNDS 41

/* Before the first timing of a worker: made once per driver, boot of the machine and version of the test, and
 * remembered under the worker's cache folder. The domain is held exclusively. Counts as phase "time/self-test". -1 with
 * *f set: infrastructure with the reason, or busy where others were using the machine. */
int selftest_require(struct trial *t, struct finding *f);
/* What is remembered of this boot: "passed (2.003)" into `out`; "" when it was not made yet. */
void selftest_remembered(const char *cache_dir, const char *fingerprint, char *out, size_t size);

/* The median of (T4 - T2) / (T2 - T1) over `n` rounds of {T1, T2, T4}; NaN when no round has T2 > T1. */
double selftest_ratio(const double (*ns)[3], size_t n);
bool selftest_passes(double ratio);
