/* Before anything is timed: does somebody else use the device? Where processors are the device, by what they are used
 * for while we do nothing; on an NVIDIA GPU, by the list of processes that compute on it. Timing begins when it is
 * quiet; what comes after a bounded wait is the existing answer to a busy machine (busy.h). */
#pragma once
#include "agent-node/worker/trial.h"

#define QUIET_PHASE "waiting for a quiet device" /* as heartbeats say it */
#define QUIET_WAIT_MS 30000

/* With the domain held exclusively; others get a turn in between, and it is held so again at the end. 0: it is quiet,
 * or nobody can tell, or the times are to be noted anyway; -1 with *f set: busy or cancelled. Counts as phase "quiet".
 */
int quiet_await(struct trial *t, struct finding *f);
/* Is `pid` this process or one that descends from it? Processes that cannot be looked up (another namespace's) are
 * nobody's. *ret_known (may be NULL) says whether it could be. */
bool quiet_is_ours(pid_t pid, bool *ret_known);
