/* Step 7: outputs of timed runs, and what a runner claims about its time. */
#pragma once
#include "agent-node/worker/timing/lane.h"

/* Looks at the sets of the window just run whose answers are known. The runner is stopped. -1 with *f set. */
int lane_check(struct lane *l, int variant);
int lane_check_guards(struct lane *l);
int lane_check_claims(struct lane *l);
