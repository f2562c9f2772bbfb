/* Rows of attempts, and the record of the accepted one. */
#include <string.h>

#include "coordinator/store/internal.h"

#define COLUMNS                                                                                                    \
    "task, n, node, incarnation, device, epoch, state, ran, outcome, verdict, reason, published_ms, finished_ms, " \
    "duration_ms"

const char *attempt_state_name(enum attempt_state state) {
    static const char *const names[] = {"publishing", "open",     "lapsed",     "revoked",
                                        "failed",     "accepted", "superseded", "abandoned"};
    return names[state];
}

/* Attempts of a task lie together, in the order of their numbers. */
static int64_t key_of(int64_t task_seq, int n) {
    return (task_seq << 24) + n;
}

/* The task's number, looked up where the row does not hold it; an unknown task has 0, which no row has. */
static int find_key(struct store *store, int64_t task_seq, const char *task, int n, int64_t *ret, struct error *err) {
    if (task_seq == 0 && store_task_seq(store, task, &task_seq, err) != 0) return -1;
    *ret = task_seq > 0 ? key_of(task_seq, n) : -1;
    return 0;
}

int store_attempt_insert(struct store *store, const struct row_attempt *row, struct error *err) {
    int64_t key = 0;
    if (row->n >= ATTEMPTS_PER_TASK_MAX)
        return error_set(err, ERR_LIMIT, "task %s has had %d attempts", row->task, ATTEMPTS_PER_TASK_MAX);
    if (find_key(store, row->task_seq, row->task, row->n, &key, err) != 0) return -1;
    if (key < 0) return error_set(err, ERR_NOT_FOUND, "task %s does not exist", row->task);
    sqlite3_stmt *q = store_prepare_write(
        store, ST_ATTEMPT_INSERT, "INSERT INTO attempts(" COLUMNS ", key) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", err);
    if (!q) return -1;
    bind_text(q, 1, row->task);
    bind_int(q, 2, row->n);
    bind_text(q, 3, row->node);
    bind_text(q, 4, row->incarnation);
    bind_text(q, 5, row->device);
    bind_int(q, 6, row->epoch);
    bind_int(q, 7, row->state);
    bind_int(q, 8, row->ran);
    bind_text(q, 9, row->outcome);
    bind_text(q, 10, row->verdict);
    bind_text(q, 11, row->reason);
    bind_int(q, 12, row->published_ms);
    bind_int(q, 13, row->finished_ms);
    bind_double(q, 14, row->duration_ms);
    bind_int(q, 15, key);
    return store_run(store, q, "add an attempt", err);
}

int store_attempt_update(struct store *store, const struct row_attempt *row, struct error *err) {
    int64_t key = 0;
    if (find_key(store, row->task_seq, row->task, row->n, &key, err) != 0) return -1;
    sqlite3_stmt *q = store_prepare_write(
        store, ST_ATTEMPT_UPDATE,
        "UPDATE attempts SET state = ?, ran = ?, outcome = ?, verdict = ?, reason = ?, finished_ms = ?,"
        " duration_ms = ? WHERE key = ?",
        err);
    if (!q) return -1;
    bind_int(q, 1, row->state);
    bind_int(q, 2, row->ran);
    bind_text(q, 3, row->outcome);
    bind_text(q, 4, row->verdict);
    bind_text(q, 5, row->reason);
    bind_int(q, 6, row->finished_ms);
    bind_double(q, 7, row->duration_ms);
    bind_int(q, 8, key);
    return store_run(store, q, "change an attempt", err);
}

static void read_row(sqlite3_stmt *q, struct row_attempt *row) {
    memset(row, 0, sizeof *row);
    column_copy(q, 0, row->task, sizeof row->task);
    row->n = sqlite3_column_int(q, 1);
    column_copy(q, 2, row->node, sizeof row->node);
    column_copy(q, 3, row->incarnation, sizeof row->incarnation);
    column_copy(q, 4, row->device, sizeof row->device);
    row->epoch = sqlite3_column_int64(q, 5);
    row->state = (enum attempt_state)sqlite3_column_int(q, 6);
    row->ran = sqlite3_column_int(q, 7) != 0;
    column_copy(q, 8, row->outcome, sizeof row->outcome);
    column_copy(q, 9, row->verdict, sizeof row->verdict);
    column_copy(q, 10, row->reason, sizeof row->reason);
    row->published_ms = sqlite3_column_int64(q, 11);
    row->finished_ms = sqlite3_column_int64(q, 12);
    row->duration_ms = sqlite3_column_double(q, 13);
    row->task_seq = sqlite3_column_int64(q, 14) >> 24;
}

int store_attempt_get(struct store *store, const char *task, int n, struct row_attempt *ret, struct error *err) {
    int64_t key = 0;
    if (find_key(store, 0, task, n, &key, err) != 0) return -1;
    sqlite3_stmt *q = store_prepare(store, ST_ATTEMPT_GET, "SELECT " COLUMNS ", key FROM attempts WHERE key = ?", err);
    if (!q) return -1;
    bind_int(q, 1, key);
    int rc = store_step(store, q, "read an attempt", err);
    if (rc < 0) return -1;
    if (rc == 0) return error_set(err, ERR_NOT_FOUND, "attempt %s.%d does not exist", task, n);
    read_row(q, ret);
    sqlite3_reset(q);
    return 0;
}

int store_attempts(struct store *store, const char *task, store_attempt_fn *visit, void *context, struct error *err) {
    int64_t seq = 0;
    if (task && store_task_seq(store, task, &seq, err) != 0) return -1;
    sqlite3_stmt *q =
        task ? store_prepare(store, ST_ATTEMPTS,
                             "SELECT " COLUMNS ", key FROM attempts WHERE key > ? AND key < ? ORDER BY key", err)
             : store_prepare(store, ST_ATTEMPTS_OPEN,
                             "SELECT " COLUMNS
                             ", key FROM attempts WHERE state <= 2 AND (SELECT campaign FROM tasks"
                             " WHERE seq = key >> 24) IN (SELECT id FROM campaigns WHERE state = 0) ORDER BY key",
                             err);
    if (!q) return -1;
    if (task) bind_int(q, 1, key_of(seq, 0));
    if (task) bind_int(q, 2, key_of(seq + 1, 0));
    int rc;
    while ((rc = store_step(store, q, "read attempts", err)) > 0) {
        struct row_attempt row;
        read_row(q, &row);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

int store_attempt_record_put(struct store *store, const struct row_attempt *row, const void *data, size_t len,
                             struct error *err) {
    int64_t key = 0;
    if (find_key(store, row->task_seq, row->task, row->n, &key, err) != 0) return -1;
    sqlite3_stmt *q = store_prepare_write(store, ST_ATTEMPT_RECORD_PUT,
                                          "INSERT OR REPLACE INTO attempt_records VALUES(?, ?, ?, ?)", err);
    if (!q) return -1;
    bind_int(q, 1, key);
    bind_text(q, 2, row->task);
    bind_int(q, 3, row->n);
    bind_blob(q, 4, data, len);
    return store_run(store, q, "keep an attempt's record", err);
}

int store_attempt_record_get(struct store *store, const char *task, int n, uint8_t **ret, size_t *ret_len,
                             struct error *err) {
    int64_t key = 0;
    if (find_key(store, 0, task, n, &key, err) != 0) return -1;
    sqlite3_stmt *q =
        store_prepare(store, ST_ATTEMPT_RECORD_GET, "SELECT record FROM attempt_records WHERE key = ?", err);
    if (!q) return -1;
    bind_int(q, 1, key);
    return store_blob(store, q, "record of attempt", task, ret, ret_len, err);
}
