/* Rows of health: failures in a row, and quarantines. A row stands only while there is something to remember. */
#include <string.h>

#include "coordinator/store/internal.h"

int store_health_put(struct store *store, const struct row_health *row, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_HEALTH_PUT, "INSERT OR REPLACE INTO health VALUES(?,?,?,?,?,?,?,?)", err);
    if (!q) return -1;
    bind_text(q, 1, row->node);
    bind_text(q, 2, row->device);
    bind_int(q, 3, row->streak);
    bind_int(q, 4, row->rounds);
    bind_int(q, 5, row->quarantined);
    bind_int(q, 6, row->since_ms);
    bind_text(q, 7, row->reason);
    bind_text(q, 8, row->blame);
    return store_run(store, q, "keep a device's health", err);
}

int store_health_delete(struct store *store, const char *node, const char *device, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_HEALTH_DELETE, "DELETE FROM health WHERE node = ? AND device = ?", err);
    if (!q) return -1;
    bind_text(q, 1, node);
    bind_text(q, 2, device);
    return store_run(store, q, "forget a device's failures", err);
}

int store_healths(struct store *store, store_health_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(
        store, ST_HEALTHS,
        "SELECT node, device, streak, rounds, quarantined, since_ms, reason, blame FROM health ORDER BY node, device",
        err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read the devices' health", err)) > 0) {
        struct row_health row;
        memset(&row, 0, sizeof row);
        column_copy(q, 0, row.node, sizeof row.node);
        column_copy(q, 1, row.device, sizeof row.device);
        row.streak = sqlite3_column_int(q, 2);
        row.rounds = sqlite3_column_int(q, 3);
        row.quarantined = sqlite3_column_int(q, 4) != 0;
        row.since_ms = sqlite3_column_int64(q, 5);
        column_copy(q, 6, row.reason, sizeof row.reason);
        column_copy(q, 7, row.blame, sizeof row.blame);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}
