/* Content-addressed texts, and which campaign came with which. */
#include "coordinator/store/internal.h"

static int put(struct store *store, enum store_statement which, const char *sql, const char *hash, const char *a,
               const char *b, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, which, sql, err);
    if (!q) return -1;
    bind_text(q, 1, hash);
    bind_text(q, 2, a);
    if (b) bind_text(q, 3, b);
    return store_run(store, q, "keep a text", err);
}

int store_problem_put(struct store *store, const char *hash, const char *yaml, struct error *err) {
    return put(store, ST_PROBLEM_PUT, "INSERT OR IGNORE INTO problems VALUES(?, ?)", hash, yaml, NULL, err);
}

int store_kernel_put(struct store *store, const char *hash, const char *yaml, const char *source, struct error *err) {
    return put(store, ST_KERNEL_PUT, "INSERT OR IGNORE INTO kernels VALUES(?, ?, ?)", hash, yaml, source, err);
}

int store_policy_put(struct store *store, const char *hash, const char *json, struct error *err) {
    return put(store, ST_POLICY_PUT, "INSERT OR IGNORE INTO policies VALUES(?, ?)", hash, json, NULL, err);
}

static char *get(struct store *store, enum store_statement which, const char *sql, const char *what, const char *hash,
                 char **ret_second, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, which, sql, err);
    if (!q) return NULL;
    bind_text(q, 1, hash);
    int rc = store_step(store, q, what, err);
    if (rc == 0) error_set(err, ERR_NOT_FOUND, "%s %s does not exist", what, hash);
    if (rc <= 0) return NULL;
    char *text = column_dup(q, 0);
    if (ret_second) *ret_second = column_dup(q, 1);
    sqlite3_reset(q);
    return text;
}

char *store_problem_get(struct store *store, const char *hash, struct error *err) {
    return get(store, ST_PROBLEM_GET, "SELECT yaml FROM problems WHERE hash = ?", "problem", hash, NULL, err);
}

char *store_kernel_get(struct store *store, const char *hash, char **ret_source, struct error *err) {
    return get(store, ST_KERNEL_GET, "SELECT yaml, source FROM kernels WHERE hash = ?", "kernel", hash, ret_source,
               err);
}

char *store_policy_get(struct store *store, const char *hash, struct error *err) {
    return get(store, ST_POLICY_GET, "SELECT json FROM policies WHERE hash = ?", "policy", hash, NULL, err);
}

int store_input_add(struct store *store, const char *campaign, int ordinal, enum input_kind kind, const char *hash,
                    const char *path, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_INPUT_ADD, "INSERT INTO inputs VALUES(?, ?, ?, ?, ?)", err);
    if (!q) return -1;
    bind_text(q, 1, campaign);
    bind_int(q, 2, ordinal);
    bind_int(q, 3, kind);
    bind_text(q, 4, hash);
    bind_text(q, 5, path);
    return store_run(store, q, "add a campaign's text", err);
}

int store_inputs(struct store *store, const char *campaign, store_input_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_INPUTS, "SELECT kind, hash, path FROM inputs WHERE campaign = ? ORDER BY ordinal", err);
    if (!q) return -1;
    bind_text(q, 1, campaign);
    int rc;
    while ((rc = store_step(store, q, "read a campaign's texts", err)) > 0) {
        if (visit(context, (enum input_kind)sqlite3_column_int(q, 0), column_text(q, 1), column_text(q, 2), err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}
