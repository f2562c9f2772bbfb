#include "agent-node/worker/seal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/hash.h"
#include "common/random.h"

#define KEY_FILE "data-key"

static void hash_two(const char *what, const void *a, size_t a_len, const void *b, size_t b_len, uint8_t out[32]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_field(&h, what);
    sha256_update(&h, a, a_len);
    sha256_update(&h, b, b_len);
    sha256_final(&h, out);
}

static void name_key(struct seal_key *key) {
    uint8_t digest[32];
    hash_two("portolan data key id 1", key->secret, sizeof key->secret, "", 0, digest);
    hex_encode(digest, (SEAL_ID_SIZE - 1) / 2, key->id);
}

void seal_key_random(struct seal_key *ret) {
    random_bytes(ret->secret, sizeof ret->secret);
    name_key(ret);
}

static int read_key(const char *path, struct seal_key *ret, struct error *err) {
    CLEANUP_FREE char *text = file_read(path, 256, NULL, err);
    if (!text) return -1;
    text[strcspn(text, "\r\n")] = 0;
    if (hex_decode(text, ret->secret, sizeof ret->secret) == 0) {
        name_key(ret);
        return 0;
    }
    error_set(err, ERR_INVALID, "%s does not hold a key", path);
    return error_hint(err, "remove it: the next start makes a new one");
}

/* Two agents may start at once: the first file stays, whole. */
static int write_key(const char *path, struct error *err) {
    struct seal_key key;
    char text[2 * sizeof key.secret + 2], suffix[17];
    random_hex(suffix, 8);
    CLEANUP_FREE char *beside = xasprintf("%s.%s", path, suffix);
    seal_key_random(&key);
    hex_encode(key.secret, sizeof key.secret, text);
    strcat(text, "\n");
    if (file_write_durable(beside, text, strlen(text), 0600, err) != 0) return -1;
    int rc = link(beside, path), why = errno;
    unlink(beside);
    return rc == 0 || why == EEXIST ? 0 : error_errno(err, ERR_IO, why, "cannot make %s", path);
}

int seal_key_load(const char *folder, struct seal_key *ret, struct error *err) {
    struct error missing = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(folder, KEY_FILE);
    if (read_key(path, ret, &missing) == 0) return 0;
    if (missing.code == ERR_NOT_FOUND) return write_key(path, err) == 0 ? read_key(path, ret, err) : -1;
    if (err) *err = missing;
    return -1;
}

void seal_open(const struct seal_key *key, const struct seal *seal, struct data_seed *ret) {
    hash_two("portolan data seed 1", key->secret, sizeof key->secret, seal->bytes, sizeof seal->bytes, ret->bytes);
}

void seal_draw(const struct seal_key *key, struct seal *ret_seal, struct data_seed *ret_seed) {
    random_bytes(ret_seal->bytes, sizeof ret_seal->bytes);
    seal_open(key, ret_seal, ret_seed);
}
