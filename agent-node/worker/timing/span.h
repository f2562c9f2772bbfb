/* The device's own clock against the worker's: where both kinds of runners are asked, the span from the first launch's
 * start to the last one's end fills a window but for what asking costs. The worker's clock is the one that counts; this
 * says whether a candidate's runner tells the same story. */
#pragma once
#include "agent-node/worker/timing/timing.h"

#define SPAN_TOLERANCE 0.05
#define SPAN_GAPS 2.0
#define SPAN_LEAST_NS 0.5e9 /* less timed in all says too little */

/* Median over the windows kept of what the runner claims over what the worker measured; NaN where it claims nothing. */
double span_ratio(const struct timing *m, const struct side *s);
/* -1 with implausible: the candidate's ratio is off by more than 5 % (and, downwards, what gaps like the baseline's
 * account for in its shorter runs), and the baseline's, on the same device in the same minutes, is not. Says nothing
 * where the driver has no events, on a busy machine, or after too short a time. */
int span_check(const struct trial *t, const struct timing *m, struct finding *f);
