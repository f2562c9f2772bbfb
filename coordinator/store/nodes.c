/* Rows of nodes. */
#include <string.h>

#include "coordinator/store/internal.h"

const char *node_state_name(enum node_state state) {
    static const char *const names[] = {"starting", "in_service", "drained", "quarantined",
                                        "refused",  "absent",     "left"};
    return names[state];
}

int store_node_put(struct store *store, const struct row_node *row, const void *record, size_t len, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_NODE_PUT, "INSERT OR REPLACE INTO nodes VALUES(?,?,?,?,?,?,?,?)", err);
    if (!q) return -1;
    bind_text(q, 1, row->name);
    bind_text(q, 2, row->incarnation);
    bind_int(q, 3, row->state);
    bind_text(q, 4, row->reason);
    bind_text(q, 5, row->mailbox);
    bind_int(q, 6, row->mailbox_partition);
    bind_int(q, 7, row->seen_ms);
    bind_blob(q, 8, record, len);
    return store_run(store, q, "keep a node", err);
}

int store_node_update(struct store *store, const struct row_node *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_NODE_UPDATE,
        "UPDATE nodes SET incarnation = ?, state = ?, reason = ?, mailbox = ?, mailbox_partition = ?,"
        " seen_ms = ? WHERE name = ?",
        err);
    if (!q) return -1;
    bind_text(q, 1, row->incarnation);
    bind_int(q, 2, row->state);
    bind_text(q, 3, row->reason);
    bind_text(q, 4, row->mailbox);
    bind_int(q, 5, row->mailbox_partition);
    bind_int(q, 6, row->seen_ms);
    bind_text(q, 7, row->name);
    return store_run(store, q, "change a node", err);
}

int store_nodes(struct store *store, store_node_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_NODES,
                      "SELECT name, incarnation, state, reason, mailbox, mailbox_partition, seen_ms, record FROM nodes"
                      " ORDER BY name",
                      err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read nodes", err)) > 0) {
        struct row_node row;
        memset(&row, 0, sizeof row);
        column_copy(q, 0, row.name, sizeof row.name);
        column_copy(q, 1, row.incarnation, sizeof row.incarnation);
        row.state = (enum node_state)sqlite3_column_int(q, 2);
        column_copy(q, 3, row.reason, sizeof row.reason);
        column_copy(q, 4, row.mailbox, sizeof row.mailbox);
        row.mailbox_partition = sqlite3_column_int(q, 5);
        row.seen_ms = sqlite3_column_int64(q, 6);
        if (visit(context, &row, sqlite3_column_blob(q, 7), (size_t)sqlite3_column_bytes(q, 7), err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}
