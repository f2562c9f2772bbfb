/* A stock of random elements per input tensor, from which any number of input sets is put together at the speed of
 * memory: each block of a set is a copy from a secret place in the stock. */
#pragma once
#include <stdint.h>

#include "problems/data/data.h"

struct bank;
/* Filled with the declared distribution under a secret seed, multi-threaded. ERR_NOMEM. */
struct bank *bank_new(const struct bound *b, const struct data_seed *seed, struct error *err);
void bank_free(struct bank *b); /* accepts NULL */
size_t bank_bytes(const struct bank *b);
/* One tensor of the set that `number` names, to `to` (16-byte aligned), past the caches. Thread-safe. */
void bank_assemble(const struct bank *b, int tensor, uint64_t number, void *to);
