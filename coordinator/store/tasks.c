/* Rows of tasks. */
#include <string.h>

#include "coordinator/store/internal.h"

#define COLUMNS                                                                                              \
    "seq, id, campaign, ordinal, kind, strategy, problem, problem_hash, kernel, kernel_hash, size, target, " \
    "policy_hash,"                                                                                           \
    " state, attempts, failures, busy, avoid, reason, changed_ms, purpose, parent, wanted, queued_ms"

const char *task_state_name(enum task_state state) {
    static const char *const names[] = {"waiting", "queued",  "published", "running",
                                        "done",    "gave_up", "cancelled", "no_device"};
    return names[state];
}

int store_task_insert(struct store *store, struct row_task *row, bool *ret_new, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_TASK_INSERT,
        "INSERT OR IGNORE INTO tasks(" COLUMNS ") VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", err);
    if (!q) return -1;
    bind_text(q, 1, row->id);
    bind_text(q, 2, row->campaign);
    bind_int(q, 3, row->ordinal);
    bind_text(q, 4, row->kind);
    bind_text(q, 5, row->strategy);
    bind_text(q, 6, row->problem);
    bind_text(q, 7, row->problem_hash);
    bind_text(q, 8, row->kernel);
    bind_text(q, 9, row->kernel_hash);
    bind_text(q, 10, row->size);
    bind_text(q, 11, row->target);
    bind_text(q, 12, row->policy_hash);
    bind_int(q, 13, row->state);
    bind_int(q, 14, row->attempts);
    bind_int(q, 15, row->failures);
    bind_int(q, 16, row->busy);
    bind_text(q, 17, row->avoid);
    bind_text(q, 18, row->reason);
    bind_int(q, 19, row->changed_ms);
    bind_text(q, 20, row->purpose);
    bind_text(q, 21, row->parent);
    bind_text(q, 22, row->wanted);
    bind_int(q, 23, row->queued_ms);
    if (store_run(store, q, "add a task", err) != 0) return -1;
    *ret_new = sqlite3_changes(store->db) == 1;
    if (*ret_new) row->seq = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_task_update(struct store *store, const struct row_task *row, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_TASK_UPDATE,
                            "UPDATE tasks SET state = ?, attempts = ?, failures = ?, busy = ?, avoid = ?, reason = ?,"
                            " changed_ms = ?, queued_ms = ? WHERE seq = ?",
                            err);
    if (!q) return -1;
    bind_int(q, 1, row->state);
    bind_int(q, 2, row->attempts);
    bind_int(q, 3, row->failures);
    bind_int(q, 4, row->busy);
    bind_text(q, 5, row->avoid);
    bind_text(q, 6, row->reason);
    bind_int(q, 7, row->changed_ms);
    bind_int(q, 8, row->queued_ms);
    bind_int(q, 9, row->seq);
    return store_run(store, q, "change a task", err);
}

int store_task_seq(struct store *store, const char *id, int64_t *ret, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_TASK_SEQ, "SELECT seq FROM tasks WHERE id = ?", err);
    if (!q) return -1;
    bind_text(q, 1, id);
    int rc = store_step(store, q, "find a task", err);
    if (rc < 0) return -1;
    *ret = rc > 0 ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return 0;
}

int store_task_delete(struct store *store, const char *id, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_TASK_DELETE, "DELETE FROM tasks WHERE id = ?", err);
    if (!q) return -1;
    bind_text(q, 1, id);
    return store_run(store, q, "drop a task", err);
}

static void read_row(sqlite3_stmt *q, struct row_task *row) {
    memset(row, 0, sizeof *row);
    row->seq = sqlite3_column_int64(q, 0);
    column_copy(q, 1, row->id, sizeof row->id);
    column_copy(q, 2, row->campaign, sizeof row->campaign);
    row->ordinal = sqlite3_column_int(q, 3);
    column_copy(q, 4, row->kind, sizeof row->kind);
    column_copy(q, 5, row->strategy, sizeof row->strategy);
    column_copy(q, 6, row->problem, sizeof row->problem);
    column_copy(q, 7, row->problem_hash, sizeof row->problem_hash);
    column_copy(q, 8, row->kernel, sizeof row->kernel);
    column_copy(q, 9, row->kernel_hash, sizeof row->kernel_hash);
    column_copy(q, 10, row->size, sizeof row->size);
    column_copy(q, 11, row->target, sizeof row->target);
    column_copy(q, 12, row->policy_hash, sizeof row->policy_hash);
    row->state = (enum task_state)sqlite3_column_int(q, 13);
    row->attempts = sqlite3_column_int(q, 14);
    row->failures = sqlite3_column_int(q, 15);
    row->busy = sqlite3_column_int(q, 16);
    column_copy(q, 17, row->avoid, sizeof row->avoid);
    column_copy(q, 18, row->reason, sizeof row->reason);
    row->changed_ms = sqlite3_column_int64(q, 19);
    column_copy(q, 20, row->purpose, sizeof row->purpose);
    column_copy(q, 21, row->parent, sizeof row->parent);
    column_copy(q, 22, row->wanted, sizeof row->wanted);
    row->queued_ms = sqlite3_column_int64(q, 23);
}

int store_tasks(struct store *store, const char *campaign, store_task_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_TASKS, "SELECT " COLUMNS " FROM tasks WHERE campaign = ? ORDER BY ordinal, id", err);
    if (!q) return -1;
    bind_text(q, 1, campaign);
    int rc;
    while ((rc = store_step(store, q, "read tasks", err)) > 0) {
        struct row_task row;
        read_row(q, &row);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

int store_task_find(struct store *store, const char *id, struct row_task *ret, struct error *err) {
    char end[TASK_ID_SIZE + 1] = "";
    if (store_prefix_range(id, TASK_ID_SIZE - 1, end, sizeof end, err) != 0) return error_wrap(err, "task");
    sqlite3_stmt *q = store_prepare(store, ST_TASK_FIND,
                                    "SELECT " COLUMNS " FROM tasks WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", err);
    if (!q) return -1;
    bind_text(q, 1, id);
    bind_text(q, 2, end);
    int found = 0, rc;
    while ((rc = store_step(store, q, "find a task", err)) > 0) {
        read_row(q, ret);
        found++;
    }
    if (rc < 0) return -1;
    if (found > 1) return error_set(err, ERR_CONFLICT, "several tasks begin with `%s`", id);
    return found ? 0 : error_set(err, ERR_NOT_FOUND, "task `%.64s` does not exist", id);
}

int store_tasks_alike(struct store *store, const struct row_task *row, store_task_fn *visit, void *context,
                      struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_TASKS_ALIKE,
                      "SELECT " COLUMNS
                      " FROM tasks WHERE state = 4 AND kernel_hash = ? AND problem_hash = ?"
                      " AND policy_hash = ? AND size = ? AND target = ? AND kind = ? AND purpose = '' AND id <> ?"
                      " ORDER BY changed_ms DESC",
                      err);
    if (!q) return -1;
    bind_text(q, 1, row->kernel_hash);
    bind_text(q, 2, row->problem_hash);
    bind_text(q, 3, row->policy_hash);
    bind_text(q, 4, row->size);
    bind_text(q, 5, row->target);
    bind_text(q, 6, row->kind);
    bind_text(q, 7, row->id);
    int rc;
    while ((rc = store_step(store, q, "find tasks with the same contents", err)) > 0) {
        struct row_task found;
        read_row(q, &found);
        int status = visit(context, &found, err);
        if (status == 0) continue;
        sqlite3_reset(q);
        return status < 0 ? -1 : 0;
    }
    return rc;
}

int store_task_counts(struct store *store, const char *campaign, int64_t ret[TASK_STATE_COUNT], struct error *err) {
    memset(ret, 0, TASK_STATE_COUNT * sizeof *ret);
    sqlite3_stmt *q = store_prepare(store, ST_TASK_COUNTS,
                                    "SELECT state, count(*) FROM tasks WHERE campaign = ? GROUP BY state", err);
    if (!q) return -1;
    bind_text(q, 1, campaign);
    int rc;
    while ((rc = store_step(store, q, "count tasks", err)) > 0) {
        int state = sqlite3_column_int(q, 0);
        if (state >= 0 && state < TASK_STATE_COUNT) ret[state] = sqlite3_column_int64(q, 1);
    }
    return rc;
}
