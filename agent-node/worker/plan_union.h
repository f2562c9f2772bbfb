/* One plan of several sizes' launches. Drivers specialise what they compile by geometry, and a compile runner launches
 * each geometry once: so all sizes of a kernel are compiled in one go, as one plan. */
#pragma once
#include "problems/kernel/plan.h"

/* Source, options and macros are the first plan's (those of one kernel and tuning point are equal). Launches of equal
 * entry and geometry come once. Caller frees *ret. ERR_LIMIT: too many launches or buffers. */
int plan_union(const struct plan *const *plans, size_t n, struct plan **ret, struct error *err);
