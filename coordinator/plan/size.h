/* `size: auto`. */
#pragma once
#include "coordinator/core.h"
#include "problems/graph/problem.h"

/* Sizes that are for verification, not for timing: `check`, and the held-out ones (held...). */
bool size_is_reserved(const char *name);
/* What the cost rule allows a device of `cores` host cores: tensors within half of its memory, one `plain` evaluation
 * within a second, the float64 oracle within 20 s. */
bool size_suits(const struct bound *bound, const struct rec_device *device, int cores);
/* The largest size that suits all devices; the smallest one when none does. `out` is LABEL_SIZE. ERR_INVALID: no size
 * to time. */
int size_auto(const struct problem *problem, const struct device *const *devices, size_t count, char *out,
              struct error *err);
