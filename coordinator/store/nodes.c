/* Rows of nodes. */
#include <string.h>

#include "coordinator/store/internal.h"

const char *node_admin_name(enum node_admin admin) {
    static const char *const names[] = {"in_service",  "cordoned", "draining", "drained",
                                        "maintenance", "pending",  "refused"};
    return names[admin];
}

const char *node_presence_name(enum node_presence presence) {
    static const char *const names[] = {"starting", "ready", "absent", "left"};
    return names[presence];
}

#define COLUMNS "name, incarnation, presence, presence_reason, mailbox, mailbox_partition, seen_ms, admin, admin_reason"

static void bind_row(sqlite3_stmt *q, const struct row_node *row) {
    bind_text(q, 1, row->name);
    bind_text(q, 2, row->incarnation);
    bind_int(q, 3, row->presence);
    bind_text(q, 4, row->presence_reason);
    bind_text(q, 5, row->mailbox);
    bind_int(q, 6, row->mailbox_partition);
    bind_int(q, 7, row->seen_ms);
    bind_int(q, 8, row->admin);
    bind_text(q, 9, row->admin_reason);
}

int store_node_put(struct store *store, const struct row_node *row, const void *record, size_t len, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_NODE_PUT, "INSERT OR REPLACE INTO nodes(" COLUMNS ", record) VALUES(?,?,?,?,?,?,?,?,?,?)", err);
    if (!q) return -1;
    bind_row(q, row);
    bind_blob(q, 10, record, len);
    return store_run(store, q, "keep a node", err);
}

int store_node_update(struct store *store, const struct row_node *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_NODE_UPDATE,
        "UPDATE nodes SET incarnation = ?2, presence = ?3, presence_reason = ?4, mailbox = ?5, mailbox_partition = ?6,"
        " seen_ms = ?7, admin = ?8, admin_reason = ?9 WHERE name = ?1",
        err);
    if (!q) return -1;
    bind_row(q, row);
    return store_run(store, q, "change a node", err);
}

int store_nodes(struct store *store, store_node_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_NODES, "SELECT " COLUMNS ", record FROM nodes ORDER BY name", err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read nodes", err)) > 0) {
        struct row_node row;
        memset(&row, 0, sizeof row);
        column_copy(q, 0, row.name, sizeof row.name);
        column_copy(q, 1, row.incarnation, sizeof row.incarnation);
        row.presence = (enum node_presence)sqlite3_column_int(q, 2);
        column_copy(q, 3, row.presence_reason, sizeof row.presence_reason);
        column_copy(q, 4, row.mailbox, sizeof row.mailbox);
        row.mailbox_partition = sqlite3_column_int(q, 5);
        row.seen_ms = sqlite3_column_int64(q, 6);
        row.admin = (enum node_admin)sqlite3_column_int(q, 7);
        column_copy(q, 8, row.admin_reason, sizeof row.admin_reason);
        if (visit(context, &row, sqlite3_column_blob(q, 9), (size_t)sqlite3_column_bytes(q, 9), err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}
