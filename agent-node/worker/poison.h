/* Patterns that stand in outputs, scratch and guard bands before a kernel runs (problems/check/poison_word.h). */
#pragma once
#include <stdbool.h>

#include "problems/check/poison_word.h"

struct poison poison_new(void);

/* Fill `bytes` at `out` (16-byte aligned). Written past the caches where the processor can. */
void poison_fill(const struct poison *p, enum dtype dtype, void *out, size_t bytes);
/* Whether all of it still is what poison_fill() wrote there (16-byte aligned). */
bool poison_intact(const struct poison *p, enum dtype dtype, const void *data, size_t bytes);
/* Number of elements that still hold the pattern; the first one's index in *ret_first (may be NULL). */
int64_t poison_left(const struct poison *p, enum dtype dtype, const void *data, int64_t elements, int64_t *ret_first);

/* Guard bands: `front` bytes before and `behind` bytes behind `bytes` of data. */
void guard_fill(const struct poison *p, uint8_t *data, size_t bytes, size_t front, size_t behind);
/* 0 when both are untouched; else -1, and *ret_at is the offset of the first changed byte relative to the data's start
 * (negative: in front of it). */
int guard_check(const struct poison *p, const uint8_t *data, size_t bytes, size_t front, size_t behind,
                int64_t *ret_at);

/* Copy written past the caches where the processor can; `to` is 16-byte aligned. What a timed run reads then comes from
 * memory, whatever this process did before. */
void stream_copy(void *to, const void *from, size_t bytes);
/* After the last poison_fill() or stream_copy() of a thread, before another process is told. */
void stream_fence(void);
