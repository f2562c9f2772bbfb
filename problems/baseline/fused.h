/* The `fused` baseline: what a careful engineer writes without tuning. Element-wise chains are computed where their
 * producer's values are still in registers; products and convolutions are register-blocked; reductions go row by row.
 */
#pragma once
#include "problems/baseline/baseline.h"

/* As baseline_plan. Nodes that no fused kernel covers (other types than f32, reductions too long for one work-item)
 * keep their operator's plain kernel. */
int fused_plan(const struct bound *b, const struct baseline_device *d, struct plan **ret, struct error *err);
