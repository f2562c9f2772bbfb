/* SHA-256's compression function over whole blocks of 64 bytes: for hash.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* By the processor's own instructions where it has them. */
void sha256_compress(uint32_t state[8], const uint8_t *data, size_t blocks);
/* Without them; gives the same. */
void sha256_compress_portable(uint32_t state[8], const uint8_t *data, size_t blocks);
