/* How far each topic's partitions were worked off: committed together with what came of it. A partition's offset moves
 * with each record, and only the last one of a transaction counts: it is kept in memory and written at the commit. */
#include <string.h>

#include "common/buf.h"
#include "coordinator/store/internal.h"

static struct offset_note *find(struct store *store, const char *topic, int partition) {
    for (size_t i = 0; i < store->offset_count; i++)
        if (store->offsets[i].partition == partition && strcmp(store->offsets[i].topic, topic) == 0)
            return &store->offsets[i];
    return NULL;
}

int store_offset_put(struct store *store, const char *topic, int partition, int64_t offset, struct error *err) {
    if (store_begin(store, err) != 0) return -1;
    struct offset_note *note = find(store, topic, partition);
    if (!note) {
        store->offsets = xrealloc(store->offsets, (store->offset_count + 1) * sizeof *store->offsets);
        note = &store->offsets[store->offset_count++];
        snprintf(note->topic, sizeof note->topic, "%s", topic);
        note->partition = partition;
    }
    note->next = offset;
    return 0;
}

int store_offsets_write(struct store *store, struct error *err) {
    for (size_t i = 0; i < store->offset_count; i++) {
        sqlite3_stmt *q =
            store_prepare_write(store, ST_OFFSET_PUT, "INSERT OR REPLACE INTO offsets VALUES(?, ?, ?)", err);
        if (!q) return -1;
        bind_text(q, 1, store->offsets[i].topic);
        bind_int(q, 2, store->offsets[i].partition);
        bind_int(q, 3, store->offsets[i].next);
        if (store_run(store, q, "keep an offset", err) != 0) return -1;
    }
    store->offset_count = 0;
    return 0;
}

int64_t store_offset_get(struct store *store, const char *topic, int partition, struct error *err) {
    const struct offset_note *note = find(store, topic, partition);
    if (note) return note->next;
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
    store->offset_count = 0;
    sqlite3_stmt *q = store_prepare_write(store, ST_OFFSETS_CLEAR, "DELETE FROM offsets", err);
    return q ? store_run(store, q, "drop the offsets", err) : -1;
}
