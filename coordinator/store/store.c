/* Opening and closing: the lock, the pragmas, the epoch; and statements. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/number.h"
#include "coordinator/store/internal.h"

/* What a person can do about it; NULL for what nobody can. */
static const char *remedy(int code) {
    switch (code & 0xff) {
        case SQLITE_FULL:
            return "free space on its disk and start the coordinator again: what was answered is kept";
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
            return "put a backup of it there, or start with another --state-dir";
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
            return "the coordinator must be able to write it and its folder";
        default:
            return NULL;
    }
}

int store_fail(struct store *store, const char *what, struct error *err) {
    int code = sqlite3_extended_errcode(store->db);
    /* A log that could not be begun for want of room is only "unable to open" to SQLite. */
    bool no_room = (code & 0xff) != SQLITE_FULL && sqlite3_system_errno(store->db) == ENOSPC;
    const char *path = sqlite3_db_filename(store->db, "main"), *hint = remedy(no_room ? SQLITE_FULL : code);
    error_set(err, code == SQLITE_NOMEM ? ERR_NOMEM : ERR_IO, "store %s: %s: %s%s (SQLite %d)", path ? path : "?", what,
              sqlite3_errmsg(store->db), no_room ? ", the disk is full" : "", code);
    return hint ? error_hint(err, "%s", hint) : -1;
}

/* --- the lock --------------------------------------------------------------------------------- */
/* flock() is released by the kernel with the process, however it ends. The pid inside is for the message only. */
int store_lock(const char *dir, int *ret_fd, struct error *err) {
    CLEANUP_FREE char *path = path_join(dir, "lock");
    CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return error_errno(err, ERR_IO, errno, "cannot open %s", path);
    char text[32] = "";
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return error_errno(err, ERR_IO, errno, "cannot lock %s", path);
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        error_set(err, ERR_BUSY, "the store %s is in use by process %s", dir, *text ? text : "(unknown)");
        return error_hint(err, "stop that coordinator first, or give this one its own --state-dir");
    }
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return error_errno(err, ERR_IO, errno, "cannot write %s", path);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* --- statements ------------------------------------------------------------------------------- */
sqlite3_stmt *store_prepare(struct store *store, enum store_statement which, const char *sql, struct error *err) {
    sqlite3_stmt **q = &store->statement[which];
    if (*q) {
        sqlite3_reset(*q);
        sqlite3_clear_bindings(*q);
    } else if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, q, NULL) != SQLITE_OK) {
        store_fail(store, sql, err);
        return NULL;
    }
    return *q;
}

sqlite3_stmt *store_prepare_write(struct store *store, enum store_statement which, const char *sql, struct error *err) {
    if (store_begin(store, err) != 0) return NULL;
    return store_prepare(store, which, sql, err);
}

int store_run(struct store *store, sqlite3_stmt *q, const char *what, struct error *err) {
    int rc = sqlite3_step(q);
    int status = rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : store_fail(store, what, err);
    sqlite3_reset(q);
    return status;
}

int store_step(struct store *store, sqlite3_stmt *q, const char *what, struct error *err) {
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) return 1;
    int status = rc == SQLITE_DONE ? 0 : store_fail(store, what, err);
    sqlite3_reset(q);
    return status;
}

void bind_text(sqlite3_stmt *q, int i, const char *text) {
    int rc = sqlite3_bind_text(q, i, text, -1, SQLITE_STATIC);
    assert(rc == SQLITE_OK);
    (void)rc;
}

void bind_int(sqlite3_stmt *q, int i, int64_t value) {
    int rc = sqlite3_bind_int64(q, i, value);
    assert(rc == SQLITE_OK);
    (void)rc;
}

void bind_double(sqlite3_stmt *q, int i, double value) {
    int rc = sqlite3_bind_double(q, i, value);
    assert(rc == SQLITE_OK);
    (void)rc;
}

void bind_blob(sqlite3_stmt *q, int i, const void *data, size_t len) {
    int rc = sqlite3_bind_blob64(q, i, data ? data : "", len, SQLITE_STATIC);
    assert(rc == SQLITE_OK);
    (void)rc;
}

const char *column_text(sqlite3_stmt *q, int i) {
    const char *text = (const char *)sqlite3_column_text(q, i);
    return text ? text : "";
}

void column_copy(sqlite3_stmt *q, int i, char *out, size_t size) {
    snprintf(out, size, "%s", column_text(q, i));
}

char *column_dup(sqlite3_stmt *q, int i) {
    return xstrdup(column_text(q, i));
}

int store_blob(struct store *store, sqlite3_stmt *q, const char *what, const char *key, uint8_t **ret, size_t *ret_len,
               struct error *err) {
    int rc = store_step(store, q, what, err);
    if (rc < 0) return -1;
    if (rc == 0 || sqlite3_column_type(q, 0) == SQLITE_NULL) {
        if (rc) sqlite3_reset(q);
        return error_set(err, ERR_NOT_FOUND, "%s %s does not exist", what, key);
    }
    const void *data = sqlite3_column_blob(q, 0);
    size_t len = (size_t)sqlite3_column_bytes(q, 0);
    *ret = xmalloc(len + 1);
    if (len) memcpy(*ret, data, len);
    (*ret)[len] = 0;
    *ret_len = len;
    sqlite3_reset(q);
    return 0;
}

int store_prefix_range(const char *id, size_t full_length, char *end, size_t end_size, struct error *err) {
    size_t len = strlen(id);
    bool wrong = len < 4 || len > full_length || len + 2 > end_size;
    for (const char *c = id; *c && !wrong; c++) wrong = !((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z'));
    if (wrong) return error_set(err, ERR_NOT_FOUND, "`%.64s` is not an id, nor 4 or more characters of one", id);
    snprintf(end, end_size, "%s~", id);
    return 0;
}

/* --- transactions ----------------------------------------------------------------------------- */
int store_begin(struct store *store, struct error *err) {
    if (store->in_transaction) return 0;
    sqlite3_stmt *q = store_prepare(store, ST_BEGIN, "BEGIN IMMEDIATE", err);
    if (!q || store_run(store, q, "begin", err) != 0) return -1;
    store->in_transaction = true;
    return 0;
}

int store_commit(struct store *store, struct error *err) {
    if (!store->in_transaction) return 0;
    if (store_offsets_write(store, err) != 0) return -1;
    sqlite3_stmt *q = store_prepare(store, ST_COMMIT, "COMMIT", err);
    if (!q || store_run(store, q, "commit", err) != 0) return -1;
    store->in_transaction = false;
    return 0;
}

void store_rollback(struct store *store) {
    store->offset_count = 0;
    if (!store->in_transaction) return;
    sqlite3_stmt *q = store_prepare(store, ST_ROLLBACK, "ROLLBACK", NULL);
    if (q) store_run(store, q, "rollback", NULL);
    store->in_transaction = false;
}

/* --- open and close --------------------------------------------------------------------------- */
static int set_pragmas(struct store *store, struct error *err) {
    static const char pragmas[] =
        "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;"
        "PRAGMA temp_store=MEMORY;"
        "PRAGMA wal_autocheckpoint=8000; PRAGMA cache_size=-32768";
    if (sqlite3_exec(store->db, pragmas, NULL, NULL, NULL) != SQLITE_OK) return store_fail(store, "set up", err);
    return 0;
}

static int raise_epoch(struct store *store, struct error *err) {
    CLEANUP_FREE char *text = store_meta_get(store, "epoch", err);
    if (!text) return -1;
    int64_t epoch = 0;
    if (*text && number_int(text, &epoch) != NUMBER_OK)
        return error_set(err, ERR_INVALID, "store: the epoch is not a number: %.40s", text);
    if (store_raise_epoch(store, epoch + 1, err) != 0) return -1;
    return store_commit(store, err);
}

int store_raise_epoch(struct store *store, int64_t epoch, struct error *err) {
    if (epoch <= store->epoch) return 0;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)epoch);
    if (store_meta_put(store, "epoch", text, err) != 0) return -1;
    store->epoch = epoch;
    return 0;
}

int64_t store_epoch(const struct store *store) {
    return store->epoch;
}

struct store *store_open(const char *dir, struct error *err) {
    if (dir_make(dir, 0700, err) != 0) return NULL;
    struct store *store = xcalloc(1, sizeof *store);
    store->lock_fd = -1;
    CLEANUP_FREE char *path = path_join(dir, STORE_FILE);
    if (store_lock(dir, &store->lock_fd, err) != 0) {
        store_close(store);
        return NULL;
    }
    if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        error_set(err, ERR_IO, "cannot open %s: %s", path, store->db ? sqlite3_errmsg(store->db) : "out of memory");
        store_close(store);
        return NULL;
    }
    sqlite3_busy_timeout(store->db, 2000); /* a backup or a curious sqlite3 shell may hold it for a moment */
    if (set_pragmas(store, err) != 0 || store_migrate(store, err) != 0 || raise_epoch(store, err) != 0) {
        if (err && !strstr(err->text, path)) error_wrap(err, "%s", path);
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store) {
    if (!store) return;
    if (store->db) store_rollback(store);
    for (size_t i = 0; i < ST_COUNT; i++) sqlite3_finalize(store->statement[i]);
    sqlite3_close(store->db);
    free(store->offsets);
    outbox_recent_free(store->recent);
    if (store->lock_fd >= 0) close(store->lock_fd);
    free(store);
}
