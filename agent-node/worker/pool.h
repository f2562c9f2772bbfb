/* What the worker knows and no runner may: data sets with the oracle's answers. Sets are drawn from secret seeds, kept
 * in memory and used again by later tasks of this worker, since the oracle would otherwise dominate; one that a person
 * has seen values of leaves the pool, and every one is replaced after POOL_USES_MAX uses. Not thread-safe. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "agent-node/worker/seal.h"
#include "problems/check/compare.h"
#include "problems/check/precision.h"
#include "problems/data/data.h"
#include "problems/graph/problem.h"

#define POOL_USES_MAX 64
#define POOL_MAX_BYTES ((size_t)512 << 20)
#define POOL_CHECKS 4 /* answers known per timed size, at most */
#define POOL_CHECKS_MIN 2
#define POOL_ORACLE_SLOW_MS 400 /* an evaluation that takes longer is done for POOL_CHECKS_MIN sets only */

/* Inputs and weights of one evaluation, and its answers. */
struct data_set {
    int n_inputs;
    struct {
        int tensor;
        void *data;
        size_t bytes;
    } * input;
    int n_outputs;
    struct {
        int tensor;
        struct expected expected;
        struct tolerance declared[PRECISION_COUNT]; /* where declared[] below says so */
    } * output;                                     /* in the order of the problem's outputs */
    bool declared[PRECISION_COUNT];                 /* what pool_declare() was asked for */
    enum distribution dist;
    struct data_seed seed;
    struct seal seal; /* under which the seed lies */
    size_t bytes;     /* memory taken */
    bool sampled;     /* not every element's answer is the oracle's (answer.h) */
};
/* The data of tensor `tensor`, or NULL when it is no input of the set. */
const void *data_set_input(const struct data_set *d, int tensor);

struct pool;
struct pool *pool_new(int threads);
void pool_free(struct pool *p); /* accepts NULL */

/* What answers where the oracle alone would take too long (answer.h): `run` gives all outputs of `d` as a trusted
 * device computes them, malloc'ed, in the order of the problem's outputs. ERR_UNSUPPORTED: not at this size. */
struct reference {
    int (*run)(void *context, const struct bound *b, const struct data_set *d, void **ret_outputs, struct error *err);
    void *context;
    double oracle_limit_s; /* an evaluation that costs more is sampled */
};
/* Takes the place of the one before, which is returned; {0} for none, where the oracle does it all. */
struct reference pool_set_reference(struct pool *p, struct reference reference);

/* Seeds are drawn under seals of this key; a random one until it is set, before any set is drawn. */
void pool_set_key(struct pool *p, const struct seal_key *key);
const struct seal_key *pool_key(const struct pool *p);

struct pool_wish {
    bool fresh;                   /* a new set that no task has used, forgotten when released */
    const struct data_seed *seed; /* NULL, or the set with this seed: the pool's own if it has it, else made and
                                     forgotten when released */
    const struct seal *seal;      /* of that seed; all zero where it is not known */
};
/* A set of distribution `dist` at the size of `b`, with answers. Borrowed until pool_release(). *ret_oracle_ns (may be
 * NULL) is added to. ERR_NOMEM, ERR_CANCELLED. */
const struct data_set *pool_get(struct pool *p, const struct bound *b, enum distribution dist,
                                const struct pool_wish *wish, const volatile bool *cancel, int64_t *ret_oracle_ns,
                                struct error *err);
/* The set's tolerances for kernels that declare reduced precision `precision`, computed once a set (declared.h), and
 * the class of half problems for those that do not. *ret_oracle_ns (may be NULL) is added to. ERR_NOMEM, ERR_CANCELLED.
 */
int pool_declare(struct pool *p, const struct bound *b, const struct data_set *d, enum precision precision,
                 const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err);
/* `seen`: values of it stand in evidence, it is not used again. Accepts NULL. */
void pool_release(struct pool *p, const struct data_set *d, bool seen);

/* Data for timed runs at one size: a bank to put input sets together from, and sets made the same way whose answers are
 * known. To a runner all look alike. */
struct timed_data;
const struct timed_data *pool_timed(struct pool *p, const struct bound *b, const struct pool_wish *wish,
                                    const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err);
int pool_timed_declare(struct pool *p, const struct bound *b, const struct timed_data *t, enum precision precision,
                       const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err);
const struct data_seed *timed_seed(const struct timed_data *t);
const struct seal *timed_seal(const struct timed_data *t);
void pool_timed_release(struct pool *p, const struct timed_data *t, bool seen);
int timed_checks(const struct timed_data *t);                          /* POOL_CHECKS_MIN to POOL_CHECKS */
const struct data_set *timed_check(const struct timed_data *t, int i); /* 0 <= i < timed_checks() */
/* Write a new input of `tensor` to `to` (16-byte aligned, the tensor's bytes), past the caches. `number` picks it; draw
 * it by random_u64(). Thread-safe. */
void timed_assemble(const struct timed_data *t, int tensor, uint64_t number, void *to);
