/* Secrets from the kernel's generator. */
#include "common/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/hash.h"

void random_bytes(void *out, size_t len) {
    char *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) abort(); /* a guessable secret would be worse than no process */
        p += n;
        len -= (size_t)n;
    }
}

uint64_t random_u64(void) {
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

uint64_t random_below(uint64_t bound) {
    if (bound == 0) abort();
    /* Draw again below 2^64 mod bound, so that the rest divides evenly among the results. */
    uint64_t reject_below = -bound % bound, value;
    do value = random_u64();
    while (value < reject_below);
    return value % bound;
}

void random_hex(char *out, size_t bytes) {
    uint8_t chunk[64];
    while (bytes > 0) {
        size_t n = bytes < sizeof chunk ? bytes : sizeof chunk;
        random_bytes(chunk, n);
        hex_encode(chunk, n, out);
        out += 2 * n;
        bytes -= n;
    }
    *out = 0;
}
