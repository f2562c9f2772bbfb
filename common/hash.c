/* SHA-256, written from FIPS 180-4 sections 5.1.1 and 5.3.3; its rounds are in hash_rounds.c. */
#include "common/hash.h"

#include <string.h>

#include "common/hash_rounds.h"

static void store_be32(uint8_t *p, uint32_t x) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(x >> (24 - 8 * i));
}

void sha256_init(struct sha256 *h) {
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    *h = (struct sha256){0};
    memcpy(h->state, start, sizeof start);
}

void sha256_update(struct sha256 *h, const void *data, size_t len) {
    const uint8_t *p = data;
    h->length += len;
    if (h->used > 0) {
        size_t n = sizeof h->block - h->used < len ? sizeof h->block - h->used : len;
        if (n > 0) memcpy(h->block + h->used, p, n);
        h->used += n;
        if (h->used < sizeof h->block) return;
        sha256_compress(h->state, h->block, 1);
        h->used = 0;
        p += n;
        len -= n;
    }
    size_t whole = len - len % sizeof h->block;
    if (whole > 0) sha256_compress(h->state, p, whole / sizeof h->block);
    len -= whole;
    if (len > 0) memcpy(h->block, p + whole, len);
    h->used = len;
}

void sha256_field(struct sha256 *h, const char *text) {
    uint64_t len = text ? strlen(text) : UINT64_MAX; /* no text is that long, so NULL differs from all */
    uint8_t prefix[8];
    for (int i = 0; i < 8; i++) prefix[i] = (uint8_t)(len >> 8 * i);
    sha256_update(h, prefix, sizeof prefix);
    if (text) sha256_update(h, text, (size_t)len);
}

void sha256_final(struct sha256 *h, uint8_t out[32]) {
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = h->length * 8;
    uint8_t tail[8];
    store_be32(tail, (uint32_t)(bits >> 32));
    store_be32(tail + 4, (uint32_t)bits);
    sha256_update(h, padding, h->used < 56 ? 56 - h->used : 120 - h->used);
    sha256_update(h, tail, sizeof tail);
    for (int i = 0; i < 8; i++) store_be32(out + 4 * i, h->state[i]);
}

void sha256_hex(const void *data, size_t len, char out[65]) {
    struct sha256 h;
    uint8_t digest[32];
    sha256_init(&h);
    sha256_update(&h, data, len);
    sha256_final(&h, digest);
    hex_encode(digest, sizeof digest, out);
}

void hex_encode(const void *data, size_t len, char *out) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = 0;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *hex, void *out, size_t len) {
    if (strnlen(hex, 2 * len + 1) != 2 * len) return -1;
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) return -1;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}
