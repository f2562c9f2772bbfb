/* Rows of results: one a task, its latest revision. */
#include <string.h>

#include "coordinator/store/internal.h"

int store_result_put(struct store *store, const struct row_result *row, struct error *err) {
    int64_t seq = row->task_seq;
    if (seq == 0 && store_task_seq(store, row->task, &seq, err) != 0) return -1;
    if (seq == 0) return error_set(err, ERR_NOT_FOUND, "task %s does not exist", row->task);
    sqlite3_stmt *q =
        store_prepare_write(store, ST_RESULT_PUT,
                            "INSERT INTO results VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(seq) DO UPDATE SET revision ="
                            " excluded.revision, record = excluded.record, accepted_ms = excluded.accepted_ms"
                            " WHERE excluded.revision > revision",
                            err);
    if (!q) return -1;
    bind_int(q, 1, seq);
    bind_text(q, 2, row->task);
    bind_int(q, 3, row->revision);
    bind_text(q, 4, row->campaign);
    bind_text(q, 5, row->problem);
    bind_text(q, 6, row->target);
    bind_blob(q, 7, row->record, row->len);
    bind_int(q, 8, row->accepted_ms);
    if (store_run(store, q, "keep a result", err) != 0) return -1;
    if (sqlite3_changes(store->db) == 0)
        return error_set(err, ERR_CONFLICT, "task %s has a result of this revision or a higher one", row->task);
    return 0;
}

int store_result_get(struct store *store, const char *task, uint8_t **ret, size_t *ret_len, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_RESULT_GET,
                                    "SELECT record FROM results WHERE seq = (SELECT seq FROM tasks WHERE id = ?)", err);
    if (!q) return -1;
    bind_text(q, 1, task);
    return store_blob(store, q, "result of task", task, ret, ret_len, err);
}

int store_results(struct store *store, const struct result_query *query, store_result_fn *visit, void *context,
                  struct error *err) {
    sqlite3_stmt *q = store_prepare(
        store, ST_RESULTS,
        /* the index has both, so that a row's record is read only when its time fits */
        "SELECT task, revision, campaign, problem, target, record, accepted_ms FROM results INDEXED BY results_accepted"
        " WHERE revision > ?1 AND accepted_ms >= ?6 AND accepted_ms < ?7 AND (?2 IS NULL OR campaign = ?2) AND (?3 IS "
        "NULL OR problem = ?3) AND (?4 IS NULL OR target = ?4)"
        " ORDER BY revision LIMIT ?5",
        err);
    if (!q) return -1;
    bind_int(q, 1, query->since);
    bind_text(q, 2, query->campaign);
    bind_text(q, 3, query->problem);
    bind_text(q, 4, query->target);
    bind_int(q, 5, query->limit > 0 ? query->limit : -1);
    bind_int(q, 6, query->from_ms);
    bind_int(q, 7, query->until_ms > 0 ? query->until_ms : INT64_MAX);
    int rc;
    while ((rc = store_step(store, q, "read results", err)) > 0) {
        struct row_result row;
        memset(&row, 0, sizeof row);
        column_copy(q, 0, row.task, sizeof row.task);
        row.revision = sqlite3_column_int64(q, 1);
        column_copy(q, 2, row.campaign, sizeof row.campaign);
        column_copy(q, 3, row.problem, sizeof row.problem);
        column_copy(q, 4, row.target, sizeof row.target);
        row.record = sqlite3_column_blob(q, 5);
        row.len = (size_t)sqlite3_column_bytes(q, 5);
        row.accepted_ms = sqlite3_column_int64(q, 6);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

int64_t store_result_count(struct store *store) {
    sqlite3_stmt *q = store_prepare(store, ST_RESULT_COUNT, "SELECT count(*) FROM results", NULL);
    int64_t n = q && store_step(store, q, "count results", NULL) > 0 ? sqlite3_column_int64(q, 0) : 0;
    if (q) sqlite3_reset(q);
    return n;
}
