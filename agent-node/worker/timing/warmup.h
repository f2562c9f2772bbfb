/* Warm-up by time: windows that count for nothing, until lanes are steady. */
#pragma once
#include "agent-node/worker/timing/lane.h"

/* Runs the lanes in turns, at least `least_ms` of windows each, until their last windows agree, at most `most_ms` each.
 * ret_ns[i] is lane i's nanoseconds a launch. -1 with the lane's finding set. */
int warm_up(struct lane *const *lanes, int n, double least_ms, double most_ms, double *ret_ns);
/* About how long a launch takes, on a lane that is open: one launch, and where that is short a few rounds of a few, so
 * that asking does not count for much. The lane is fitted to what it tried last. -1 with the lane's finding set. */
int warm_estimate(struct lane *l, double *ret_ns);
