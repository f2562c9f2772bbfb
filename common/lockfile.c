/* flock with a deadline is polling: a blocking flock could only be ended by a signal, which is no way for threads. The
 * turnstile is held by an exclusive waiter while it waits, and passed through by shared ones; see lockfile.h. */
#include "common/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/utf8.h"

#define SYSTEM_LOCK_DIR "/run/lock/portolan"
#define HOLDER_MAX 256
#define POLL_MS_MIN 1
#define POLL_MS_MAX 10 /* a waiting measurement loses at most this much */

struct lockfile {
    int fd;
};

/* All users of a machine contend for its devices, so they share the folder, as in /tmp. */
static bool use_system_dir(void) {
    if (mkdir(SYSTEM_LOCK_DIR, 0700) == 0 && chmod(SYSTEM_LOCK_DIR, 01777) != 0) return false;
    struct stat s;
    return lstat(SYSTEM_LOCK_DIR, &s) == 0 && S_ISDIR(s.st_mode) && access(SYSTEM_LOCK_DIR, W_OK | X_OK) == 0;
}

char *lock_dir(struct error *err) {
    const char *override = getenv("PORTOLAN_LOCK_DIR");
    if (override && override[0]) return dir_make(override, 0700, err) == 0 ? xstrdup(override) : NULL;
    if (use_system_dir()) return xstrdup(SYSTEM_LOCK_DIR);
    CLEANUP_FREE char *runtime = dir_standard("runtime", err);
    if (!runtime) return NULL;
    CLEANUP_FREE char *dir = path_join(runtime, "lock");
    return dir_make(dir, 0700, err) == 0 ? TAKE(dir) : NULL;
}

static char *lock_path(const char *name, struct error *err) {
    if (strchr(name, '/')) return xstrdup(name);
    if (!name[0] || name[0] == '.' || strlen(name) > 100) {
        error_set(err, ERR_INVALID, "`%.100s` cannot be the name of a lock", name);
        return NULL;
    }
    CLEANUP_FREE char *dir = lock_dir(err);
    return dir ? path_join(dir, name) : NULL;
}

/* Opens first and creates then: in a shared sticky folder the kernel (fs.protected_regular) refuses to open another
 * user's file with O_CREAT. */
static int open_lock(const char *path, struct error *err) {
    for (int tries = 0; tries < 100; tries++) { /* races with other creators end at once */
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0) return fd;
        if (errno != ENOENT) break;
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_CREAT | O_EXCL, 0666);
        if (fd >= 0) {
            fchmod(fd, strncmp(path, SYSTEM_LOCK_DIR "/", sizeof SYSTEM_LOCK_DIR) == 0 ? 0666 : 0600);
            return fd;
        }
        if (errno != EEXIST) break;
    }
    return error_errno(err, ERR_IO, errno, "cannot open the lock %s", path);
}

/* 0, or -1 with errno EWOULDBLOCK when the deadline has come. */
static int flock_until(int fd, int operation, int64_t deadline_ms) {
    int64_t pause_ms = POLL_MS_MIN;
    for (;;) {
        if (flock(fd, operation | LOCK_NB) == 0) return 0;
        if (errno != EWOULDBLOCK && errno != EINTR) return -1;
        int64_t left_ms = deadline_ms - clock_mono_ms();
        if (left_ms <= 0) return errno = EWOULDBLOCK, -1;
        if (pause_ms > left_ms) pause_ms = left_ms;
        nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000}, NULL);
        pause_ms = pause_ms * 2 < POLL_MS_MAX ? pause_ms * 2 : POLL_MS_MAX;
    }
}

static void write_holder(int fd, const char *holder) {
    char name[HOLDER_MAX - 40];
    utf8_copy(name, sizeof name, holder ? holder : "");
    for (char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    CLEANUP_FREE char *text = xasprintf("%s%sprocess %d\n", name, name[0] ? ", " : "", (int)getpid());
    /* For messages only: a full disk must not cost the lock. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0) return;
}

static char *read_holder(int fd) {
    char text[HOLDER_MAX];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    text[strcspn(text, "\n")] = 0;
    char *clean = xmalloc(sizeof text);
    utf8_copy(clean, sizeof text, text);
    return clean;
}

static int lock_error(int fd, const char *path, int64_t timeout_ms, int why, struct error *err) {
    if (why != EWOULDBLOCK) return error_errno(err, ERR_IO, why, "cannot lock %s", path);
    CLEANUP_FREE char *holder = read_holder(fd);
    return error_set(err, ERR_BUSY, "%s is locked%s%s (waited %lld ms)", path, holder[0] ? ", last by " : "", holder,
                     (long long)timeout_ms);
}

/* Through the turnstile to the lock. */
static int take(int fd, int turnstile, enum lock_mode mode, int64_t deadline_ms) {
    bool exclusive = mode == LOCK_EXCLUSIVE;
    if (flock_until(turnstile, exclusive ? LOCK_EX : LOCK_SH, deadline_ms) != 0) return -1;
    if (exclusive) return flock_until(fd, LOCK_EX, deadline_ms);
    flock(turnstile, LOCK_UN);
    return flock_until(fd, LOCK_SH, deadline_ms);
}

struct lockfile *lockfile_acquire(const char *name, enum lock_mode mode, int64_t timeout_ms, const char *holder,
                                  struct error *err) {
    CLEANUP_FREE char *path = lock_path(name, err);
    if (!path) return NULL;
    CLEANUP_FREE char *turnstile_path = xasprintf("%s.turnstile", path);
    CLEANUP_FD int fd = open_lock(path, err);
    CLEANUP_FD int turnstile = fd < 0 ? -1 : open_lock(turnstile_path, err);
    if (turnstile < 0) return NULL;
    int64_t deadline_ms;
    if (__builtin_add_overflow(clock_mono_ms(), timeout_ms, &deadline_ms)) deadline_ms = INT64_MAX; /* for ever */
    if (take(fd, turnstile, mode, deadline_ms) != 0) {
        lock_error(fd, path, timeout_ms, errno, err);
        return NULL;
    }
    if (mode == LOCK_EXCLUSIVE) write_holder(fd, holder);
    struct lockfile *lock = xmalloc(sizeof *lock);
    *lock = (struct lockfile){fd};
    fd = -1; /* handed over */
    return lock;
}

void lockfile_release(struct lockfile *lock) {
    if (!lock) return;
    flock(lock->fd, LOCK_UN); /* now, even if a child holds a copy of the descriptor */
    close(lock->fd);
    free(lock);
}

char *lockfile_holder(const char *name) {
    CLEANUP_FREE char *path = lock_path(name, NULL);
    CLEANUP_FD int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    return fd < 0 ? xstrdup("") : read_holder(fd);
}
