/* What a device's own sensors said of its clocks while it was timed: from the raw times of an attempt (docs/timing.md).
 */
#pragma once
#include "coordinator/sweep/judge.h"

struct readings {
    enum clock_state clocks; /* LOW: something held the clocks down in at least half of the sets */
    double clock_mhz;        /* under load, the median over the sets; 0 where nothing tells it */
};
/* `samples` as an attempt has it ("" and what is no such JSON: nothing is known). Never fails. */
void readings_of(const char *samples, struct readings *ret);
