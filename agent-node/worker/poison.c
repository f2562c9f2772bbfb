/* Filling and checking of patterns, past the caches where the processor has such stores. */
#include "agent-node/worker/poison.h"

#include <string.h>

#include "common/random.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct poison poison_new(void) {
    struct poison p;
    random_bytes(&p.base, sizeof p.base);
    return p;
}

static void fill_tail(const struct poison *p, enum dtype dtype, uint8_t *out, size_t from, size_t bytes) {
    for (size_t i = from; i < bytes; i += 4) {
        uint32_t word = poison_word(p, dtype, i / 4);
        memcpy(out + i, &word, bytes - i < 4 ? bytes - i : 4);
    }
}

static bool tail_intact(const struct poison *p, enum dtype dtype, const uint8_t *data, size_t from, size_t bytes) {
    for (size_t i = from; i < bytes; i += 4) {
        uint32_t word = poison_word(p, dtype, i / 4);
        if (memcmp(data + i, &word, bytes - i < 4 ? bytes - i : 4) != 0) return false;
    }
    return true;
}

#ifdef __SSE2__
static __m128i four_hashes(uint32_t base) {
    return _mm_set_epi32((int)(base + 3 * POISON_STEP), (int)(base + 2 * POISON_STEP), (int)(base + POISON_STEP),
                         (int)base);
}

/* poison_word() for four words at a time. */
static __m128i poison_four(__m128i h, enum dtype dtype) {
    if (dtype == DTYPE_F32) return _mm_or_si128(_mm_set1_epi32(0x7FC00000), _mm_srli_epi32(h, 10));
    if (dtype == DTYPE_F16)
        return _mm_or_si128(_mm_set1_epi32(0x7E007E00), _mm_and_si128(h, _mm_set1_epi32(0x01FF01FF)));
    return _mm_xor_si128(h, _mm_srli_epi32(h, 15));
}
#endif

void poison_fill(const struct poison *p, enum dtype dtype, void *out, size_t bytes) {
    size_t done = 0;
#ifdef __SSE2__
    const __m128i next = _mm_set1_epi32((int)(4 * POISON_STEP));
    for (__m128i h = four_hashes(p->base); done + 16 <= bytes; done += 16, h = _mm_add_epi32(h, next))
        _mm_stream_si128((__m128i *)(void *)((uint8_t *)out + done), poison_four(h, dtype));
#endif
    fill_tail(p, dtype, out, done, bytes);
}

bool poison_intact(const struct poison *p, enum dtype dtype, const void *data, size_t bytes) {
    size_t done = 0;
#ifdef __SSE2__
    const __m128i next = _mm_set1_epi32((int)(4 * POISON_STEP));
    for (__m128i h = four_hashes(p->base); done + 16 <= bytes; done += 16, h = _mm_add_epi32(h, next)) {
        __m128i now = _mm_load_si128((const __m128i *)(const void *)((const uint8_t *)data + done));
        if (_mm_movemask_epi8(_mm_cmpeq_epi32(now, poison_four(h, dtype))) != 0xFFFF) return false;
    }
#endif
    return tail_intact(p, dtype, data, done, bytes);
}

void stream_copy(void *to, const void *from, size_t bytes) {
    size_t done = 0;
#ifdef __SSE2__
    for (; done + 64 <= bytes; done += 64)
        for (size_t k = 0; k < 64; k += 16)
            _mm_stream_si128((__m128i *)(void *)((uint8_t *)to + done + k),
                             _mm_loadu_si128((const __m128i *)(const void *)((const uint8_t *)from + done + k)));
#endif
    memcpy((uint8_t *)to + done, (const uint8_t *)from + done, bytes - done);
}

void stream_fence(void) {
#ifdef __SSE2__
    _mm_sfence();
#endif
}

int64_t poison_left(const struct poison *p, enum dtype dtype, const void *data, int64_t elements, int64_t *ret_first) {
    int64_t left = 0, first = -1;
    size_t width = dtype_bytes(dtype);
    for (int64_t i = 0; i < elements; i++) {
        size_t at = (size_t)i * width;
        uint32_t word = poison_word(p, dtype, at / 4);
        if (memcmp((const uint8_t *)data + at, (const uint8_t *)&word + at % 4, width) != 0) continue;
        if (left++ == 0) first = i;
    }
    if (ret_first) *ret_first = first;
    return left;
}

/* Both bands are numbered through, the one behind the data after the one in front. */
static uint8_t guard_byte(const struct poison *p, size_t i) {
    uint32_t h = (p->base ^ 0x5BD1E995u) + (uint32_t)(i / 4) * 0x85EBCA6Bu;
    h ^= h >> 13;
    return (uint8_t)(h >> (i % 4 * 8));
}

void guard_fill(const struct poison *p, uint8_t *data, size_t bytes, size_t front, size_t behind) {
    for (size_t i = 0; i < front; i++) data[(ptrdiff_t)i - (ptrdiff_t)front] = guard_byte(p, i);
    for (size_t i = 0; i < behind; i++) data[bytes + i] = guard_byte(p, front + i);
}

int guard_check(const struct poison *p, const uint8_t *data, size_t bytes, size_t front, size_t behind,
                int64_t *ret_at) {
    for (size_t i = 0; i < front; i++) {
        if (data[(ptrdiff_t)i - (ptrdiff_t)front] == guard_byte(p, i)) continue;
        *ret_at = (int64_t)i - (int64_t)front;
        return -1;
    }
    for (size_t i = 0; i < behind; i++) {
        if (data[bytes + i] == guard_byte(p, front + i)) continue;
        *ret_at = (int64_t)(bytes + i);
        return -1;
    }
    return 0;
}
