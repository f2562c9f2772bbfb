#include "agent-node/daemon/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fileio.h"

#define TEMPORARY_AGE_MS INT64_C(3600000) /* writing one takes less */
#define SCRATCH_AGE_MS INT64_C(86400000)
#define SCRATCH_PREFIX "portolan-runner-"
#define CMDLINE_MAX (1 << 20)

static void close_dir(DIR **dir) {
    if (*dir) closedir(*dir);
}
#define CLEANUP_DIR CLEANUP(close_dir)

struct entry {
    char *path;
    int64_t bytes, age_ms;
    bool is_dir;
};
struct entries {
    struct entry *items;
    size_t count;
};

static void entries_done(struct entries *e) {
    for (size_t i = 0; i < e->count; i++) free(e->items[i].path);
    free(e->items);
}

static int64_t age_of(const struct stat *st) {
    return clock_wall_ms() - ((int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000);
}

/* Files and folders in a folder, links not followed. One that does not exist is empty. */
static int list(const char *folder, struct entries *ret, struct error *err) {
    CLEANUP_DIR DIR *dir = opendir(folder);
    if (!dir) return errno == ENOENT ? 0 : error_errno(err, ERR_IO, errno, "cannot read %s", folder);
    for (const struct dirent *d; (d = readdir(dir));) {
        struct stat st;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) continue;
        if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue; /* gone meanwhile */
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) continue;
        ret->items = xrealloc(ret->items, (ret->count + 1) * sizeof *ret->items);
        ret->items[ret->count++] = (struct entry){.path = path_join(folder, d->d_name),
                                                  .bytes = (int64_t)st.st_blocks * 512,
                                                  .age_ms = age_of(&st),
                                                  .is_dir = S_ISDIR(st.st_mode)};
    }
    return 0;
}

static void keep(struct leftovers_kind *kind, int64_t bytes) {
    kind->kept++;
    kind->kept_bytes += bytes;
}

static void drop(struct leftovers_kind *kind, const struct entry *entry, int64_t bytes, bool dry) {
    struct error ignored = ERROR_INIT;
    if (!dry && (entry->is_dir ? dir_remove(entry->path, &ignored) : unlink(entry->path)) != 0) {
        keep(kind, bytes);
        return;
    }
    kind->removed++;
    kind->bytes += bytes;
}

/* --- the cache -------------------------------------------------------------------------------- */
/* ".NAME.RANDOM.tmp", as file_write_durable() has them. */
static bool is_temporary(const struct entry *entry) {
    const char *name = path_basename(entry->path);
    size_t len = strlen(name);
    return !entry->is_dir && name[0] == '.' && len > 4 && strcmp(name + len - 4, ".tmp") == 0;
}

static int youngest_first(const void *a, const void *b) {
    int64_t x = ((const struct entry *)a)->age_ms, y = ((const struct entry *)b)->age_ms;
    return x < y ? -1 : x > y;
}

/* Files of one folder of the cache: the youngest stay until `most_bytes` are full. */
static int clean_cache(const char *cache_dir, const char *name, int64_t age_ms, int64_t most_bytes, bool dry,
                       struct leftovers_kind *kind, struct leftovers *ret, struct error *err) {
    CLEANUP(entries_done) struct entries found = {0};
    CLEANUP_FREE char *folder = path_join(cache_dir, name);
    int64_t sum = 0;
    if (list(folder, &found, err) != 0) return -1;
    if (found.count) qsort(found.items, found.count, sizeof *found.items, youngest_first);
    for (size_t i = 0; i < found.count; i++) {
        const struct entry *e = &found.items[i];
        if (e->is_dir) continue;
        if (is_temporary(e)) {
            if (e->age_ms > TEMPORARY_AGE_MS) drop(&ret->temporary, e, e->bytes, dry);
            continue;
        }
        sum += e->bytes;
        if (e->age_ms > age_ms || sum > most_bytes)
            drop(kind, e, e->bytes, dry);
        else
            keep(kind, e->bytes);
    }
    return 0;
}

/* --- folders of runners ----------------------------------------------------------------------- */
static int64_t tree_bytes(const char *folder) {
    CLEANUP(entries_done) struct entries found = {0};
    int64_t sum = 0;
    if (list(folder, &found, NULL) != 0) return 0;
    for (size_t i = 0; i < found.count; i++)
        sum += found.items[i].bytes + (found.items[i].is_dir ? tree_bytes(found.items[i].path) : 0);
    return sum;
}

static bool holds(const char *data, size_t len, const char *text) {
    return memmem(data, len, text, strlen(text)) != NULL;
}

/* Whether some process was started with this folder among its arguments, as a runner's sandbox is. */
static bool is_used(const char *folder) {
    CLEANUP_DIR DIR *proc = opendir("/proc");
    if (!proc) return true;
    for (const struct dirent *d; (d = readdir(proc));) {
        if (d->d_name[0] < '0' || d->d_name[0] > '9') continue;
        char path[300];
        size_t len = 0;
        snprintf(path, sizeof path, "/proc/%.32s/cmdline", d->d_name);
        CLEANUP_FREE char *arguments = file_read(path, CMDLINE_MAX, &len, NULL);
        if (arguments && holds(arguments, len, path_basename(folder))) return true;
    }
    return false;
}

static int clean_scratch(const char *parent, bool dry, struct leftovers_kind *kind, struct error *err) {
    CLEANUP(entries_done) struct entries found = {0};
    const char *base = parent ? parent : getenv("TMPDIR");
    struct stat st;
    if (list(base && *base ? base : "/tmp", &found, err) != 0) return -1;
    for (size_t i = 0; i < found.count; i++) {
        const struct entry *e = &found.items[i];
        if (!e->is_dir || strncmp(path_basename(e->path), SCRATCH_PREFIX, strlen(SCRATCH_PREFIX)) != 0) continue;
        /* An agent of root's gives its runners' folders to the user that they run as. */
        if (lstat(e->path, &st) != 0 || (geteuid() != 0 && st.st_uid != geteuid())) continue;
        int64_t bytes = tree_bytes(e->path);
        if (e->age_ms > SCRATCH_AGE_MS && !is_used(e->path))
            drop(kind, e, bytes, dry);
        else
            keep(kind, bytes);
    }
    return 0;
}

/* --- spools ----------------------------------------------------------------------------------- */
static int64_t youngest_age(const struct entry *folder) {
    CLEANUP(entries_done) struct entries found = {0};
    int64_t age = folder->age_ms;
    if (list(folder->path, &found, NULL) != 0) return 0;
    for (size_t i = 0; i < found.count; i++)
        if (found.items[i].age_ms < age) age = found.items[i].age_ms;
    return age;
}

/* The lock is held while the folder goes, so that no agent begins to use it meanwhile. */
static void clean_spool(const struct entry *folder, int64_t age_ms, bool dry, struct leftovers_kind *kind) {
    CLEANUP_FREE char *path = path_join(folder->path, "lock");
    int64_t bytes = tree_bytes(folder->path);
    CLEANUP_FD int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool held = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0;
    if (held || youngest_age(folder) <= age_ms)
        keep(kind, bytes);
    else
        drop(kind, folder, bytes, dry);
}

static int clean_spools(const char *state_dir, int64_t age_ms, bool dry, struct leftovers_kind *kind,
                        struct error *err) {
    CLEANUP(entries_done) struct entries found = {0};
    CLEANUP_FREE char *folder = path_join(state_dir, "spool");
    if (list(folder, &found, err) != 0) return -1;
    for (size_t i = 0; i < found.count; i++)
        if (found.items[i].is_dir) clean_spool(&found.items[i], age_ms, dry, kind);
    return 0;
}

int leftovers_remove(const char *cache_dir, const char *state_dir, const struct leftovers_limits *limits, bool dry,
                     struct leftovers *ret, struct error *err) {
    *ret = (struct leftovers){0};
    if (clean_cache(cache_dir, "binaries", limits->binaries_age_ms, limits->binaries_bytes, dry, &ret->binaries, ret,
                    err) != 0 ||
        clean_cache(cache_dir, "devices", limits->measured_age_ms, INT64_MAX, dry, &ret->measurements, ret, err) != 0 ||
        clean_cache(cache_dir, "history", limits->measured_age_ms, INT64_MAX, dry, &ret->measurements, ret, err) != 0)
        return -1;
    if (clean_scratch(limits->scratch_parent, dry, &ret->scratch, err) != 0) return -1;
    return clean_spools(state_dir, limits->spool_age_ms, dry, &ret->spools, err);
}
