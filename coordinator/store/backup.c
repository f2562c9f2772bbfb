#include "coordinator/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/number.h"
#include "common/random.h"
#include "coordinator/store/internal.h"

#define STEP_PAGES 1024 /* between two calls of progress: 4 MiB */
#define BUSY_MS 5000

static void close_db(sqlite3 **db) {
    sqlite3_close(*db);
}

static int fail(sqlite3 *db, const char *path, const char *what, struct error *err) {
    int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    bool damaged = (code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_CORRUPT;
    error_set(err, damaged ? ERR_INVALID : ERR_IO, "%s: %s: %s", path, what, db ? sqlite3_errmsg(db) : "out of memory");
    return (code & 0xff) == SQLITE_FULL ? error_hint(err, "free space on its disk, or name a file on another one") : -1;
}

static sqlite3 *open_db(const char *path, int flags, struct error *err) {
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        fail(db, path, "cannot open", err);
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_busy_timeout(db, BUSY_MS);
    return db;
}

/* One text or number of one row. The caller frees; NULL with err. */
static char *ask(sqlite3 *db, const char *path, const char *sql, struct error *err) {
    sqlite3_stmt *q = NULL;
    char *text = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        text = column_dup(q, 0);
    if (!text) fail(db, path, sql, err);
    sqlite3_finalize(q);
    return text;
}

static int run(sqlite3 *db, const char *path, const char *sql, struct error *err) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(db, path, sql, err);
}

/* --- copying ---------------------------------------------------------------------------------- */
static int copy_pages(sqlite3_backup *copy, backup_progress *progress, void *context) {
    int rc;
    do {
        rc = sqlite3_backup_step(copy, STEP_PAGES);
        int total = sqlite3_backup_pagecount(copy);
        if (progress) progress(context, total - sqlite3_backup_remaining(copy), total);
    } while (rc == SQLITE_OK);
    return rc;
}

/* A reader's transaction holds the moment: without it each write of the coordinator would begin the copy anew. */
static int copy_db(sqlite3 *from, const char *from_path, sqlite3 *to, const char *to_path, backup_progress *progress,
                   void *context, struct error *err) {
    if (run(from, from_path, "BEGIN", err) != 0) return -1;
    CLEANUP_FREE char *epoch = ask(from, from_path, "SELECT value FROM meta WHERE key = 'epoch'", err);
    if (!epoch) return error_hint(err, "it must be a store that a coordinator has written");
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    int rc = copy ? copy_pages(copy, progress, context) : SQLITE_ERROR;
    if (copy) sqlite3_backup_finish(copy);
    if (rc != SQLITE_DONE) return fail(to, to_path, "copy", err);
    return run(from, from_path, "COMMIT", err);
}

static int check(sqlite3 *db, const char *path, struct error *err) {
    CLEANUP_FREE char *answer = ask(db, path, "PRAGMA integrity_check(1)", err);
    if (!answer) return -1;
    if (strcmp(answer, "ok") == 0) return 0;
    return error_set(err, ERR_INVALID, "%s is damaged: %s", path, answer);
}

static int check_format(sqlite3 *db, const char *path, struct error *err) {
    int64_t version = 0;
    CLEANUP_FREE char *text = ask(db, path, "PRAGMA user_version", err);
    if (!text) return -1;
    if (number_int(text, &version) == NUMBER_OK && version >= 1 && version <= store_format()) return 0;
    if (version > store_format())
        return error_set(err, ERR_UNSUPPORTED, "%s has format %s, this portolan knows formats up to %d", path, text,
                         store_format());
    return error_set(err, ERR_INVALID, "%s is no store of a coordinator", path);
}

/* Copies into `path`, which must be new and is left complete and durable: one file, without a log beside it. `then` is
 * SQL to run in it, or NULL. */
static int copy_file(const char *from_path, const char *path, const char *then, backup_progress *progress,
                     void *context, struct error *err) {
    CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return error_errno(err, ERR_IO, errno, "cannot create %s", path);
    CLEANUP(close_db) sqlite3 *from = open_db(from_path, SQLITE_OPEN_READWRITE, err);
    CLEANUP(close_db) sqlite3 *to = from ? open_db(path, SQLITE_OPEN_READWRITE, err) : NULL;
    if (!to || check_format(from, from_path, err) != 0) return -1;
    if (copy_db(from, from_path, to, path, progress, context, err) != 0 ||
        run(to, path, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL", err) != 0 || check(to, path, err) != 0)
        return -1;
    if (then && run(to, path, then, err) != 0) return -1;
    return fsync(fd) != 0 ? error_errno(err, ERR_IO, errno, "cannot sync %s", path) : 0;
}

/* What was begun and did not come to its end. */
static void discard(const char *path) {
    CLEANUP_FREE char *journal = xasprintf("%s-journal", path);
    int before = errno;
    unlink(path);
    unlink(journal);
    errno = before;
}

static int put_in_place(const char *temporary, const char *path, struct error *err) {
    CLEANUP_FREE char *dir = path_dirname(path);
    if (rename(temporary, path) != 0) return error_errno(err, ERR_IO, errno, "cannot write %s", path);
    CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        return error_errno(err, ERR_IO, errno, "cannot sync the folder %s", dir);
    return 0;
}

/* --- backup ----------------------------------------------------------------------------------- */
static bool is_there(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

static int no_store(const char *path, struct error *err) {
    error_set(err, ERR_NOT_FOUND, "there is no store: %s does not exist", path);
    return error_hint(err, "--state-dir names the coordinator's state folder");
}

int store_backup(const char *dir, const char *file, bool force, backup_progress *progress, void *context,
                 int64_t *ret_bytes, struct error *err) {
    char suffix[17];
    struct stat st;
    random_hex(suffix, 8);
    CLEANUP_FREE char *from = path_join(dir, STORE_FILE);
    CLEANUP_FREE char *folder = path_dirname(file);
    CLEANUP_FREE char *name = xasprintf(".%.200s.%s.tmp", path_basename(file), suffix);
    CLEANUP_FREE char *temporary = path_join(folder, name);
    if (!is_there(from)) return no_store(from, err);
    if (is_there(file) && !force) {
        error_set(err, ERR_CONFLICT, "%s exists", file);
        return error_hint(err, "name another file, or --force to replace it");
    }
    if (copy_file(from, temporary, NULL, progress, context, err) != 0 || put_in_place(temporary, file, err) != 0) {
        discard(temporary);
        return -1;
    }
    if (ret_bytes) *ret_bytes = stat(file, &st) == 0 ? (int64_t)st.st_size : 0;
    return 0;
}

/* --- restoring -------------------------------------------------------------------------------- */
/* A log without its database would be played into the new one. */
static int must_be_empty(const char *dir, struct error *err) {
    static const char *const names[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-journal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP_FREE char *path = path_join(dir, names[i]);
        if (!is_there(path)) continue;
        error_set(err, ERR_CONFLICT, "%s exists: a backup starts in a folder without a store", path);
        return error_hint(
            err, "start without --restore to go on with it; or move %s* away, or give another --state-dir", STORE_FILE);
    }
    return 0;
}

static int restore_locked(const char *dir, const char *file, struct error *err) {
    CLEANUP_FREE char *path = path_join(dir, STORE_FILE);
    CLEANUP_FREE char *temporary = path_join(dir, STORE_FILE ".restoring");
    CLEANUP_FREE char *mark = xasprintf(
        "BEGIN; INSERT OR REPLACE INTO meta VALUES('" META_RESTORED
        "', 'pending');"
        "INSERT OR REPLACE INTO meta SELECT 'epoch', CAST(value AS INTEGER) + %d FROM meta WHERE key = 'epoch';"
        "INSERT OR REPLACE INTO meta SELECT '" META_KNOWN_SINCE
        "', CAST(value AS INTEGER) + 1 FROM meta WHERE key = 'epoch';"
        /* A live attempt's number may not stand in its task's row yet (core_task_published()). */
        "UPDATE tasks SET attempts = attempts + live.n FROM (SELECT task, max(n) AS n FROM attempts WHERE state <= 2"
        " GROUP BY task) AS live WHERE live.task = tasks.id AND tasks.state < %d;"
        "UPDATE tasks SET attempts = attempts + %d WHERE state < %d; COMMIT",
        RESTORE_EPOCHS, TASK_DONE, RESTORE_ATTEMPTS, TASK_DONE);
    discard(temporary); /* of an attempt that was cut off */
    if (!is_there(file)) return error_set(err, ERR_NOT_FOUND, "%s does not exist", file);
    if (copy_file(file, temporary, mark, NULL, NULL, err) == 0 && put_in_place(temporary, path, err) == 0) return 0;
    discard(temporary);
    return -1;
}

int store_restore(const char *dir, const char *file, struct error *err) {
    CLEANUP_FD int lock = -1;
    if (dir_make(dir, 0700, err) != 0 || must_be_empty(dir, err) != 0) return -1;
    if (store_lock(dir, &lock, err) != 0 || must_be_empty(dir, err) != 0) return -1;
    return restore_locked(dir, file, err);
}
