/* What a campaign's file allows in time, and what happens when that is over. Compiling and running are the worker's to
 * limit; here are the deadline, the time in the queue and the silence of an attempt that is said to run. */
#pragma once
#include "coordinator/core.h"

/* End what is over its deadline or too long in the queue as `gave_up`; running attempts are revoked. Looks at tasks
 * only when one may be due. */
int limits_check(struct core *core, struct error *err);
/* A heartbeat lists the running attempt: has it been without any sign of life for longer than it may? Then `reason`
 * says so. Time goes by lease time. */
#define LIMITS_REASON_SIZE 256
#define LIMITS_SILENCE_LEAST_MS 10000 /* no campaign asks for less */
bool limits_silent(struct core *core, struct attempt *attempt, const struct rec_held *held,
                   char reason[LIMITS_REASON_SIZE]);
