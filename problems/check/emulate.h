/* A bound graph as a kernel might compute it: float32 in some order of addition, or in less precision. The other side
 * of the float64 oracle: the tolerance has to lie between what honest and dishonest arithmetic give. */
#pragma once
#include "problems/graph/problem.h"
#include "problems/ops/arithmetic.h"

/* `data` as oracle_eval() takes it; ret_value[i] gets output i in its own dtype, in the order of the problem's outputs,
 * the caller's to free. `threads` <= 0: as many as there are cores. ERR_UNSUPPORTED: an operator or dtype that cannot
 * be emulated; ERR_NOMEM, ERR_CANCELLED. */
int emulate(const struct bound *b, const void *const *data, const struct arithmetic *a, int threads,
            const volatile bool *cancel, void **ret_value, struct error *err);
/* Whether `a` differs from float32 in anything that this graph does: sums of a graph without sums do not. */
bool emulate_concerns(const struct bound *b, const struct arithmetic *a);
