/* From windows to ratios: which quads are kept, and what each set of runners says. Pure arithmetic on struct timing. */
#pragma once
#include "agent-node/worker/timing/timing.h"

/* A quad with a window in which others used more than this share of the machine, or in which the runner had less than
 * this part of the processor time that it usually has, is dropped whole. Where that varies by nature, it takes so many
 * standard deviations; less than the last part is never natural. */
#define LOAD_WINDOW_MAX 0.15
#define LOAD_STARVED 0.9
#define LOAD_STARVED_SPREADS 4.0
#define LOAD_STARVED_LEAST 0.7
/* Over more than this share in all windows together, or this part of the quads dropped, the machine is busy. */
#define LOAD_RUN_MAX 0.03
#define LOAD_DROPPED_MAX 0.25

/* Which quads to drop, and m->load. `uses_processor`: the device's kernels run on the processor, so that a runner which
 * had less of it was kept from it. `grain`: what one window's foreign share may be off. */
void quads_judge(struct timing *m, bool uses_processor, double grain);
/* m->log_ratio of each set: the median over its quads that were kept, over all of them where none was. */
void quads_ratios(struct timing *m);
