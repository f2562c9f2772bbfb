/* Files: bounded reads, durable writes, folders. */
#pragma once
#include <stddef.h>
#include "common/error.h"
/* Whole file, NUL-terminated, at most `limit` bytes (ERR_LIMIT), ERR_NOT_FOUND, ERR_IO. Caller frees. */
char *file_read(const char *path, size_t limit, size_t *ret_len, struct error *err);
/* Write to a temporary beside it, fsync, rename, fsync the folder. `mode` as in open(2). */
int file_write_durable(const char *path, const void *data, size_t len, unsigned mode, struct error *err);
/* All of it, whatever write(2) takes at a time. -1 with errno. */
int file_write_all(int fd, const void *data, size_t len);
/* fsync of a folder; nothing where its file system needs none. -1 with errno. */
int dir_sync(const char *path);
int dir_make(const char *path, unsigned mode, struct error *err); /* mkdir -p; existing is fine */
int dir_remove(const char *path, struct error *err);              /* rm -r; missing is fine; follows no link */
char *path_join(const char *a, const char *b);                    /* caller frees */
char *path_dirname(const char *path);                             /* caller frees; "." for a bare name */
const char *path_basename(const char *path);                      /* points into path; "" after a trailing slash */
/* XDG and service folders, made if missing. `what` is "state", "cache", "config", "runtime"; under /var/lib/portolan
 * etc. when PORTOLAN_SYSTEM is set; PORTOLAN_STATE_DIR, PORTOLAN_CACHE_DIR, ... override. Caller frees. */
char *dir_standard(const char *what, struct error *err);
/* Path of a file that a coordinator leaves in its runtime folder: of this user's, else of the one that runs as a
 * service on this machine (/run/portolan, unless PORTOLAN_RUNTIME_DIR names a folder of somebody who is no service);
 * where neither is there, this user's. Caller frees. */
char *runtime_file(const char *name, struct error *err);
