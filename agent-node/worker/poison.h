/* Patterns that stand in outputs, scratch and guard bands before a kernel runs. Each word depends on a secret number
 * and its own index; in floating-point buffers every word is a NaN with a payload, which no honest arithmetic produces
 * by accident. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problems/tensor.h"

struct poison {
    uint32_t base;
};
struct poison poison_new(void);

/* The pattern's 32 bits of word `i` in a buffer of `dtype`. */
static inline uint32_t poison_word(const struct poison *p, enum dtype dtype, size_t i) {
    uint32_t h = p->base + (uint32_t)i * 0x9E3779B1u;
    if (dtype == DTYPE_F32) return 0x7FC00000u | (h >> 10);
    if (dtype == DTYPE_F16) return 0x7E007E00u | (h & 0x01FF01FFu);
    return h ^ h >> 15;
}
/* Fill `bytes` at `out` (16-byte aligned). Written past the caches where the processor can. */
void poison_fill(const struct poison *p, enum dtype dtype, void *out, size_t bytes);
/* Number of elements that still hold the pattern; the first one's index in *ret_first (may be NULL). */
int64_t poison_left(const struct poison *p, enum dtype dtype, const void *data, int64_t elements, int64_t *ret_first);

/* Guard bands: `guard` bytes before and behind `bytes` of data. */
void guard_fill(const struct poison *p, uint8_t *data, size_t bytes, size_t guard);
/* 0 when both are untouched; else -1, and *ret_at is the offset of the first changed byte relative to the data's start
 * (negative: in front of it). */
int guard_check(const struct poison *p, const uint8_t *data, size_t bytes, size_t guard, int64_t *ret_at);

/* Copy written past the caches where the processor can; `to` is 16-byte aligned. What a timed run reads then comes from
 * memory, whatever this process did before. */
void stream_copy(void *to, const void *from, size_t bytes);
/* After the last poison_fill() or stream_copy() of a thread, before another process is told. */
void stream_fence(void);
