/* The data of one task: drawn from the worker's pool, drawn fresh for a promotion, or, in a replay, made again as the
 * record says; and what the record of this task says of them. A set is told by its seed once nobody will be verified
 * with it any more (fresh ones, and those of which a person saw values), else by its seal (seal.h). */
#pragma once
#include "agent-node/worker/pool.h"

#define SEEDS_SETS_MAX 256 /* in one record */

struct seeds;
/* `replay` is the text that seeds_json() gave once, or "" to draw. ERR_INVALID: it is something else. */
struct seeds *seeds_new(struct pool *pool, bool fresh, const char *replay, struct error *err);
void seeds_free(struct seeds *s); /* accepts NULL */

/* As pool_get() and pool_timed(); in a replay the set of the record, as far as this node can make it. */
const struct data_set *seeds_get(struct seeds *s, const struct bound *b, enum distribution dist,
                                 const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err);
const struct timed_data *seeds_timed(struct seeds *s, const struct bound *b, const volatile bool *cancel,
                                     int64_t *ret_oracle_ns, struct error *err);
/* `seen`: values of it stand in evidence. Accept NULL. */
void seeds_release(struct seeds *s, const struct data_set *d, bool seen);
void seeds_timed_release(struct seeds *s, const struct timed_data *t, bool seen);
/* What the candidate answered to a set: a replay on the same device compares it. */
void seeds_answer(struct seeds *s, const struct data_set *d, const void *outputs, size_t bytes);
/* What was used so far is not what the outcome rests on. What is borrowed is still to be released. */
void seeds_forget(struct seeds *s);
/* {"by": "id of the node's key", "sets": [{"size": "check", "dims": "N=2 D=17", "data": "declared", "seal": "32 digits"
 * or "seed": "64 digits", "answer": "16 digits"}]}. The caller frees. */
char *seeds_json(const struct seeds *s);
