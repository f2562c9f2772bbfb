/* Rows of API tokens. Of the token itself only the hash is here. */
#include <string.h>

#include "coordinator/store/internal.h"

int store_token_insert(struct store *store, const struct row_token *row, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_TOKEN_INSERT, "INSERT OR IGNORE INTO tokens VALUES(?,?,?,?,?)", err);
    if (!q) return -1;
    bind_text(q, 1, row->name);
    bind_int(q, 2, row->role);
    bind_text(q, 3, row->hash);
    bind_int(q, 4, row->created_ms);
    bind_int(q, 5, row->expires_ms);
    if (store_run(store, q, "keep a token", err) != 0) return -1;
    if (sqlite3_changes(store->db) == 1) return 0;
    return error_set(err, ERR_CONFLICT, "there is a token named `%s` already", row->name);
}

int store_token_delete(struct store *store, const char *name, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_TOKEN_DELETE, "DELETE FROM tokens WHERE name = ?", err);
    if (!q) return -1;
    bind_text(q, 1, name);
    if (store_run(store, q, "remove a token", err) != 0) return -1;
    if (sqlite3_changes(store->db) == 1) return 0;
    return error_set(err, ERR_NOT_FOUND, "there is no token named `%.64s`", name);
}

int store_tokens(struct store *store, store_token_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_TOKENS,
                                    "SELECT name, role, hash, created_ms, expires_ms FROM tokens ORDER BY name", err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read tokens", err)) > 0) {
        struct row_token row;
        memset(&row, 0, sizeof row);
        column_copy(q, 0, row.name, sizeof row.name);
        row.role = sqlite3_column_int(q, 1);
        column_copy(q, 2, row.hash, sizeof row.hash);
        row.created_ms = sqlite3_column_int64(q, 3);
        row.expires_ms = sqlite3_column_int64(q, 4);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}
