/* Filling tensors on the host. */
#include "problems/data/data.h"

#include "common/hash.h"
#include "common/random.h"
#include "problems/data/rules.h"
#include "problems/data/rules_host.h"
#include "problems/graph/pieces.h"
#include "problems/wide.h"

#include <math.h>
#include <string.h>

#define BLOCK 64 /* elements whose integers are made together */

void data_seed_random(struct data_seed *ret) {
    random_bytes(ret->bytes, sizeof ret->bytes);
}

void data_key_derive(const struct data_seed *seed, const char *tensor, uint32_t set, struct data_key *ret) {
    struct sha256 h;
    uint8_t digest[32], number[4] = {(uint8_t)set, (uint8_t)(set >> 8), (uint8_t)(set >> 16), (uint8_t)(set >> 24)};
    uint32_t word[4];
    sha256_init(&h);
    sha256_field(&h, "portolan data 1");
    sha256_update(&h, seed->bytes, sizeof seed->bytes);
    sha256_field(&h, tensor);
    sha256_update(&h, number, sizeof number);
    sha256_final(&h, digest);
    for (int i = 0; i < 4; i++)
        word[i] = (uint32_t)digest[4 * i] | (uint32_t)digest[4 * i + 1] << 8 | (uint32_t)digest[4 * i + 2] << 16 |
                  (uint32_t)digest[4 * i + 3] << 24;
    memcpy(ret->key, word, sizeof ret->key);
    memcpy(ret->salt, word + 2, sizeof ret->salt);
}

/* Philox on BLOCK counters at once: word n of stream 0 for n = first .. first + 4 * BLOCK. */
WIDE static void words(uint64_t first_call, const struct data_key *key, uint32_t x[4][BLOCK]) {
    uint32_t k0 = key->key[0], k1 = key->key[1];
    for (int i = 0; i < BLOCK; i++) {
        uint64_t call = first_call + (uint64_t)i;
        x[0][i] = (uint32_t)call;
        x[1][i] = (uint32_t)(call >> 32);
        x[2][i] = key->salt[0];
        x[3][i] = key->salt[1];
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < BLOCK; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * x[0][i], p1 = (uint64_t)0xCD9E8D57u * x[2][i];
            uint32_t x0 = (uint32_t)(p1 >> 32) ^ x[1][i] ^ k0, x2 = (uint32_t)(p0 >> 32) ^ x[3][i] ^ k1;
            x[0][i] = x0;
            x[1][i] = (uint32_t)p1;
            x[2][i] = x2;
            x[3][i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* Integers of elements [first, first + 4 * BLOCK), first a multiple of 4. */
static void uniform_block(const struct data_key *key, int64_t first, int64_t *z) {
    uint32_t x[4][BLOCK];
    words((uint64_t)first / 4, key, x);
    for (int i = 0; i < BLOCK; i++)
        for (int lane = 0; lane < 4; lane++) z[4 * i + lane] = (int64_t)(x[lane][i] >> 8);
}

/* Integers of elements [first, first + BLOCK): call 3 i + c is the c-th of element i. */
static void normal_block(const struct data_key *key, int64_t first, int64_t *z) {
    uint32_t x[4][BLOCK];
    int64_t sum[3 * BLOCK];
    for (int part = 0; part < 3; part++) {
        words((uint64_t)first * 3 + (uint64_t)part * BLOCK, key, x);
        for (int i = 0; i < BLOCK; i++)
            sum[part * BLOCK + i] = (int64_t)(x[0][i] >> 8) + (x[1][i] >> 8) + (x[2][i] >> 8) + (x[3][i] >> 8);
    }
    for (int i = 0; i < BLOCK; i++) z[i] = sum[3 * i] + sum[3 * i + 1] + sum[3 * i + 2];
}

static int64_t integer_of(const struct data_recipe *r, const struct data_key *key, int64_t i) {
    return p_integer(r->rule, (uint64_t)i, r->p[0], r->p[1], r->p[2], r->p[3], key->key[0], key->key[1], key->salt[0],
                     key->salt[1]);
}

/* Integers from element `at` on into z (room for 4 * BLOCK); returns how many of them, at most `left`. */
static int integers(const struct data_recipe *r, const struct data_key *key, int64_t at, int64_t left, int64_t *z) {
    if (r->rule == RULE_UNIFORM && at % 4 == 0 && left >= 4) {
        uniform_block(key, at, z);
        return left < 4 * BLOCK ? (int)left : 4 * BLOCK;
    }
    int n = left < BLOCK ? (int)left : BLOCK;
    if (r->rule == RULE_UNIFORM && at % 4 != 0 && n > 4 - at % 4) n = (int)(4 - at % 4);
    if (r->rule == RULE_NORMAL) {
        normal_block(key, at, z);
        return n;
    }
    for (int i = 0; i < n; i++) z[i] = integer_of(r, key, at + i);
    return n;
}

/* The processor's conversion rounds an integer once; a power of two in the normal range then scales it exactly. */
static void floats(const struct data_recipe *r, const int64_t *z, int n, uint32_t *out) {
    if (r->k < 0 || r->k > 126) {
        for (int i = 0; i < n; i++) out[i] = p_float(r->a * z[i] + r->b, r->k);
        return;
    }
    float unit = ldexpf(1.0f, -r->k);
    for (int i = 0; i < n; i++) {
        float f = (float)(r->a * z[i] + r->b) * unit;
        memcpy(&out[i], &f, sizeof f);
    }
}

static void store(enum dtype dtype, void *out, int64_t i, int64_t v, int k) {
    if (dtype == DTYPE_F16)
        ((uint16_t *)out)[i] = (uint16_t)p_half(v, k);
    else
        ((uint32_t *)out)[i] = dtype == DTYPE_F32 ? p_float(v, k) : p_int(v, k);
}

/* Elements [begin, end), which hold what they would without a structure. */
static void structure_elements(const struct data_recipe *r, const struct data_key *key, enum dtype dtype, int64_t begin,
                               int64_t end, void *out) {
    for (int64_t i = begin; i < end; i++) {
        int64_t at = p_place((int)r->structure, i, r->rows, r->columns);
        if (at < 0)
            store(dtype, out, i - begin, 0, 0);
        else if (at != i)
            store(dtype, out, i - begin, r->a * integer_of(r, key, at) + r->b, r->k);
    }
}

void data_restructure(const struct data_recipe *r, enum dtype dtype, int64_t elements, void *data) {
    size_t width = dtype_bytes(dtype);
    char *bytes = data;
    for (int64_t i = 0; i < elements && r->structure != STRUCTURE_NONE; i++) {
        int64_t at = p_place((int)r->structure, i, r->rows, r->columns);
        if (at < 0)
            memset(bytes + (size_t)i * width, 0, width);
        else if (at != i)
            memcpy(bytes + (size_t)i * width, bytes + (size_t)at * width, width);
    }
}

void data_fill(const struct data_recipe *r, const struct data_key *key, enum dtype dtype, int64_t begin, int64_t end,
               void *out) {
    int64_t z[4 * BLOCK];
    uint32_t *words_out = out;
    uint16_t *halves = out;
    for (int64_t at = begin; at < end;) {
        int n = integers(r, key, at, end - at, z);
        int64_t to = at - begin;
        if (dtype == DTYPE_F32)
            floats(r, z, n, words_out + to);
        else if (dtype == DTYPE_F16)
            for (int i = 0; i < n; i++) halves[to + i] = (uint16_t)p_half(r->a * z[i] + r->b, r->k);
        else
            for (int i = 0; i < n; i++) words_out[to + i] = p_int(r->a * z[i] + r->b, r->k);
        at += n;
    }
    if (r->structure != STRUCTURE_NONE) structure_elements(r, key, dtype, begin, end, out);
}

struct job {
    const struct data_recipe *recipe;
    const struct data_key *key;
    const struct tensor *tensor;
    char *out;
};

static void fill_piece(void *context, int64_t begin, int64_t end) {
    struct job *j = context;
    data_fill(j->recipe, j->key, j->tensor->dtype, begin, end, j->out + (size_t)begin * dtype_bytes(j->tensor->dtype));
}

int data_fill_all(const struct bound *b, const struct data_seed *seed, uint32_t set, enum distribution d,
                  void *const *data, struct error *err) {
    for (int t = 0; t < b->n_tensors; t++) {
        const struct tensor *x = &b->tensor[t];
        if (!data[t] || (x->role != TENSOR_INPUT && x->role != TENSOR_WEIGHT)) continue;
        struct data_recipe recipe;
        struct error unsupported = ERROR_INIT;
        struct data_key key;
        if (data_recipe_make(b, t, d, &recipe, &unsupported) != 0 &&
            data_recipe_make(b, t, DIST_DECLARED, &recipe, err) != 0)
            return -1;
        data_key_derive(seed, x->name, set, &key);
        struct job job = {&recipe, &key, x, data[t]};
        pieces_run(x->elements, 1 << 18, 0, NULL, fill_piece, &job);
    }
    return 0;
}
