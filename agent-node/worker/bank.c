/* The stock of random elements. */
#include "agent-node/worker/bank.h"

#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/poison.h"
#include "common/buf.h"
#include "problems/graph/pieces.h"

#define STOCK_MIN ((int64_t)1 << 16) /* elements */
#define STOCK_MAX ((int64_t)1 << 22)
#define BLOCK_MIN 256 /* elements of a block: between this and twice this, a power of two that fits */
#define BLOCK_MAX 2048
#define FILL_STEP ((int64_t)1 << 15)

struct stock {
    enum dtype dtype;
    int64_t n;      /* elements in the stock */
    int64_t wanted; /* elements of the tensor */
    int64_t block;
    void *data; /* NULL for tensors that are no inputs */
    struct data_recipe recipe;
};
struct bank {
    int n;
    struct stock *stock; /* per tensor */
    size_t bytes;
};

struct fill_job {
    const struct data_recipe *recipe;
    const struct data_key *key;
    struct stock *stock;
};

static void fill(void *context, int64_t begin, int64_t end) {
    const struct fill_job *j = context;
    uint8_t *at = (uint8_t *)j->stock->data + (size_t)begin * dtype_bytes(j->stock->dtype);
    data_fill(j->recipe, j->key, j->stock->dtype, begin, end, at);
}

static int stock_make(const struct bound *b, int tensor, const struct data_seed *seed, struct stock *s,
                      struct error *err) {
    const struct tensor *t = &b->tensor[tensor];
    struct data_recipe recipe;
    struct data_key key;
    if (data_recipe_make(b, tensor, DIST_DECLARED, &recipe, err) != 0) return -1;
    data_key_derive(seed, t->name, 0, &key);
    s->dtype = t->dtype;
    s->wanted = t->elements;
    s->recipe = recipe;
    recipe.structure = STRUCTURE_NONE; /* what is copied from a place has another place's */
    s->block = BLOCK_MIN;
    while (s->block < BLOCK_MAX && s->block * 16 <= t->elements) s->block *= 2;
    s->n = 2 * t->elements;
    if (s->n < STOCK_MIN) s->n = STOCK_MIN;
    if (s->n > STOCK_MAX) s->n = STOCK_MAX;
    s->data = malloc((size_t)s->n * dtype_bytes(s->dtype));
    if (!s->data) return error_set(err, ERR_NOMEM, "out of memory for test data of %s", t->name);
    struct fill_job job = {.recipe = &recipe, .key = &key, .stock = s};
    pieces_run(s->n, FILL_STEP, 0, NULL, fill, &job);
    return 0;
}

struct bank *bank_new(const struct bound *b, const struct data_seed *seed, struct error *err) {
    struct bank *bank = xcalloc(1, sizeof *bank);
    bank->n = b->n_tensors;
    bank->stock = xcalloc((size_t)b->n_tensors, sizeof *bank->stock);
    for (int i = 0; i < b->n_tensors; i++) {
        if (b->tensor[i].role != TENSOR_INPUT && b->tensor[i].role != TENSOR_WEIGHT) continue;
        if (stock_make(b, i, seed, &bank->stock[i], err) != 0) {
            bank_free(bank);
            return NULL;
        }
        bank->bytes += (size_t)bank->stock[i].n * dtype_bytes(bank->stock[i].dtype);
    }
    return bank;
}

void bank_free(struct bank *b) {
    if (!b) return;
    for (int i = 0; i < b->n; i++) free(b->stock[i].data);
    free(b->stock);
    free(b);
}

size_t bank_bytes(const struct bank *b) {
    return b->bytes;
}

/* SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): places in the stock, from a secret start. */
static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void assemble(const struct stock *s, int tensor, uint64_t number, void *to) {
    uint64_t state = number ^ (uint64_t)(tensor + 1) * 0xD6E8FEB86659FD93u;
    size_t width = dtype_bytes(s->dtype);
    /* Blocks begin at multiples of their own length in the tensor, anywhere in the stock. */
    for (int64_t at = 0; at < s->wanted; at += s->block) {
        int64_t len = s->wanted - at < s->block ? s->wanted - at : s->block;
        uint64_t place = next(&state) % (uint64_t)(s->n - len + 1);
        stream_copy((uint8_t *)to + (size_t)at * width, (const uint8_t *)s->data + place * width, (size_t)len * width);
    }
    stream_fence();
}

void bank_assemble(const struct bank *b, int tensor, uint64_t number, void *to) {
    const struct stock *s = &b->stock[tensor];
    size_t bytes = (size_t)s->wanted * dtype_bytes(s->dtype);
    if (s->recipe.structure == STRUCTURE_NONE) {
        assemble(s, tensor, number, to);
        return;
    }
    /* Made in memory of this process: what is written to `to` by stores of its own would be in the caches. */
    void *whole = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!whole) abort();
    assemble(s, tensor, number, whole);
    data_restructure(&s->recipe, s->dtype, s->wanted, whole);
    stream_copy(to, whole, bytes);
    stream_fence();
    free(whole);
}
