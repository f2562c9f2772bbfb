/* Single values: the epoch, the cluster that the offsets belong to. */
#include "common/buf.h"
#include "coordinator/store/internal.h"

char *store_meta_get(struct store *store, const char *key, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_META_GET, "SELECT value FROM meta WHERE key = ?", err);
    if (!q) return NULL;
    bind_text(q, 1, key);
    int rc = store_step(store, q, "read meta", err);
    if (rc < 0) return NULL;
    char *value = rc ? column_dup(q, 0) : xstrdup("");
    sqlite3_reset(q);
    return value;
}

int store_meta_put(struct store *store, const char *key, const char *value, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_META_PUT, "INSERT OR REPLACE INTO meta VALUES(?, ?)", err);
    if (!q) return -1;
    bind_text(q, 1, key);
    bind_text(q, 2, value);
    return store_run(store, q, "write meta", err);
}

int64_t store_size_bytes(struct store *store) {
    sqlite3_stmt *q = NULL;
    int64_t bytes = 0;
    if (sqlite3_prepare_v2(store->db, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", -1,
                           &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        bytes = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return bytes;
}
