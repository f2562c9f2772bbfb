/* Faults from below, for tests: an LD_PRELOAD library that counts what a process writes to some of its files and lets
 * one of these calls, or all from it on, go wrong. Built by `make tools-build` into $(BUILD)/shims/io_faults.so.
 *
 *     LD_PRELOAD=$BUILD/shims/io_faults.so PORTOLAN_FAULT_PATH='*' PORTOLAN_FAULT_REPORT=points portolan serve ...
 *     wc -l <points                 # how many write points there are; each line is: number pid call bytes path
 *     LD_PRELOAD=... PORTOLAN_FAULT_PATH='*' PORTOLAN_FAULT_AT=17 PORTOLAN_FAULT_ACTION=kill portolan serve ...
 *
 * Counted are write, writev, pwrite, pwritev, fsync, fdatasync, ftruncate, rename, unlink, mkdir and the opening of a
 * file that may be made by it, with their variants (64, at), on regular files and folders whose path matches. Pages
 * that are written through mmap (SQLite's -shm, which is no part of its durability) are not seen, nor is what stdio
 * writes. Each process counts for itself; a forked child goes on from its parent's count.
 *
 *   PORTOLAN_FAULT_PATH     patterns of absolute paths, separated by `:`, as fnmatch() has them; `*` crosses slashes.
 *                           Without it nothing is counted.
 *   PORTOLAN_FAULT_REPORT   a file that gets a line for each counted call, before the call is made. It is appended to.
 *   PORTOLAN_FAULT_AT       the number (from 1) of the call that goes wrong. Without it, or 0: none by number.
 *   PORTOLAN_FAULT_ACTION   kill    SIGKILL to the process itself
 *                           short   write a part only, then SIGKILL; for calls that write nothing the same as kill
 *                           eio     the call fails with EIO and does nothing
 *                           enospc  it fails with ENOSPC and does nothing; fsync, unlink and calls that only make a
 *                                   file shorter go through, as on a full disk
 *   PORTOLAN_FAULT_WHEN     kill: before (default) or after the call
 *   PORTOLAN_FAULT_BYTES    short: how many bytes are written; default: half of them
 *   PORTOLAN_FAULT_KEEP     1: eio, enospc: from that call on, not only once
 *   PORTOLAN_FAULT_UNTIL    no call fails any more once this file exists
 *   PORTOLAN_FAULT_WHILE    eio, enospc: calls fail while this file exists, whatever their number
 *   PORTOLAN_FAULT_COMM     only in processes of this name (/proc/self/comm), e.g. portolan-agent
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_SIZE (PATH_MAX + 32)
#define LINE_SIZE (PATH_SIZE + 128)

enum action { ACTION_NONE, ACTION_KILL, ACTION_SHORT, ACTION_EIO, ACTION_ENOSPC };
enum need { NEEDS_SPACE, NEEDS_NONE }; /* whether a full disk refuses the call */

static struct {
    const char *patterns, *until, *during;
    enum action action;
    bool after, keep, off;
    long at, bytes;
    int report;
} faults = {.report = -1};
static atomic_long calls;

/* What a wrapper has to do, having asked. */
struct verdict {
    bool fail;  /* with errno as set */
    bool death; /* after the call */
    bool part;  /* write a part, then die */
};

static enum action action_of(const char *text) {
    static const char *const names[] = {"", "kill", "short", "eio", "enospc"};
    for (size_t i = 1; text && i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) return (enum action)i;
    return ACTION_NONE;
}

static long number_of(const char *name) {
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static bool other_program(void) {
    const char *wanted = getenv("PORTOLAN_FAULT_COMM");
    char name[32] = "";
    if (!wanted) return false;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, name, sizeof name - 1) : -1;
    if (fd >= 0) close(fd);
    name[n > 0 ? n : 0] = 0;
    name[strcspn(name, "\n")] = 0;
    return strcmp(name, wanted) != 0;
}

static void set_up(void) {
    const char *when = getenv("PORTOLAN_FAULT_WHEN"), *report = getenv("PORTOLAN_FAULT_REPORT");
    faults.patterns = getenv("PORTOLAN_FAULT_PATH");
    faults.until = getenv("PORTOLAN_FAULT_UNTIL");
    faults.during = getenv("PORTOLAN_FAULT_WHILE");
    faults.action = action_of(getenv("PORTOLAN_FAULT_ACTION"));
    faults.after = when && strcmp(when, "after") == 0;
    faults.keep = number_of("PORTOLAN_FAULT_KEEP") != 0;
    faults.at = number_of("PORTOLAN_FAULT_AT");
    faults.bytes = getenv("PORTOLAN_FAULT_BYTES") ? number_of("PORTOLAN_FAULT_BYTES") : -1;
    faults.off = !faults.patterns || other_program();
    if (report && !faults.off)
        faults.report = (int)syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool is_off(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    return faults.off;
}

/* The next function of that name: the C library's. */
static void *next(const char *name) {
    void *f = dlsym(RTLD_NEXT, name);
    if (!f) abort();
    return f;
}
/* `call` is the C library's function of the same name. Looked up once; a race finds the same address twice. */
#define NEXT(name)                         \
    static _Atomic(void *) found_;         \
    void *address_ = atomic_load(&found_); \
    if (!address_) {                       \
        address_ = next(#name);            \
        atomic_store(&found_, address_);   \
    }                                      \
    __typeof__(name) *call;                \
    memcpy(&call, &address_, sizeof call)

/* --- which file ------------------------------------------------------------------------------- */
static bool path_of_fd(int fd, char *out) {
    char link[64];
    struct stat st;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) return false;
    ssize_t n = readlink(link, out, PATH_MAX);
    if (n < 0) return false;
    out[n] = 0;
    return true;
}

static bool path_at(int dirfd, const char *path, char *out) {
    if (path[0] == '/') {
        snprintf(out, PATH_SIZE, "%s", path);
        return true;
    }
    char dir[PATH_SIZE] = "";
    if (dirfd == AT_FDCWD ? getcwd(dir, PATH_MAX) == NULL : !path_of_fd(dirfd, dir)) return false;
    return snprintf(out, PATH_SIZE, "%s/%s", dir, path) < PATH_SIZE;
}

static bool matches(const char *path) {
    char pattern[PATH_SIZE];
    for (const char *p = faults.patterns; *p;) {
        size_t len = strcspn(p, ":");
        if (len < sizeof pattern) {
            memcpy(pattern, p, len);
            pattern[len] = 0;
            if (fnmatch(pattern, path, 0) == 0) return true;
        }
        p += len + (p[len] == ':');
    }
    return false;
}

/* --- counting and deciding -------------------------------------------------------------------- */
static bool exists(const char *path) {
    return path && access(path, F_OK) == 0;
}

__attribute__((noreturn)) static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void report(long number, const char *what, size_t bytes, const char *path) {
    char line[LINE_SIZE];
    if (faults.report < 0) return;
    int len = snprintf(line, sizeof line, "%ld %d %s %zu %s\n", number, (int)getpid(), what, bytes, path);
    if (syscall(SYS_write, faults.report, line, (size_t)len) != len) abort();
}

static bool fails_now(long number) {
    bool by_number = faults.at > 0 && (faults.keep ? number >= faults.at : number == faults.at);
    return (by_number || exists(faults.during)) && !exists(faults.until);
}

static struct verdict decide(const char *what, size_t bytes, const char *path, enum need need) {
    struct verdict verdict = {0};
    long number = atomic_fetch_add(&calls, 1) + 1;
    report(number, what, bytes, path);
    switch (faults.action) {
        case ACTION_KILL:
        case ACTION_SHORT:
            if (number != faults.at || exists(faults.until)) break;
            verdict.part = faults.action == ACTION_SHORT && bytes > 0;
            verdict.death = verdict.part || (faults.action == ACTION_KILL && faults.after);
            if (!verdict.death) die();
            break;
        case ACTION_EIO:
            verdict.fail = fails_now(number);
            if (verdict.fail) errno = EIO;
            break;
        case ACTION_ENOSPC:
            verdict.fail = need == NEEDS_SPACE && fails_now(number);
            if (verdict.fail) errno = ENOSPC;
            break;
        default:
            break;
    }
    return verdict;
}

static struct verdict ask_fd(const char *what, int fd, size_t bytes, enum need need) {
    char path[PATH_SIZE];
    int before = errno;
    struct verdict verdict = {0};
    if (!is_off() && path_of_fd(fd, path) && matches(path)) verdict = decide(what, bytes, path, need);
    if (!verdict.fail) errno = before;
    return verdict;
}

static struct verdict ask_path(const char *what, int dirfd, const char *name, enum need need) {
    char path[PATH_SIZE];
    int before = errno;
    struct verdict verdict = {0};
    if (!is_off() && path_at(dirfd, name, path) && matches(path)) verdict = decide(what, 0, path, need);
    if (!verdict.fail) errno = before;
    return verdict;
}

static size_t part_of(size_t len) {
    size_t part = faults.bytes >= 0 ? (size_t)faults.bytes : len / 2;
    return part < len ? part : len;
}

static size_t total(const struct iovec *vec, int count) {
    size_t len = 0;
    for (int i = 0; i < count; i++) len += vec[i].iov_len;
    return len;
}

/* --- the wrappers: their prototypes are the C library's --------------------------------------- */
#define AFTER(verdict) \
    if ((verdict).death) die()

ssize_t write(int fd, const void *data, size_t len) {
    NEXT(write);
    struct verdict v = ask_fd("write", fd, len, NEEDS_SPACE);
    if (v.fail) return -1;
    ssize_t n = call(fd, data, v.part ? part_of(len) : len);
    AFTER(v);
    return n;
}

#define WRAP_PWRITE(name, offset_type)                                       \
    ssize_t name(int fd, const void *data, size_t len, offset_type offset) { \
        NEXT(name);                                                          \
        struct verdict v = ask_fd(#name, fd, len, NEEDS_SPACE);              \
        if (v.fail) return -1;                                               \
        ssize_t n = call(fd, data, v.part ? part_of(len) : len, offset);     \
        AFTER(v);                                                            \
        return n;                                                            \
    }
WRAP_PWRITE(pwrite, off_t)
WRAP_PWRITE(pwrite64, off64_t)

/* A part of a vector is its first element's. */
ssize_t writev(int fd, const struct iovec *vec, int count) {
    NEXT(writev);
    struct verdict v = ask_fd("writev", fd, total(vec, count), NEEDS_SPACE);
    if (v.fail) return -1;
    if (v.part && syscall(SYS_write, fd, vec[0].iov_base, part_of(vec[0].iov_len)) < 0) die();
    ssize_t n = v.part ? 0 : call(fd, vec, count);
    AFTER(v);
    return n;
}

ssize_t pwritev(int fd, const struct iovec *vec, int count, off_t offset) {
    NEXT(pwritev);
    struct verdict v = ask_fd("pwritev", fd, total(vec, count), NEEDS_SPACE);
    if (v.fail) return -1;
    if (v.part && syscall(SYS_pwrite64, fd, vec[0].iov_base, part_of(vec[0].iov_len), offset) < 0) die();
    ssize_t n = v.part ? 0 : call(fd, vec, count, offset);
    AFTER(v);
    return n;
}

#define WRAP_FD(name, need)                            \
    int name(int fd) {                                 \
        NEXT(name);                                    \
        struct verdict v = ask_fd(#name, fd, 0, need); \
        if (v.fail) return -1;                         \
        int status = call(fd);                         \
        AFTER(v);                                      \
        return status;                                 \
    }
WRAP_FD(fsync, NEEDS_NONE)
WRAP_FD(fdatasync, NEEDS_NONE)

static enum need need_of_length(int fd, off_t length) {
    struct stat st;
    return fstat(fd, &st) == 0 && length > st.st_size ? NEEDS_SPACE : NEEDS_NONE;
}

#define WRAP_FTRUNCATE(name, offset_type)                                    \
    int name(int fd, offset_type length) {                                   \
        NEXT(name);                                                          \
        struct verdict v = ask_fd(#name, fd, 0, need_of_length(fd, length)); \
        if (v.fail) return -1;                                               \
        int status = call(fd, length);                                       \
        AFTER(v);                                                            \
        return status;                                                       \
    }
WRAP_FTRUNCATE(ftruncate, off_t)
WRAP_FTRUNCATE(ftruncate64, off64_t)

int rename(const char *from, const char *to) {
    NEXT(rename);
    struct verdict v = ask_path("rename", AT_FDCWD, to, NEEDS_SPACE);
    if (v.fail) return -1;
    int status = call(from, to);
    AFTER(v);
    return status;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    NEXT(renameat);
    struct verdict v = ask_path("renameat", to_dir, to, NEEDS_SPACE);
    if (v.fail) return -1;
    int status = call(from_dir, from, to_dir, to);
    AFTER(v);
    return status;
}

int unlink(const char *path) {
    NEXT(unlink);
    struct verdict v = ask_path("unlink", AT_FDCWD, path, NEEDS_NONE);
    if (v.fail) return -1;
    int status = call(path);
    AFTER(v);
    return status;
}

int unlinkat(int dir, const char *path, int flags) {
    NEXT(unlinkat);
    struct verdict v = ask_path("unlinkat", dir, path, NEEDS_NONE);
    if (v.fail) return -1;
    int status = call(dir, path, flags);
    AFTER(v);
    return status;
}

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    /* A folder that is there is no write. */
    struct verdict v = exists(path) ? (struct verdict){0} : ask_path("mkdir", AT_FDCWD, path, NEEDS_SPACE);
    if (v.fail) return -1;
    int status = call(path, mode);
    AFTER(v);
    return status;
}

/* Only an opening that makes the file counts. */
static struct verdict ask_open(int dir, const char *path, int flags) {
    struct stat st;
    if (!(flags & O_CREAT) || fstatat(dir, path, &st, 0) == 0) return (struct verdict){0};
    return ask_path("open", dir, path, NEEDS_SPACE);
}

#define WRAP_OPEN(name)                                                   \
    int name(const char *path, int flags, ...) {                          \
        NEXT(name);                                                       \
        mode_t mode = 0;                                                  \
        va_list args;                                                     \
        va_start(args, flags);                                            \
        if (flags & (O_CREAT | __O_TMPFILE)) mode = va_arg(args, mode_t); \
        va_end(args);                                                     \
        int before = errno;                                               \
        struct verdict v = ask_open(AT_FDCWD, path, flags);               \
        if (v.fail) return -1;                                            \
        errno = before;                                                   \
        int fd = call(path, flags, mode);                                 \
        AFTER(v);                                                         \
        return fd;                                                        \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)

#define WRAP_OPENAT(name)                                                 \
    int name(int dir, const char *path, int flags, ...) {                 \
        NEXT(name);                                                       \
        mode_t mode = 0;                                                  \
        va_list args;                                                     \
        va_start(args, flags);                                            \
        if (flags & (O_CREAT | __O_TMPFILE)) mode = va_arg(args, mode_t); \
        va_end(args);                                                     \
        int before = errno;                                               \
        struct verdict v = ask_open(dir, path, flags);                    \
        if (v.fail) return -1;                                            \
        errno = before;                                                   \
        int fd = call(dir, path, flags, mode);                            \
        AFTER(v);                                                         \
        return fd;                                                        \
    }
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
