/* Locks between processes (flock): exclusive or shared, with a deadline and a note of who holds it. They end with their
 * process, however it ends. A turnstile (a second file) lets waiters for an exclusive lock in before later shared ones,
 * so that neither kind starves. */
#pragma once
#include <stdint.h>

#include "common/error.h"

enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };
struct lockfile;

/* Folder of locks: PORTOLAN_LOCK_DIR, else /run/lock/portolan, else (where that cannot be used)
 * $XDG_RUNTIME_DIR/portolan/lock or /tmp/portolan-<uid>/lock. Made if missing. Caller frees. */
char *lock_dir(struct error *err);

/* Takes the lock `name` (a bare name in lock_dir(), or a path when it holds a '/'), waiting at most `timeout_ms`
 * (0: try once, INT64_MAX: for ever). `holder` ("portolan-agent on gpu0"), cut at 200 bytes, and the process id are put
 * into the file by an exclusive holder. The descriptor is close-on-exec; a fork without exec shares the lock. Not
 * recursive: a process that takes a lock twice waits for itself. ERR_BUSY names the holder; ERR_INVALID (name), ERR_IO.
 */
struct lockfile *lockfile_acquire(const char *name, enum lock_mode mode, int64_t timeout_ms, const char *holder,
                                  struct error *err);
/* Releases. Accepts NULL. */
void lockfile_release(struct lockfile *lock);
/* What the exclusive holder wrote, or "" when the lock was never held so. Caller frees. For messages only: it may be
 * out of date by the time it is read. */
char *lockfile_holder(const char *name);
