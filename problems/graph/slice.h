/* Problems that fall apart along one dim: where every output's first axis is that dim, and each of its slices depends
 * on the same slices of the inputs alone (a batch). Chosen slices can then be evaluated without the others. */
#pragma once
#include <stdbool.h>

#include "problems/graph/oracle.h"

/* The index of a dim along which `b` falls apart, or -1. Shapes say which dims come into question; that the slices do
 * not depend on each other is tried, by the oracle at the problem's smallest size on random data, bit for bit. */
int slice_dim(const struct bound *b);
/* `b` with `n` in place of the extent of `dim`. Its problem is borrowed. ERR_INVALID when `where:` forbids that. */
struct bound *slice_bind(const struct bound *b, int dim, int64_t n, struct error *err);
/* Whether tensor `t` has slices along `dim`, rather than being whole in each. */
bool slice_carries(const struct bound *b, int dim, int t);
/* oracle_eval() of `part` = slice_bind(b, dim, n): its slice i is slice index[i] of `data`, which are those of `b`.
 * ERR_NOMEM, ERR_CANCELLED. */
int slice_eval(const struct bound *b, const struct bound *part, int dim, const int64_t *index, const void *const *data,
               int threads, const volatile bool *cancel, struct oracle_result *ret, struct error *err);
