#include "agent-node/worker/seeds.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/hash.h"

#define DIMS_SIZE 256
#define TIMED "timed"

/* A set as a record names it. */
struct told {
    char size[NAME_MAX_LEN + 1], dims[DIMS_SIZE], data[32];
    struct data_seed seed;
    struct seal seal;
    bool open;     /* the seed may be told */
    bool replayed; /* made again from a seal */
    bool has_answer;
    uint64_t answer;
    const void *at; /* in the pool, while it is borrowed */
};
struct list {
    struct told *items;
    size_t count;
};
struct seeds {
    struct pool *pool;
    bool fresh;
    struct list wanted, used;
};
DEFINE_CLEANUP(cleanup_seeds, struct seeds *, seeds_free)
DEFINE_CLEANUP(cleanup_json, json_t *, json_decref)

void seeds_free(struct seeds *s) {
    if (!s) return;
    free(s->wanted.items);
    free(s->used.items);
    free(s);
}

static struct told *push(struct list *list) {
    list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    struct told *item = &list->items[list->count++];
    memset(item, 0, sizeof *item);
    return item;
}

/* --- a record's sets -------------------------------------------------------------------------- */
static void copy_text(char *to, size_t size, const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(to, size, "%s", text ? text : "");
}

/* A set under another node's seal cannot be made here: new data are drawn for it, and the record will say so. */
static void read_set(struct seeds *s, const json_t *o, bool ours) {
    struct told t = {.size = ""};
    const char *seed = json_string_value(json_object_get(o, "seed"));
    const char *seal = json_string_value(json_object_get(o, "seal"));
    copy_text(t.size, sizeof t.size, o, "size");
    copy_text(t.dims, sizeof t.dims, o, "dims");
    copy_text(t.data, sizeof t.data, o, "data");
    if (seed && hex_decode(seed, t.seed.bytes, sizeof t.seed.bytes) == 0)
        t.open = true;
    else if (ours && seal && hex_decode(seal, t.seal.bytes, sizeof t.seal.bytes) == 0)
        seal_open(pool_key(s->pool), &t.seal, &t.seed);
    else
        return;
    *push(&s->wanted) = t;
}

struct seeds *seeds_new(struct pool *pool, bool fresh, const char *replay, struct error *err) {
    CLEANUP(cleanup_seeds) struct seeds *s = xcalloc(1, sizeof *s);
    s->pool = pool;
    s->fresh = fresh;
    if (!*replay) return TAKE(s);
    CLEANUP(cleanup_json) json_t *root = json_loads(replay, 0, NULL);
    const json_t *sets = json_object_get(root, "sets");
    const char *by = json_string_value(json_object_get(root, "by"));
    if (!json_is_array(sets) || json_array_size(sets) > SEEDS_SETS_MAX) {
        error_set(err, ERR_INVALID, "the task's `seeds` are not as an attempt records them");
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(sets); i++)
        read_set(s, json_array_get(sets, i), by && strcmp(by, pool_key(pool)->id) == 0);
    return TAKE(s);
}

/* --- getting ---------------------------------------------------------------------------------- */
static void format_dims(const struct bound *b, char out[DIMS_SIZE]) {
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < b->n_dims && n < DIMS_SIZE; i++)
        n += (size_t)snprintf(out + n, DIMS_SIZE - n, "%s%s=%lld", i ? " " : "", b->dim[i].name,
                              (long long)b->dim[i].value);
}

static struct told *find(const struct list *list, const char *dims, const char *data) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].dims, dims) == 0 && strcmp(list->items[i].data, data) == 0) return &list->items[i];
    return NULL;
}

static const struct told *find_wanted(const struct seeds *s, const struct bound *b, const char *data) {
    char dims[DIMS_SIZE];
    format_dims(b, dims);
    return find(&s->wanted, dims, data);
}

/* A search verifies several configurations; the accepted one comes last, so the last set of its kind is what counts. */
static void note_used(struct seeds *s, const struct bound *b, const char *data, const struct data_seed *seed,
                      const struct seal *seal, const struct told *wanted, const void *at) {
    char dims[DIMS_SIZE];
    format_dims(b, dims);
    struct told *t = find(&s->used, dims, data);
    if (!t && s->used.count == SEEDS_SETS_MAX) return;
    if (!t) t = push(&s->used);
    if (memcmp(&t->seed, seed, sizeof *seed) != 0) *t = (struct told){.seed = *seed};
    snprintf(t->size, sizeof t->size, "%s", b->size);
    snprintf(t->dims, sizeof t->dims, "%s", dims);
    snprintf(t->data, sizeof t->data, "%s", data);
    t->seal = *seal;
    t->open = t->open || (wanted ? wanted->open : s->fresh);
    t->replayed = wanted && !wanted->open;
    t->at = at;
}

static struct pool_wish wish_of(const struct seeds *s, const struct told *wanted) {
    return (struct pool_wish){
        .fresh = s->fresh, .seed = wanted ? &wanted->seed : NULL, .seal = wanted ? &wanted->seal : NULL};
}

const struct data_set *seeds_get(struct seeds *s, const struct bound *b, enum distribution dist,
                                 const volatile bool *cancel, int64_t *ret_oracle_ns, struct error *err) {
    const char *data = distribution_name(dist);
    const struct told *w = find_wanted(s, b, data);
    struct pool_wish wish = wish_of(s, w);
    const struct data_set *d = pool_get(s->pool, b, dist, &wish, cancel, ret_oracle_ns, err);
    if (d) note_used(s, b, data, &d->seed, &d->seal, w, d);
    return d;
}

const struct timed_data *seeds_timed(struct seeds *s, const struct bound *b, const volatile bool *cancel,
                                     int64_t *ret_oracle_ns, struct error *err) {
    const struct told *w = find_wanted(s, b, TIMED);
    struct pool_wish wish = wish_of(s, w);
    const struct timed_data *t = pool_timed(s->pool, b, &wish, cancel, ret_oracle_ns, err);
    if (t) note_used(s, b, TIMED, timed_seed(t), timed_seal(t), w, t);
    return t;
}

static void note_released(struct seeds *s, const void *at, bool seen) {
    for (size_t i = 0; i < s->used.count; i++) {
        struct told *t = &s->used.items[i];
        if (t->at != at) continue;
        t->open = t->open || seen;
        t->at = NULL;
    }
}

void seeds_release(struct seeds *s, const struct data_set *d, bool seen) {
    if (!d) return;
    note_released(s, d, seen);
    pool_release(s->pool, d, seen);
}

void seeds_timed_release(struct seeds *s, const struct timed_data *t, bool seen) {
    if (!t) return;
    note_released(s, t, seen);
    pool_timed_release(s->pool, t, seen);
}

void seeds_forget(struct seeds *s) {
    s->used.count = 0;
}

/* --- telling ---------------------------------------------------------------------------------- */
/* Quick, and only as good as comparing honest runs needs. */
static uint64_t digest(const void *data, size_t bytes) {
    const uint8_t *at = data;
    uint64_t h = bytes * UINT64_C(0x9E3779B97F4A7C15), word = 0;
    for (; bytes >= sizeof word; at += sizeof word, bytes -= sizeof word) {
        memcpy(&word, at, sizeof word);
        h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, at, bytes);
    h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

void seeds_answer(struct seeds *s, const struct data_set *d, const void *outputs, size_t bytes) {
    for (size_t i = 0; i < s->used.count; i++) {
        struct told *t = &s->used.items[i];
        if (t->at != d) continue;
        t->answer = digest(outputs, bytes);
        t->has_answer = true;
    }
}

static json_t *told_json(const struct told *t) {
    char hex[2 * sizeof t->seed.bytes + 1], answer[17];
    json_t *o = json_pack("{s:s, s:s, s:s}", "size", t->size, "dims", t->dims, "data", t->data);
    hex_encode(t->open ? t->seed.bytes : t->seal.bytes, t->open ? sizeof t->seed.bytes : sizeof t->seal.bytes, hex);
    json_object_set_new(o, t->open ? "seed" : "seal", json_string(hex));
    /* A replay opened it and its values were seen: the record that was replayed has the seal. */
    if (t->open && t->replayed) {
        hex_encode(t->seal.bytes, sizeof t->seal.bytes, hex);
        json_object_set_new(o, "was_seal", json_string(hex));
    }
    snprintf(answer, sizeof answer, "%016llx", (unsigned long long)t->answer);
    if (t->has_answer) json_object_set_new(o, "answer", json_string(answer));
    return o;
}

char *seeds_json(const struct seeds *s) {
    json_t *sets = json_array();
    for (size_t i = 0; i < s->used.count; i++) json_array_append_new(sets, told_json(&s->used.items[i]));
    json_t *root = json_pack("{s:s, s:o}", "by", pool_key(s->pool)->id, "sets", sets);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}
