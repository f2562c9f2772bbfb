/* Files: bounded reads, durable writes. Folders are in dirs.c. */
#include "common/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/random.h"

#define READ_CHUNK_BYTES (64 * 1024)

static int read_all(int fd, const char *path, size_t limit, struct buf *ret, struct error *err) {
    char chunk[READ_CHUNK_BYTES];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return error_errno(err, ERR_IO, errno, "cannot read %s", path);
        if (n == 0) return 0;
        if ((size_t)n > limit - ret->len)
            return error_set(err, ERR_LIMIT, "%s is larger than the limit of %zu bytes", path, limit);
        buf_append(ret, chunk, (size_t)n);
    }
}

char *file_read(const char *path, size_t limit, size_t *ret_len, struct error *err) {
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        error_errno(err, missing ? ERR_NOT_FOUND : ERR_IO, errno, "cannot open %s", path);
        return NULL;
    }
    CLEANUP(buf_done) struct buf content = BUF_INIT;
    if (read_all(fd, path, limit, &content, err) != 0) return NULL;
    if (ret_len) *ret_len = content.len;
    return buf_take(&content);
}

int file_write_all(int fd, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Writes and closes; close(2) may be where a full network disk tells. */
static int write_and_sync(const char *path, const void *data, size_t len, unsigned mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return -1;
    if (file_write_all(fd, data, len) != 0 || fsync(fd) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return close(fd);
}

int dir_sync(const char *path) {
    CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    /* EINVAL: a file system whose folders need no fsync. */
    return fsync(fd) != 0 && errno != EINVAL ? -1 : 0;
}

int file_write_durable(const char *path, const void *data, size_t len, unsigned mode, struct error *err) {
    char suffix[17];
    random_hex(suffix, 8);
    CLEANUP_FREE char *dir = path_dirname(path);
    CLEANUP_FREE char *name = xasprintf(".%.200s.%s.tmp", path_basename(path), suffix);
    CLEANUP_FREE char *temporary = path_join(dir, name);
    if (write_and_sync(temporary, data, len, mode) != 0 || rename(temporary, path) != 0) {
        int why = errno;
        unlink(temporary);
        return error_errno(err, ERR_IO, why, "cannot write %s", path);
    }
    if (dir_sync(dir) != 0) return error_errno(err, ERR_IO, errno, "cannot sync the folder %s", dir);
    return 0;
}

char *path_join(const char *a, const char *b) {
    size_t len = strlen(a);
    if (len == 0 || b[0] == '/') return xstrdup(b);
    return xasprintf(a[len - 1] == '/' ? "%s%s" : "%s/%s", a, b);
}

char *path_dirname(const char *path) {
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    if (len == 0) return xstrdup(".");
    while (len > 1 && path[len - 1] == '/') len--;
    return xstrndup(path, len);
}

const char *path_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
