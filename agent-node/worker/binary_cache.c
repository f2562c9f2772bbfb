/* The cache of binaries: one file an entry, checksum in front. */
#include "agent-node/worker/binary_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/hash.h"
#include "common/log.h"

/* Part of every name: raise it when what is stored, or the text rules' meaning of it, changes. */
#define FORMAT "portolan-binary-3"
#define ENTRY_MAX_BYTES ((size_t)64 << 20)
#define CACHE_MAX_BYTES ((int64_t)1 << 30)
#define CACHE_MAX_FILES 8192
#define CHECKSUM_BYTES 32

struct binary_cache {
    char *folder; /* NULL: holds nothing */
    atomic_bool failing;
};

static void hash_number(struct sha256 *h, int64_t n) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)n);
    sha256_field(h, text);
}

static void finish(struct sha256 *h, char out[65]) {
    uint8_t digest[32];
    sha256_final(h, digest);
    hex_encode(digest, sizeof digest, out);
}

void binary_cache_text_key(const struct plan *plan, const char *fingerprint, char out[65]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_field(&h, FORMAT " text");
    sha256_field(&h, fingerprint);
    sha256_field(&h, plan->source);
    sha256_field(&h, plan->options); /* they choose the device's macros */
    for (int i = 0; i < plan->n_macros; i++) {
        sha256_field(&h, plan->macro[i].name);
        hash_number(&h, plan->macro[i].value);
    }
    finish(&h, out);
}

void binary_cache_key(const char *text, const struct plan *plan, const char *fingerprint, char out[65]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_field(&h, FORMAT " binary");
    sha256_field(&h, fingerprint);
    sha256_field(&h, text);
    sha256_field(&h, plan->options);
    for (int i = 0; i < plan->n_launches; i++) {
        const struct plan_launch *l = &plan->launch[i];
        sha256_field(&h, l->entry);
        hash_number(&h, l->dims);
        for (int d = 0; d < l->dims; d++) {
            hash_number(&h, (int64_t)l->global[d]);
            hash_number(&h, l->has_local ? (int64_t)l->local[d] : -1);
        }
    }
    finish(&h, out);
}

/* --- bounds ---------------------------------------------------------------------------------------------------- */
struct entry {
    char *path;
    int64_t bytes;
    struct timespec used;
};

static int by_use(const void *a, const void *b) {
    const struct timespec *x = &((const struct entry *)a)->used, *y = &((const struct entry *)b)->used;
    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? 1 : -1;
    return x->tv_nsec < y->tv_nsec ? 1 : x->tv_nsec > y->tv_nsec ? -1 : 0;
}

static void trim(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir) return;
    struct entry *list = NULL;
    size_t n = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat s;
        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode))
            continue;
        list = xrealloc(list, (n + 1) * sizeof *list);
        list[n++] = (struct entry){.path = path_join(folder, e->d_name), .bytes = s.st_size, .used = s.st_mtim};
    }
    closedir(dir);
    if (n) qsort(list, n, sizeof *list, by_use);
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += list[i].bytes;
        if (sum > CACHE_MAX_BYTES || i >= CACHE_MAX_FILES) unlink(list[i].path);
        free(list[i].path);
    }
    free(list);
}

/* Who may write here chooses what devices run: a folder that others may write to is not used. */
static int check_folder(const char *folder, struct error *err) {
    struct stat s;
    if (stat(folder, &s) != 0) return error_errno(err, ERR_IO, errno, "%s", folder);
    if (!S_ISDIR(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & 022) != 0)
        return error_set(err, ERR_AUTH, "the folder %s is not this user's alone", folder);
    return 0;
}

/* --- the cache ---------------------------------------------------------------------------------------------------- */
struct binary_cache *binary_cache_new(const char *folder) {
    struct binary_cache *c = xcalloc(1, sizeof *c);
    struct error err = ERROR_INIT;
    if (!folder) return c;
    if (dir_make(folder, 0700, &err) != 0 || check_folder(folder, &err) != 0) {
        log_warn("no cache of binaries: %s", err.text);
        return c;
    }
    c->folder = xstrdup(folder);
    trim(folder);
    return c;
}

void binary_cache_free(struct binary_cache *c) {
    if (!c) return;
    free(c->folder);
    free(c);
}

/* Of name and contents: an entry that was renamed, or copied over another, is not one. */
static void checksum(const char *key, const void *data, size_t len, uint8_t out[CHECKSUM_BYTES]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_field(&h, key);
    sha256_update(&h, data, len);
    sha256_final(&h, out);
}

uint8_t *binary_cache_get(struct binary_cache *c, const char *key, size_t *ret_len) {
    if (!c->folder) return NULL;
    CLEANUP_FREE char *path = path_join(c->folder, key);
    size_t len = 0;
    CLEANUP_FREE char *data = file_read(path, ENTRY_MAX_BYTES + CHECKSUM_BYTES, &len, NULL);
    if (!data) return NULL;
    uint8_t digest[CHECKSUM_BYTES] = {0};
    if (len > CHECKSUM_BYTES) checksum(key, data + CHECKSUM_BYTES, len - CHECKSUM_BYTES, digest);
    if (len <= CHECKSUM_BYTES || memcmp(digest, data, CHECKSUM_BYTES) != 0) {
        unlink(path);
        return NULL;
    }
    utimensat(AT_FDCWD, path, NULL, 0); /* in use: kept longest */
    *ret_len = len - CHECKSUM_BYTES;
    memmove(data, data + CHECKSUM_BYTES, *ret_len + 1);
    return (uint8_t *)TAKE(data);
}

void binary_cache_put(struct binary_cache *c, const char *key, const void *data, size_t len) {
    if (!c->folder || len == 0 || len > ENTRY_MAX_BYTES) return;
    CLEANUP_FREE char *path = path_join(c->folder, key);
    CLEANUP_FREE uint8_t *whole = xmalloc(CHECKSUM_BYTES + len);
    checksum(key, data, len, whole);
    memcpy(whole + CHECKSUM_BYTES, data, len);
    struct error err = ERROR_INIT;
    bool failed = file_write_durable(path, whole, CHECKSUM_BYTES + len, 0600, &err) != 0;
    bool before = atomic_exchange(&c->failing, failed);
    if (failed && !before) log_warn("binaries are not kept: %s", err.text);
    if (!failed && before) log_info("binaries are kept again");
}

bool binary_cache_failing(const struct binary_cache *c) {
    return atomic_load(&c->failing);
}
