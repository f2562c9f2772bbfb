/* The folder of segments: opening, appending, releasing. How a segment looks inside is spool_format.c's. */
#include "agent-node/daemon/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent-node/daemon/spool_format.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "common/lockfile.h"
#include "common/log.h"

#define LOCK_WAIT_MS 5000
#define BYTES_DEFAULT ((int64_t)256 << 20)
#define RECORDS_DEFAULT 10000
#define FILE_MAX_BYTES ((size_t)64 << 20) /* of one segment: many batches of SPOOL_SEGMENT_BYTES */
#define USUAL_RECORD_BYTES 65536
#define PROBE_BYTES 4096
#define SEGMENTS_MAX 4096
#define FREE_LEAST_BYTES ((uint64_t)1 << 20) /* of the file system: less is as good as full */

struct segment {
    uint64_t number;
    int64_t bytes;
    int64_t live; /* records not released */
};
struct spool {
    char *folder;
    struct lockfile *lock;
    struct spool_limits limits;
    pthread_mutex_t mutex;
    struct segment *segment; /* by number */
    size_t segment_count;
    int64_t bytes, records;
    int fd; /* of the last segment, where appending goes on; -1: the next write begins a new one */
    uint8_t head[SPOOL_HEAD_BYTES];
    uint64_t next_number;
};

/* --- the folder -------------------------------------------------------------------------------------------------- */
static char *segment_path(const struct spool *s, uint64_t number) {
    return xasprintf("%s/%012llu" SPOOL_FILE_SUFFIX, s->folder, (unsigned long long)number);
}

static struct segment *find_segment(struct spool *s, uint64_t number) {
    for (size_t i = 0; i < s->segment_count; i++)
        if (s->segment[i].number == number) return &s->segment[i];
    return NULL;
}

static struct segment *add_segment(struct spool *s, uint64_t number, int64_t bytes) {
    s->segment = xrealloc(s->segment, (s->segment_count + 1) * sizeof *s->segment);
    struct segment *seg = &s->segment[s->segment_count++];
    *seg = (struct segment){.number = number, .bytes = bytes};
    s->bytes += bytes;
    if (number >= s->next_number) s->next_number = number + 1;
    return seg;
}

static void delete_segment(struct spool *s, struct segment *seg) {
    CLEANUP_FREE char *path = segment_path(s, seg->number);
    size_t at = (size_t)(seg - s->segment);
    unlink(path);
    s->bytes -= seg->bytes;
    memmove(seg, seg + 1, (s->segment_count - at - 1) * sizeof *seg);
    s->segment_count--;
}

static void stop_appending(struct spool *s) {
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}

struct spool *spool_open(const char *folder, const struct spool_limits *limits, struct error *err) {
    if (dir_make(folder, 0700, err) != 0) return NULL;
    CLEANUP_FREE char *path = path_join(folder, "lock");
    int64_t wait_ms = limits && limits->lock_wait_ms > 0 ? limits->lock_wait_ms : LOCK_WAIT_MS;
    struct lockfile *lock = lockfile_acquire(path, LOCK_EXCLUSIVE, wait_ms, "portolan-agent", err);
    if (!lock) {
        error_wrap(err, "the spool %s", folder);
        return NULL;
    }
    struct spool *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    s->folder = xstrdup(folder);
    s->lock = lock;
    s->limits = limits ? *limits : (struct spool_limits){0};
    if (s->limits.bytes <= 0) s->limits.bytes = BYTES_DEFAULT;
    if (s->limits.records <= 0) s->limits.records = RECORDS_DEFAULT;
    s->fd = -1;
    s->next_number = 1;
    return s;
}

void spool_close(struct spool *s) {
    if (!s) return;
    stop_appending(s);
    lockfile_release(s->lock);
    pthread_mutex_destroy(&s->mutex);
    free(s->segment);
    free(s->folder);
    free(s);
}

/* --- what earlier starts left ------------------------------------------------------------------------------------- */
static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Numbers of the segments here, in order. The caller frees. */
static uint64_t *list_segments(const struct spool *s, size_t *ret_n, struct error *err) {
    DIR *dir = opendir(s->folder);
    *ret_n = 0;
    if (!dir) {
        error_errno(err, ERR_IO, errno, "cannot read the spool %s", s->folder);
        return NULL;
    }
    uint64_t *list = xmalloc(SEGMENTS_MAX * sizeof *list);
    for (const struct dirent *e; *ret_n < SEGMENTS_MAX && (e = readdir(dir)) != NULL;) {
        unsigned long long number;
        int end = 0;
        if (sscanf(e->d_name, "%12llu%n", &number, &end) == 1 && end == 12 &&
            strcmp(e->d_name + end, SPOOL_FILE_SUFFIX) == 0)
            list[(*ret_n)++] = number;
    }
    closedir(dir);
    if (*ret_n) qsort(list, *ret_n, sizeof *list, by_number);
    return list;
}

static int load_segment(struct spool *s, uint64_t number, spool_visit_fn *visit, void *context) {
    CLEANUP_FREE char *path = segment_path(s, number);
    struct error err = ERROR_INIT;
    struct spool_scan scan;
    size_t len = 0;
    CLEANUP_FREE char *bytes = file_read(path, FILE_MAX_BYTES, &len, &err);
    struct segment *seg = add_segment(s, number, (int64_t)len);
    if (!bytes) { /* left where it is: another start may be able to */
        log_error("spool: %s: what it holds is not sent now", err.text);
        seg->live = 1;
        return 1;
    }
    spool_scan((const uint8_t *)bytes, len, number, visit, context, &scan);
    if (scan.damaged)
        log_error("spool: %s is damaged in %d place%s; %zu good records are kept", path, scan.damaged,
                  scan.damaged == 1 ? "" : "s", scan.good);
    if (scan.torn && scan.end < len) {
        log_warn("spool: %s: the last %zu bytes were not written to their end and are cut off", path, len - scan.end);
        if (truncate(path, (off_t)scan.end) == 0) {
            s->bytes -= seg->bytes - (int64_t)scan.end;
            seg->bytes = (int64_t)scan.end;
        }
    }
    seg->live = (int64_t)scan.good;
    s->records += seg->live;
    if (!seg->live) delete_segment(s, seg);
    return scan.damaged;
}

int spool_load(struct spool *s, spool_visit_fn *visit, void *context, struct error *err) {
    size_t n = 0;
    int damaged = 0;
    CLEANUP_FREE uint64_t *list = list_segments(s, &n, err);
    if (!list) return -1;
    for (size_t i = 0; i < n; i++) damaged += load_segment(s, list[i], visit, context);
    return damaged;
}

/* --- appending --------------------------------------------------------------------------------------------------- */
static int begin_segment(struct spool *s, struct error *err) {
    uint64_t number = s->next_number++;
    CLEANUP_FREE char *path = segment_path(s, number);
    spool_head(s->head);
    s->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (s->fd < 0) return error_errno(err, ERR_IO, errno, "cannot make %s", path);
    if (file_write_all(s->fd, s->head, sizeof s->head) != 0 || dir_sync(s->folder) != 0) {
        error_errno(err, ERR_IO, errno, "cannot write %s", path);
        stop_appending(s);
        unlink(path);
        return -1;
    }
    add_segment(s, number, SPOOL_HEAD_BYTES);
    return 0;
}

/* How many of them the limits allow. */
static size_t fitting(const struct spool *s, const struct spool_record *records, size_t count, struct error *err) {
    int64_t bytes = s->bytes + SPOOL_HEAD_BYTES;
    for (size_t i = 0; i < count; i++) {
        bytes += (int64_t)(SPOOL_FRAME_BYTES + 2 + strlen(records[i].key) + records[i].len);
        if (s->records + (int64_t)i + 1 > s->limits.records) {
            error_set(err, ERR_LIMIT, "the spool %s is full: it holds %lld records, the limit", s->folder,
                      (long long)s->limits.records);
            return i;
        }
        if (bytes > s->limits.bytes) {
            error_set(err, ERR_LIMIT, "the spool %s is full: %lld of %lld bytes", s->folder, (long long)s->bytes,
                      (long long)s->limits.bytes);
            return i;
        }
    }
    return count;
}

/* After a failed write or fsync nobody knows what of the batch is on the disk (and a second fsync would not tell):
 * it is cut off, and the next batch begins a segment of its own. */
static int undo(struct spool *s, struct segment *seg, int why, struct error *err) {
    CLEANUP_FREE char *path = segment_path(s, seg->number);
    if (ftruncate(s->fd, (off_t)seg->bytes) != 0) log_debug("spool: %s cannot be cut: %s", path, strerror(errno));
    stop_appending(s);
    if (!seg->live) delete_segment(s, seg);
    return error_errno(err, ERR_IO, why, "cannot write the spool %s", path);
}

static int append(struct spool *s, struct spool_record *records, size_t count, struct error *err) {
    if (s->fd < 0 && begin_segment(s, err) != 0) return -1;
    struct segment *seg = &s->segment[s->segment_count - 1];
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        CLEANUP_FREE uint8_t *data = spool_encode(s->head, &records[i], &len);
        if (file_write_all(s->fd, data, len) != 0) return undo(s, seg, errno, err);
        bytes += (int64_t)len;
    }
    if (fdatasync(s->fd) != 0) return undo(s, seg, errno, err);
    for (size_t i = 0; i < count; i++) records[i].segment = seg->number;
    seg->bytes += bytes;
    seg->live += (int64_t)count;
    s->bytes += bytes;
    s->records += (int64_t)count;
    if (seg->bytes >= SPOOL_SEGMENT_BYTES) stop_appending(s);
    return 0;
}

static int check_records(const struct spool_record *records, size_t count, struct error *err) {
    for (size_t i = 0; i < count; i++)
        if (records[i].len > SPOOL_RECORD_MAX_BYTES || strlen(records[i].key) > SPOOL_KEY_MAX_BYTES)
            return error_set(err, ERR_LIMIT, "a record of %zu bytes is too large for the spool", records[i].len);
    return 0;
}

int spool_write(struct spool *s, struct spool_record *records, size_t count, size_t *ret_kept, struct error *err) {
    if (ret_kept) *ret_kept = 0;
    if (check_records(records, count, err) != 0) return -1;
    pthread_mutex_lock(&s->mutex);
    size_t n = fitting(s, records, count, err);
    int status = n ? append(s, records, n, err) : 0;
    pthread_mutex_unlock(&s->mutex);
    if (status == 0 && ret_kept) *ret_kept = n;
    return status == 0 && n == count ? 0 : -1;
}

void spool_release(struct spool *s, uint64_t number) {
    pthread_mutex_lock(&s->mutex);
    struct segment *seg = find_segment(s, number);
    if (seg && seg->live > 0) {
        seg->live--;
        s->records--;
        bool appending = s->fd >= 0 && seg == &s->segment[s->segment_count - 1];
        if (!seg->live && appending) stop_appending(s);
        if (!seg->live) delete_segment(s, seg);
    }
    pthread_mutex_unlock(&s->mutex);
}

/* --- how it stands ------------------------------------------------------------------------------------------------ */
int spool_probe(struct spool *s, struct error *err) {
    static const char zeros[PROBE_BYTES];
    CLEANUP_FREE char *path = path_join(s->folder, "probe");
    int status = file_write_durable(path, zeros, sizeof zeros, 0600, err);
    unlink(path);
    return status;
}

static int disk_has_room(const struct spool *s, struct error *err) {
    struct statvfs fs;
    if (statvfs(s->folder, &fs) != 0) return error_errno(err, ERR_IO, errno, "cannot write the spool %s", s->folder);
    uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (fs.f_blocks == 0 || bytes >= FREE_LEAST_BYTES) return 0;
    return error_set(err, ERR_IO, "the disk of the spool %s is full: %llu bytes are left", s->folder,
                     (unsigned long long)bytes);
}

int spool_has_room(struct spool *s, struct error *err) {
    const struct spool_record usual = {.key = "", .len = USUAL_RECORD_BYTES};
    pthread_mutex_lock(&s->mutex);
    size_t n = fitting(s, &usual, 1, err);
    pthread_mutex_unlock(&s->mutex);
    return n ? disk_has_room(s, err) : -1;
}

void spool_usage(struct spool *s, struct spool_usage *ret) {
    pthread_mutex_lock(&s->mutex);
    *ret = (struct spool_usage){.bytes = s->bytes, .records = s->records, .segments = (int)s->segment_count};
    pthread_mutex_unlock(&s->mutex);
}
