/* One run of a sweep: a campaign with purpose `sweep`, a task for each promoted kernel on each device, which waits for
 * that device. When the first measurements are in they are judged, and what looks suspicious is measured once more in
 * the same run (findings.h). */
#pragma once
#include "coordinator/sweep/sweep.h"

/* Plan and queue it; `row` has sweep, due_s and cause. It gets to be the sweep's open run, or is over at once (EMPTY).
 * Nothing of it is stored on errors other than ERR_IO. */
int run_start(struct core *core, struct sweep *sweep, struct row_sweep_run *row, struct error *err);
/* End the open run: what has not been measured is cancelled. */
int run_end(struct core *core, struct sweep *sweep, enum sweep_run_state state, const char *reason, struct error *err);
/* The tasks of a campaign with purpose `sweep` have all ended. *ret_more: others were planned, so it goes on. */
int run_settled(struct core *core, struct campaign *campaign, bool *ret_more, struct error *err);
/* An attempt of such a campaign was accepted: its times go into the series. */
int run_measured(struct core *core, const struct task *task, const struct rec_attempt *attempt, struct error *err);
