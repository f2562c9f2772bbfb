/* How far each topic's partitions were worked off: committed together with what came of it. */
#include "coordinator/store/internal.h"

int store_offset_put(struct store *store, const char *topic, int partition, int64_t offset, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_OFFSET_PUT, "INSERT OR REPLACE INTO offsets VALUES(?, ?, ?)", err);
    if (!q) return -1;
    bind_text(q, 1, topic);
    bind_int(q, 2, partition);
    bind_int(q, 3, offset);
    return store_run(store, q, "keep an offset", err);
}

int64_t store_offset_get(struct store *store, const char *topic, int partition, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_OFFSET_GET, "SELECT next FROM offsets WHERE topic = ? AND partition = ?", err);
    if (!q) return -1;
    bind_text(q, 1, topic);
    bind_int(q, 2, partition);
    int rc = store_step(store, q, "read an offset", err);
    int64_t next = rc > 0 ? sqlite3_column_int64(q, 0) : -1;
    sqlite3_reset(q);
    return next;
}

int store_offsets_clear(struct store *store, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_OFFSETS_CLEAR, "DELETE FROM offsets", err);
    return q ? store_run(store, q, "drop the offsets", err) : -1;
}
