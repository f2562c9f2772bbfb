/* Whole copies of a store: made while a coordinator works on it, and started from. Neither needs the broker.
 *
 * What stands in a backup is one moment of the store. Whoever starts from it knows nothing of what came after; store/
 * restore marks the new store so that the coordinator finds out (accept/adopt.h) and tells apart what a life that is
 * gone has handed out. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* Epochs that may have been begun after the backup was made: a restored store goes on above them, at once and without
 * having to ask the broker. */
#define RESTORE_EPOCHS 1024
/* The same for the attempts of a task: an attempt's name is never given twice. */
#define RESTORE_ATTEMPTS 1000

#define META_RESTORED "restored"       /* "pending" until what was published after the backup was read back */
#define META_KNOWN_SINCE "known_since" /* the first epoch all of whose attempts are in this store */

/* Pages copied so far of how many. */
typedef void backup_progress(void *context, int64_t done, int64_t total);

/* Copy the store in `dir` to `file`: as of one moment, checked by SQLite's integrity check, durable, mode 0600. The
 * coordinator goes on meanwhile. ERR_NOT_FOUND: no store there; ERR_CONFLICT: `file` exists and `force` is not given;
 * ERR_INVALID: not a store of ours, or damaged; ERR_IO. What was begun is removed. *ret_bytes may be NULL. */
int store_backup(const char *dir, const char *file, bool force, backup_progress *progress, void *context,
                 int64_t *ret_bytes, struct error *err);
/* Make `dir` a store that begins with what stands in `file`. ERR_CONFLICT: there is one already; ERR_BUSY: a
 * coordinator runs there; ERR_NOT_FOUND, ERR_INVALID, ERR_UNSUPPORTED (written by a newer version), ERR_IO. */
int store_restore(const char *dir, const char *file, struct error *err);
