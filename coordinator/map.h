/* Text to pointer: the index of tasks, campaigns and nodes. Keys are copied; values are the caller's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct map;
struct map *map_new(void);
/* Accepts NULL. Values are not touched. */
void map_free(struct map *map);
/* Replaces what the key had. */
void map_put(struct map *map, const char *key, void *value);
void *map_get(const struct map *map, const char *key); /* NULL when absent */
/* Returns the value that was there, or NULL. */
void *map_remove(struct map *map, const char *key);
size_t map_count(const struct map *map);
/* Visit all entries in no particular order: start with *cursor 0; false at the end. The map must not change meanwhile.
 */
bool map_next(const struct map *map, size_t *cursor, const char **ret_key, void **ret_value);
