/* Tolerances of declared reduced precision, data set by data set (problems/check/precision.h). */
#pragma once
#include "agent-node/worker/pool.h"

/* Computes them for `d`, unless it has them; PRECISION_STRICT needs something for half problems only. What the
 * emulation cannot do leaves the strict tolerance in force. ERR_NOMEM, ERR_CANCELLED. */
int data_set_declare(struct data_set *d, const struct bound *b, enum precision p, int threads,
                     const volatile bool *cancel, struct error *err);
/* The tolerance of output i for a kernel that declares `p`. */
struct tolerance data_set_tolerance(const struct data_set *d, int output, int64_t reduction, enum precision p);
