/* Secret data sets with the oracle's answers, kept between tasks up to a number of bytes. */
#include "agent-node/worker/pool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/answer.h"
#include "agent-node/worker/bank.h"
#include "agent-node/worker/declared.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/hash.h"

struct timed_data {
    struct bank *bank;
    struct data_seed seed;
    struct seal seal;
    int n;
    struct data_set *check[POOL_CHECKS];
};
/* A verification set or the timed data of one size. */
struct entry {
    struct entry *next; /* most recently used first */
    char *key;
    struct data_set *set;
    struct timed_data *timed;
    size_t bytes;
    int uses, borrowed;
    bool retired; /* goes at its last release */
};
struct pool {
    struct entry *first;
    size_t bytes;
    int threads;
    struct reference reference;
    struct seal_key key;
};

/* The seed that is wished for, or a new one. */
static void choose_seed(const struct pool *p, const struct pool_wish *wish, struct data_seed *seed, struct seal *seal) {
    if (!wish->seed) {
        seal_draw(&p->key, seal, seed);
        return;
    }
    *seed = *wish->seed;
    *seal = wish->seal ? *wish->seal : (struct seal){{0}};
}

/* --- sets --------------------------------------------------------------------------------------------------------- */
static void set_free(struct data_set *d) {
    if (!d) return;
    for (int i = 0; i < d->n_inputs; i++) free(d->input[i].data);
    for (int i = 0; i < d->n_outputs; i++) {
        free(d->output[i].expected.value);
        free(d->output[i].expected.scale);
    }
    free(d->input);
    free(d->output);
    free(d);
}
DEFINE_CLEANUP(cleanup_set, struct data_set *, set_free)

const void *data_set_input(const struct data_set *d, int tensor) {
    for (int i = 0; i < d->n_inputs; i++)
        if (d->input[i].tensor == tensor) return d->input[i].data;
    return NULL;
}

/* Memory for all inputs, 64-byte aligned, contents undefined. */
static struct data_set *set_new(const struct bound *b, struct error *err) {
    CLEANUP(cleanup_set) struct data_set *d = xcalloc(1, sizeof *d);
    d->input = xcalloc((size_t)b->n_tensors, sizeof *d->input);
    d->output = xcalloc((size_t)b->n_outputs, sizeof *d->output);
    for (int i = 0; i < b->n_tensors; i++) {
        if (b->tensor[i].role != TENSOR_INPUT && b->tensor[i].role != TENSOR_WEIGHT) continue;
        size_t bytes = b->tensor[i].bytes;
        void *data = NULL;
        if (posix_memalign(&data, 64, bytes ? bytes : 64) != 0) {
            error_set(err, ERR_NOMEM, "out of memory for test data of %s", b->tensor[i].name);
            return NULL;
        }
        d->input[d->n_inputs].tensor = i;
        d->input[d->n_inputs].data = data;
        d->input[d->n_inputs++].bytes = bytes;
        d->bytes += bytes;
    }
    return TAKE(d);
}

static struct data_set *draw(struct pool *p, const struct bound *b, enum distribution dist,
                             const struct pool_wish *wish, const volatile bool *cancel, struct error *err) {
    CLEANUP(cleanup_set) struct data_set *d = set_new(b, err);
    if (!d) return NULL;
    CLEANUP_FREE void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    for (int i = 0; i < d->n_inputs; i++) data[d->input[i].tensor] = d->input[i].data;
    choose_seed(p, wish, &d->seed, &d->seal);
    d->dist = dist;
    if (data_fill_all(b, &d->seed, 0, dist, data, err) != 0) return NULL;
    if (data_set_answer(d, b, &p->reference, p->threads, cancel, err) != 0) return NULL;
    return TAKE(d);
}

/* --- timed data ------------------------------------------------------------------------------- */
static void timed_free(struct timed_data *t) {
    if (!t) return;
    bank_free(t->bank);
    for (int i = 0; i < t->n; i++) set_free(t->check[i]);
    free(t);
}
DEFINE_CLEANUP(cleanup_timed, struct timed_data *, timed_free)

/* Which sets are put together to be known follows from the seed, so that a replay has the same. */
static uint64_t check_number(const struct data_seed *seed, int i) {
    struct sha256 h;
    uint8_t digest[32], index = (uint8_t)i;
    uint64_t number;
    sha256_init(&h);
    sha256_field(&h, "portolan timed check 1");
    sha256_update(&h, seed->bytes, sizeof seed->bytes);
    sha256_update(&h, &index, 1);
    sha256_final(&h, digest);
    memcpy(&number, digest, sizeof number);
    return number;
}

static struct data_set *check_new(struct pool *p, const struct bound *b, const struct bank *bank, uint64_t number,
                                  const volatile bool *cancel, struct error *err) {
    CLEANUP(cleanup_set) struct data_set *d = set_new(b, err);
    if (!d) return NULL;
    for (int k = 0; k < d->n_inputs; k++) bank_assemble(bank, d->input[k].tensor, number, d->input[k].data);
    return data_set_answer(d, b, &p->reference, p->threads, cancel, err) == 0 ? TAKE(d) : NULL;
}

static struct timed_data *timed_new(struct pool *p, const struct bound *b, const struct pool_wish *wish,
                                    const volatile bool *cancel, struct error *err) {
    CLEANUP(cleanup_timed) struct timed_data *t = xcalloc(1, sizeof *t);
    choose_seed(p, wish, &t->seed, &t->seal);
    t->bank = bank_new(b, &t->seed, err);
    if (!t->bank) return NULL;
    for (int wanted = POOL_CHECKS; t->n < wanted;) {
        int64_t from_ms = clock_mono_ms();
        t->check[t->n] = check_new(p, b, t->bank, check_number(&t->seed, t->n), cancel, err);
        if (!t->check[t->n]) return NULL;
        t->n++;
        if (clock_mono_ms() - from_ms > POOL_ORACLE_SLOW_MS) wanted = POOL_CHECKS_MIN;
    }
    return TAKE(t);
}

const struct data_seed *timed_seed(const struct timed_data *t) {
    return &t->seed;
}

const struct seal *timed_seal(const struct timed_data *t) {
    return &t->seal;
}

int timed_checks(const struct timed_data *t) {
    return t->n;
}

const struct data_set *timed_check(const struct timed_data *t, int i) {
    return t->check[i];
}

void timed_assemble(const struct timed_data *t, int tensor, uint64_t number, void *to) {
    bank_assemble(t->bank, tensor, number, to);
}

static size_t timed_bytes(const struct timed_data *t) {
    size_t bytes = bank_bytes(t->bank);
    for (int i = 0; i < t->n; i++) bytes += t->check[i]->bytes;
    return bytes;
}

/* --- the pool --------------------------------------------------------------------------------- */
struct pool *pool_new(int threads) {
    struct pool *p = xcalloc(1, sizeof *p);
    p->threads = threads;
    seal_key_random(&p->key);
    return p;
}

void pool_set_key(struct pool *p, const struct seal_key *key) {
    p->key = *key;
}

const struct seal_key *pool_key(const struct pool *p) {
    return &p->key;
}

struct reference pool_set_reference(struct pool *p, struct reference reference) {
    struct reference before = p->reference;
    p->reference = reference;
    return before;
}

static void entry_free(struct pool *p, struct entry *e) {
    p->bytes -= e->bytes;
    set_free(e->set);
    timed_free(e->timed);
    free(e->key);
    free(e);
}

void pool_free(struct pool *p) {
    if (!p) return;
    while (p->first) {
        struct entry *e = p->first;
        p->first = e->next;
        entry_free(p, e);
    }
    free(p);
}

/* Removes what is over the limit, the longest unused first, and what is retired; borrowed ones stay. */
static void trim(struct pool *p) {
    size_t sum = 0;
    for (struct entry **at = &p->first; *at;) {
        struct entry *e = *at;
        sum += e->bytes;
        if (e->borrowed == 0 && (e->retired || sum > POOL_MAX_BYTES)) {
            *at = e->next;
            entry_free(p, e);
        } else {
            at = &e->next;
        }
    }
}

static char *key_of(const struct bound *b, const char *what) {
    struct buf k = BUF_INIT;
    char hash[65];
    problem_hash(b->problem, hash);
    buf_printf(&k, "%s %s", hash, what);
    for (int i = 0; i < b->n_dims; i++) buf_printf(&k, " %s=%lld", b->dim[i].name, (long long)b->dim[i].value);
    return buf_take(&k);
}

static bool has_seed(const struct entry *e, const struct data_seed *seed) {
    return memcmp(e->set ? &e->set->seed : &e->timed->seed, seed, sizeof *seed) == 0;
}

/* Found ones move to the front. What is wished for by its seed is found in here too: the values of a replay may be
 * seen, and then the set must not serve others any more. */
static struct entry *find(struct pool *p, const char *key, const struct pool_wish *wish) {
    for (struct entry **at = &p->first; *at; at = &(*at)->next) {
        struct entry *e = *at;
        if (strcmp(e->key, key) != 0) continue;
        if (wish->seed ? !has_seed(e, wish->seed) : wish->fresh || e->retired) continue;
        *at = e->next;
        e->next = p->first;
        p->first = e;
        return e;
    }
    return NULL;
}

static struct entry *add(struct pool *p, const char *key, size_t bytes, bool fresh) {
    struct entry *e = xcalloc(1, sizeof *e);
    e->key = xstrdup(key);
    e->bytes = bytes;
    e->retired = fresh;
    e->next = p->first;
    p->first = e;
    p->bytes += e->bytes;
    return e;
}

static void borrow(struct pool *p, struct entry *e) {
    e->borrowed++;
    if (++e->uses >= POOL_USES_MAX) e->retired = true;
    trim(p);
}

const struct data_set *pool_get(struct pool *p, const struct bound *b, enum distribution dist,
                                const struct pool_wish *wish, const volatile bool *cancel, int64_t *ret_oracle_ns,
                                struct error *err) {
    CLEANUP_FREE char *key = key_of(b, distribution_name(dist));
    struct entry *e = find(p, key, wish);
    if (!e) {
        int64_t from = clock_mono_ns();
        struct data_set *set = draw(p, b, dist, wish, cancel, err);
        if (ret_oracle_ns) *ret_oracle_ns += clock_mono_ns() - from;
        if (!set) return NULL;
        e = add(p, key, set->bytes, wish->fresh || wish->seed);
        e->set = set;
    }
    borrow(p, e);
    return e->set;
}

const struct timed_data *pool_timed(struct pool *p, const struct bound *b, const struct pool_wish *wish,
                                    const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err) {
    CLEANUP_FREE char *key = key_of(b, "timed");
    struct entry *e = find(p, key, wish);
    if (!e) {
        int64_t from = clock_mono_ns();
        struct timed_data *timed = timed_new(p, b, wish, cancel, err);
        if (ret_oracle_ns) *ret_oracle_ns += clock_mono_ns() - from;
        if (!timed) return NULL;
        e = add(p, key, timed_bytes(timed), wish->fresh || wish->seed);
        e->timed = timed;
    }
    borrow(p, e);
    return e->timed;
}

/* Sets are lent out const; the entry is where they may change. */
static int declare(struct pool *p, const struct bound *b, const struct data_set *set, const struct timed_data *timed,
                   enum precision precision, const volatile bool *cancel, struct error *err) {
    for (struct entry *e = p->first; e; e = e->next) {
        if (set && e->set == set) return data_set_declare(e->set, b, precision, p->threads, cancel, err);
        for (int i = 0; timed && e->timed == timed && i < timed->n; i++)
            if (data_set_declare(timed->check[i], b, precision, p->threads, cancel, err) != 0) return -1;
    }
    return 0;
}

static int declare_and_count(struct pool *p, const struct bound *b, const struct data_set *set,
                             const struct timed_data *timed, enum precision precision, const volatile bool *cancel,
                             int64_t *ret_oracle_ns, struct error *err) {
    int64_t from = clock_mono_ns();
    int status = declare(p, b, set, timed, precision, cancel, err);
    if (ret_oracle_ns) *ret_oracle_ns += clock_mono_ns() - from;
    return status;
}

int pool_declare(struct pool *p, const struct bound *b, const struct data_set *d, enum precision precision,
                 const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err) {
    return declare_and_count(p, b, d, NULL, precision, cancel, ret_oracle_ns, err);
}

int pool_timed_declare(struct pool *p, const struct bound *b, const struct timed_data *t, enum precision precision,
                       const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err) {
    return declare_and_count(p, b, NULL, t, precision, cancel, ret_oracle_ns, err);
}

static void release(struct pool *p, const struct data_set *set, const struct timed_data *timed, bool seen) {
    for (struct entry *e = p->first; e; e = e->next) {
        if ((set && e->set != set) || (timed && e->timed != timed)) continue;
        e->borrowed--;
        e->retired = e->retired || seen;
        break;
    }
    trim(p);
}

void pool_release(struct pool *p, const struct data_set *d, bool seen) {
    if (d) release(p, d, NULL, seen);
}

void pool_timed_release(struct pool *p, const struct timed_data *t, bool seen) {
    if (t) release(p, NULL, t, seen);
}
