/* SHA-256 (FIPS 180-4) and hexadecimal. */
#pragma once
#include <stddef.h>
#include <stdint.h>
struct sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
    size_t used;
};
void sha256_init(struct sha256 *h);
void sha256_update(struct sha256 *h, const void *data, size_t len);
/* Field-wise update: length in front, so that ("ab","c") and ("a","bc") differ. NULL hashes like a field of its own. */
void sha256_field(struct sha256 *h, const char *text);
void sha256_final(struct sha256 *h, uint8_t out[32]);
void sha256_hex(const void *data, size_t len, char out[65]);
void hex_encode(const void *data, size_t len, char *out); /* 2 * len + 1 bytes */
int hex_decode(const char *hex, void *out, size_t len);   /* exactly 2 * len digits, else -1 */
