/* Open addressing with linear probing over a power of two; removed slots are closed by moving later ones up, so that
 * there are no tombstones to count. FNV-1a: keys are our own identifiers and names of at most 128 bytes that are
 * limited in number before they get here. */
#include "coordinator/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct slot {
    char *key;
    void *value;
};
struct map {
    struct slot *slots;
    size_t size, count;
};

struct map *map_new(void) {
    struct map *map = xcalloc(1, sizeof *map);
    map->size = 64;
    map->slots = xcalloc(map->size, sizeof *map->slots);
    return map;
}

void map_free(struct map *map) {
    if (!map) return;
    for (size_t i = 0; i < map->size; i++) free(map->slots[i].key);
    free(map->slots);
    free(map);
}

static size_t home(const struct map *map, const char *key) {
    uint64_t h = 14695981039346656037u;
    for (const unsigned char *c = (const unsigned char *)key; *c; c++) h = (h ^ *c) * 1099511628211u;
    return (size_t)(h ^ (h >> 32)) & (map->size - 1);
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t find(const struct map *map, const char *key) {
    size_t i = home(map, key);
    while (map->slots[i].key && strcmp(map->slots[i].key, key) != 0) i = (i + 1) & (map->size - 1);
    return i;
}

static void grow(struct map *map) {
    struct slot *old = map->slots;
    size_t old_size = map->size;
    map->size *= 2;
    map->slots = xcalloc(map->size, sizeof *map->slots);
    for (size_t i = 0; i < old_size; i++)
        if (old[i].key) map->slots[find(map, old[i].key)] = old[i];
    free(old);
}

void map_put(struct map *map, const char *key, void *value) {
    if ((map->count + 1) * 4 > map->size * 3) grow(map);
    struct slot *slot = &map->slots[find(map, key)];
    if (!slot->key) {
        slot->key = xstrdup(key);
        map->count++;
    }
    slot->value = value;
}

void *map_get(const struct map *map, const char *key) {
    return map->slots[find(map, key)].value;
}

void *map_remove(struct map *map, const char *key) {
    size_t hole = find(map, key), mask = map->size - 1;
    if (!map->slots[hole].key) return NULL;
    void *value = map->slots[hole].value;
    free(map->slots[hole].key);
    map->slots[hole] = (struct slot){0};
    map->count--;
    for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        /* Move up what would no longer be found past the hole: its distance from home reaches over it. */
        if (((i - home(map, map->slots[i].key)) & mask) < ((i - hole) & mask)) continue;
        map->slots[hole] = map->slots[i];
        map->slots[i] = (struct slot){0};
        hole = i;
    }
    return value;
}

size_t map_count(const struct map *map) {
    return map->count;
}

bool map_next(const struct map *map, size_t *cursor, const char **ret_key, void **ret_value) {
    for (; *cursor < map->size; (*cursor)++) {
        const struct slot *slot = &map->slots[*cursor];
        if (!slot->key) continue;
        if (ret_key) *ret_key = slot->key;
        if (ret_value) *ret_value = slot->value;
        (*cursor)++;
        return true;
    }
    return false;
}
