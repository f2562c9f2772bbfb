/* A binary heap of things that know where they stand in it, so that any of them can be taken out or moved in
 * O(log n). Items are the caller's; each has a `size_t` for the heap, zero while it is in none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef bool heap_before(const void *a, const void *b);
struct heap {
    void **items;
    size_t count, room;
    size_t place; /* offset of an item's size_t */
    heap_before *before;
};
/* `place` is offsetof() the item's size_t. */
static inline struct heap heap_of(size_t place, heap_before *before) {
    return (struct heap){.place = place, .before = before};
}
void heap_done(struct heap *heap); /* items are not touched */
void heap_push(struct heap *heap, void *item);
/* No-op for an item that is not in. */
void heap_remove(struct heap *heap, void *item);
/* Its order has changed. */
void heap_moved(struct heap *heap, void *item);
static inline void *heap_first(const struct heap *heap) {
    return heap->count ? heap->items[0] : NULL;
}
