/* Seeds that may be told without being given away. A node draws the seed of a data set from a secret key of its own and
 * a random number that stands in the record, the seal: seed = SHA-256(key, seal). Whoever has the key opens the seal
 * and replays on the same data; nobody else learns a seed that later tasks are still to be verified with. */
#pragma once
#include <stdint.h>

#include "common/error.h"
#include "problems/data/data.h"

#define SEAL_BYTES 16
#define SEAL_ID_SIZE 17 /* 16 hexadecimal digits and NUL */

struct seal_key {
    uint8_t secret[32];
    char id[SEAL_ID_SIZE]; /* tells keys apart, and nothing of the secret */
};
struct seal {
    uint8_t bytes[SEAL_BYTES];
};
/* A key for this process only. */
void seal_key_random(struct seal_key *ret);
/* The key kept in `folder` (mode 0600), made at the first call. ERR_IO, ERR_INVALID: the file holds no key. */
int seal_key_load(const char *folder, struct seal_key *ret, struct error *err);
/* A new seal, and the seed under it. */
void seal_draw(const struct seal_key *key, struct seal *ret_seal, struct data_seed *ret_seed);
void seal_open(const struct seal_key *key, const struct seal *seal, struct data_seed *ret);
