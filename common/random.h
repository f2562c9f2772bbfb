/* Secrets from getrandom(2). Aborts if the kernel cannot give any. */
#pragma once
#include <stddef.h>
#include <stdint.h>
void random_bytes(void *out, size_t len);
uint64_t random_u64(void);
uint64_t random_below(uint64_t bound);    /* uniform in [0, bound), bound > 0 */
void random_hex(char *out, size_t bytes); /* writes 2 * bytes digits and a NUL */
