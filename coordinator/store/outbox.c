/* What was decided and has to be published: written with the decision, cleared after the broker has it. */
#include "coordinator/store/internal.h"

int store_outbox_add(struct store *store, const char *topic, const char *key, const void *value, size_t len,
                     struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_OUTBOX_ADD, "INSERT INTO outbox(topic, key, value) VALUES(?, ?, ?)", err);
    if (!q) return -1;
    bind_text(q, 1, topic);
    bind_text(q, 2, key);
    bind_blob(q, 3, value, len);
    return store_run(store, q, "add to the outbox", err);
}

int store_outbox(struct store *store, int64_t after, int limit, store_outbox_fn *visit, void *context,
                 struct error *err) {
    sqlite3_stmt *q = store_prepare(
        store, ST_OUTBOX, "SELECT seq, topic, key, value FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", err);
    if (!q) return -1;
    bind_int(q, 1, after);
    bind_int(q, 2, limit);
    int rc;
    while ((rc = store_step(store, q, "read the outbox", err)) > 0) {
        struct row_outbox row = {.seq = sqlite3_column_int64(q, 0),
                                 .topic = column_text(q, 1),
                                 .key = column_text(q, 2),
                                 .value = sqlite3_column_blob(q, 3),
                                 .len = (size_t)sqlite3_column_bytes(q, 3)};
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

int store_outbox_clear(struct store *store, int64_t after, int64_t upto, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_OUTBOX_CLEAR, "DELETE FROM outbox WHERE seq > ? AND seq <= ?", err);
    if (!q) return -1;
    bind_int(q, 1, after);
    bind_int(q, 2, upto);
    return store_run(store, q, "clear the outbox", err);
}

int store_outbox_drop(struct store *store, const char *topic, const char *key, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_OUTBOX_DROP, "DELETE FROM outbox WHERE topic = ? AND key = ?", err);
    if (!q) return -1;
    bind_text(q, 1, topic);
    bind_text(q, 2, key);
    return store_run(store, q, "clear the outbox", err);
}

int64_t store_outbox_count(struct store *store) {
    sqlite3_stmt *q = store_prepare(store, ST_OUTBOX_COUNT, "SELECT count(*) FROM outbox", NULL);
    int64_t n = q && store_step(store, q, "count the outbox", NULL) > 0 ? sqlite3_column_int64(q, 0) : 0;
    if (q) sqlite3_reset(q);
    return n;
}
