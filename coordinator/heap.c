#include "coordinator/heap.h"

#include <stdlib.h>

#include "common/buf.h"

static size_t *place_of(const struct heap *heap, void *item) {
    return (size_t *)(void *)((char *)item + heap->place);
}

static void put(struct heap *heap, size_t i, void *item) {
    heap->items[i] = item;
    *place_of(heap, item) = i + 1;
}

static size_t rise(struct heap *heap, size_t i) {
    void *item = heap->items[i];
    for (; i > 0 && heap->before(item, heap->items[(i - 1) / 2]); i = (i - 1) / 2)
        put(heap, i, heap->items[(i - 1) / 2]);
    put(heap, i, item);
    return i;
}

static void sink(struct heap *heap, size_t i) {
    void *item = heap->items[i];
    for (size_t child; (child = 2 * i + 1) < heap->count; i = child) {
        if (child + 1 < heap->count && heap->before(heap->items[child + 1], heap->items[child])) child++;
        if (!heap->before(heap->items[child], item)) break;
        put(heap, i, heap->items[child]);
    }
    put(heap, i, item);
}

void heap_done(struct heap *heap) {
    free(heap->items);
    heap->items = NULL;
    heap->count = heap->room = 0;
}

void heap_push(struct heap *heap, void *item) {
    if (heap->count == heap->room) {
        heap->room = heap->room ? 2 * heap->room : 8;
        heap->items = xrealloc(heap->items, heap->room * sizeof *heap->items);
    }
    heap->items[heap->count++] = item;
    rise(heap, heap->count - 1);
}

void heap_remove(struct heap *heap, void *item) {
    size_t *place = place_of(heap, item), i = *place;
    if (i == 0) return;
    *place = 0;
    void *last = heap->items[--heap->count];
    if (last == item) return;
    put(heap, i - 1, last);
    sink(heap, rise(heap, i - 1));
}

void heap_moved(struct heap *heap, void *item) {
    size_t i = *place_of(heap, item);
    if (i > 0) sink(heap, rise(heap, i - 1));
}
