/* Schema ids are given once and never again, so that what was published stays readable. */
#include "coordinator/store/internal.h"

static int add(struct store *store, const char *subject, const char *text, int32_t *ret_id, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_SCHEMA_ADD,
                            "INSERT INTO schemas(subject, version, text) SELECT ?1, 1 + coalesce(max(version), 0), ?2"
                            " FROM schemas WHERE subject = ?1",
                            err);
    if (!q) return -1;
    bind_text(q, 1, subject);
    bind_text(q, 2, text);
    if (store_run(store, q, "give a schema its id", err) != 0) return -1;
    *ret_id = (int32_t)sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_schema_id(struct store *store, const char *subject, const char *text, int32_t *ret_id, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_SCHEMA_FIND, "SELECT id FROM schemas WHERE subject = ? AND text = ?", err);
    if (!q) return -1;
    bind_text(q, 1, subject);
    bind_text(q, 2, text);
    int rc = store_step(store, q, "find a schema", err);
    if (rc < 0) return -1;
    if (rc == 0) return add(store, subject, text, ret_id, err);
    *ret_id = sqlite3_column_int(q, 0);
    sqlite3_reset(q);
    return 0;
}

int store_schemas(struct store *store, store_schema_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_SCHEMAS, "SELECT id, version, subject, text FROM schemas ORDER BY id", err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read schemas", err)) > 0) {
        struct row_schema row = {.id = sqlite3_column_int(q, 0),
                                 .version = sqlite3_column_int(q, 1),
                                 .subject = column_text(q, 2),
                                 .text = column_text(q, 3)};
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}
