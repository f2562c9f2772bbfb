/* The answers of a data set: the oracle's for every element. Where that would take too long and the problem falls apart
 * into slices (problems/graph/slice.h), the oracle's for slices chosen at random, SAMPLED_ELEMENTS of each output at
 * least, and a trusted device's for all others. */
#pragma once
#include "agent-node/worker/pool.h"

#define SAMPLED_ELEMENTS 10000
/* What the oracle's scale of an element that it did not look at is taken to be, in units of the largest that it saw:
 * the reference's own rounding counts too. */
#define SAMPLED_SCALE 2.0

/* Fills d->output. `reference->run` NULL: all by the oracle. ERR_NOMEM, ERR_CANCELLED, and what the reference says. */
int data_set_answer(struct data_set *d, const struct bound *b, const struct reference *reference, int threads,
                    const volatile bool *cancel, struct error *err);
