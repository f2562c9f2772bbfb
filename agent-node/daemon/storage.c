#include "agent-node/daemon/storage.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/log.h"

#define LOOK_MS 5000
#define AGAIN_MS 2000                   /* while in trouble */
#define DOUBT_MS 60000                  /* while something failed, but the folder can be written */
#define LEAST_BYTES ((uint64_t)4 << 20) /* of the cache's file system: a binary or two */
#define PROBE_BYTES 4096

void storage_init(struct storage *s, const char *cache_dir, struct duty *duty) {
    *s = (struct storage){.cache_dir = cache_dir, .duty = duty};
}

static int room(const char *folder, struct error *err) {
    struct statvfs fs;
    if (statvfs(folder, &fs) != 0) return error_errno(err, ERR_IO, errno, "the cache %s", folder);
    uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (fs.f_blocks == 0 || bytes >= LEAST_BYTES) return 0;
    return error_set(err, ERR_IO, "the disk of the cache %s is full: %llu bytes are left", folder,
                     (unsigned long long)bytes);
}

static int probe(const char *folder, struct error *err) {
    static const char zeros[PROBE_BYTES];
    CLEANUP_FREE char *name = xasprintf("probe-%d", (int)getpid());
    CLEANUP_FREE char *path = path_join(folder, name);
    int status = file_write_durable(path, zeros, sizeof zeros, 0600, err);
    unlink(path);
    return status;
}

static void look_at_cache(struct storage *s, bool failing, int64_t now_ms) {
    struct error err = ERROR_INIT;
    bool began = failing && !s->cache_failed;
    s->cache_failed = failing;
    if (!began && now_ms < s->cache_at_ms) return;
    int status = room(s->cache_dir, &err);
    if (status == 0 && (failing || s->cache_trouble)) status = probe(s->cache_dir, &err);
    s->cache_trouble = status != 0;
    duty_set_trouble(s->duty, TROUBLE_CACHE, status ? err.text : NULL);
    s->cache_at_ms = now_ms + (status ? AGAIN_MS : failing ? DOUBT_MS : LOOK_MS);
}

/* A reader that is gone is no reason to stop working; a disk that is full is one. */
static bool is_trouble(int error_number) {
    return error_number == ENOSPC || error_number == EIO || error_number == EDQUOT || error_number == EROFS;
}

static void look_at_log(struct storage *s, int64_t now_ms) {
    if (now_ms < s->log_at_ms) return;
    s->log_at_ms = now_ms + AGAIN_MS;
    if (s->log_trouble) { /* only writing tells whether it can be written */
        log_warn("%lld lines of the log could not be written, and are lost", (long long)log_lost());
    }
    int why = log_failure();
    s->log_trouble = is_trouble(why);
    if (!s->log_trouble) {
        duty_set_trouble(s->duty, TROUBLE_LOG, NULL);
        return;
    }
    CLEANUP_FREE char *text = xasprintf("the log cannot be written: %s", strerror(why));
    duty_set_trouble(s->duty, TROUBLE_LOG, text);
}

void storage_tick(struct storage *s, bool cache_failing, int64_t now_ms) {
    look_at_cache(s, cache_failing, now_ms);
    look_at_log(s, now_ms);
}
