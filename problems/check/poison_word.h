/* The pattern that stands in outputs and scratch before a kernel runs: a comparison has to know it, to tell what was
 * never written from what is wrong. Each word depends on a secret number and its own index; in floating-point buffers
 * every word is a NaN with a payload, which no honest arithmetic produces by accident. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "problems/tensor.h"

#define POISON_STEP 0x9E3779B1u /* from one word's hash to the next one's */

struct poison {
    uint32_t base;
};

/* The pattern's 32 bits of word `i` in a buffer of `dtype`. */
static inline uint32_t poison_word(const struct poison *p, enum dtype dtype, size_t i) {
    uint32_t h = p->base + (uint32_t)i * POISON_STEP;
    if (dtype == DTYPE_F32) return 0x7FC00000u | (h >> 10);
    if (dtype == DTYPE_F16) return 0x7E007E00u | (h & 0x01FF01FFu);
    return h ^ h >> 15;
}
