/* Rows of sweeps and of their runs. */
#include <string.h>

#include "coordinator/store/internal.h"

#define RUN_COLUMNS                                                                                           \
    "seq, sweep, due_s, cause, state, again, started_ms, finished_ms, ends_ms, campaign, planned, measured, " \
    "wrong, suspects, confirmed, recovered, reason"

const char *sweep_run_state_name(enum sweep_run_state state) {
    static const char *const names[] = {"pending",   "running", "complete", "overdue",
                                        "cancelled", "empty",   "skipped",  "missed"};
    return names[state];
}

/* --- sweeps ----------------------------------------------------------------------------------- */
int store_sweep_put(struct store *store, const struct row_sweep *row, const char *filename, const char *definition,
                    struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_SWEEP_PUT,
                                          "INSERT OR REPLACE INTO sweeps(name, filename, definition, paused, reason,"
                                          " handled_s, created_ms, changed_ms) VALUES(?,?,?,?,?,?,?,?)",
                                          err);
    if (!q) return -1;
    bind_text(q, 1, row->name);
    bind_text(q, 2, filename);
    bind_text(q, 3, definition);
    bind_int(q, 4, row->paused);
    bind_text(q, 5, row->reason);
    bind_int(q, 6, row->handled_s);
    bind_int(q, 7, row->created_ms);
    bind_int(q, 8, row->changed_ms);
    return store_run(store, q, "keep a sweep", err);
}

int store_sweep_update(struct store *store, const struct row_sweep *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_SWEEP_UPDATE,
        "UPDATE sweeps SET paused = ?, reason = ?, handled_s = ?, changed_ms = ? WHERE name = ?", err);
    if (!q) return -1;
    bind_int(q, 1, row->paused);
    bind_text(q, 2, row->reason);
    bind_int(q, 3, row->handled_s);
    bind_int(q, 4, row->changed_ms);
    bind_text(q, 5, row->name);
    return store_run(store, q, "change a sweep", err);
}

int store_sweep_delete(struct store *store, const char *name, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_SWEEP_RUNS_DELETE, "DELETE FROM sweep_runs WHERE sweep = ?", err);
    if (!q) return -1;
    bind_text(q, 1, name);
    if (store_run(store, q, "drop a sweep's runs", err) != 0) return -1;
    q = store_prepare_write(store, ST_SWEEP_DELETE, "DELETE FROM sweeps WHERE name = ?", err);
    if (!q) return -1;
    bind_text(q, 1, name);
    return store_run(store, q, "drop a sweep", err);
}

int store_sweeps(struct store *store, store_sweep_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_SWEEPS,
                                    "SELECT name, filename, definition, paused, reason, handled_s, created_ms,"
                                    " changed_ms FROM sweeps ORDER BY name",
                                    err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read sweeps", err)) > 0) {
        struct row_sweep row = {.paused = sqlite3_column_int(q, 3) != 0,
                                .handled_s = sqlite3_column_int64(q, 5),
                                .created_ms = sqlite3_column_int64(q, 6),
                                .changed_ms = sqlite3_column_int64(q, 7)};
        column_copy(q, 0, row.name, sizeof row.name);
        column_copy(q, 4, row.reason, sizeof row.reason);
        if (visit(context, &row, column_text(q, 1), column_text(q, 2), err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

/* --- runs ------------------------------------------------------------------------------------- */
static void bind_run(sqlite3_stmt *q, const struct row_sweep_run *row) {
    bind_int(q, 1, row->state);
    bind_int(q, 2, row->again);
    bind_int(q, 3, row->started_ms);
    bind_int(q, 4, row->finished_ms);
    bind_int(q, 5, row->ends_ms);
    bind_text(q, 6, row->campaign);
    bind_int(q, 7, row->planned);
    bind_int(q, 8, row->measured);
    bind_int(q, 9, row->wrong);
    bind_int(q, 10, row->suspects);
    bind_int(q, 11, row->confirmed);
    bind_int(q, 12, row->recovered);
    bind_text(q, 13, row->reason);
}

static int trim(struct store *store, const char *sweep, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_SWEEP_RUN_TRIM,
                            "DELETE FROM sweep_runs WHERE sweep = ?1 AND state > 1 AND seq <= (SELECT seq FROM"
                            " sweep_runs WHERE sweep = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
                            err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    bind_int(q, 2, SWEEP_RUNS_KEPT);
    return store_run(store, q, "drop old runs of a sweep", err);
}

int store_sweep_run_insert(struct store *store, struct row_sweep_run *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_SWEEP_RUN_INSERT,
        "INSERT INTO sweep_runs(state, again, started_ms, finished_ms, ends_ms, campaign, planned, measured, wrong,"
        " suspects, confirmed, recovered, reason, sweep, due_s, cause) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        err);
    if (!q) return -1;
    bind_run(q, row);
    bind_text(q, 14, row->sweep);
    bind_int(q, 15, row->due_s);
    bind_text(q, 16, row->cause);
    if (store_run(store, q, "add a run of a sweep", err) != 0) return -1;
    row->seq = sqlite3_last_insert_rowid(store->db);
    return trim(store, row->sweep, err);
}

int store_sweep_run_update(struct store *store, const struct row_sweep_run *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_SWEEP_RUN_UPDATE,
        "UPDATE sweep_runs SET state = ?, again = ?, started_ms = ?, finished_ms = ?, ends_ms = ?, campaign = ?,"
        " planned = ?, measured = ?, wrong = ?, suspects = ?, confirmed = ?, recovered = ?, reason = ? WHERE seq = ?",
        err);
    if (!q) return -1;
    bind_run(q, row);
    bind_int(q, 14, row->seq);
    return store_run(store, q, "change a run of a sweep", err);
}

static void read_run(sqlite3_stmt *q, struct row_sweep_run *row) {
    memset(row, 0, sizeof *row);
    row->seq = sqlite3_column_int64(q, 0);
    column_copy(q, 1, row->sweep, sizeof row->sweep);
    row->due_s = sqlite3_column_int64(q, 2);
    column_copy(q, 3, row->cause, sizeof row->cause);
    row->state = (enum sweep_run_state)sqlite3_column_int(q, 4);
    row->again = sqlite3_column_int(q, 5) != 0;
    row->started_ms = sqlite3_column_int64(q, 6);
    row->finished_ms = sqlite3_column_int64(q, 7);
    row->ends_ms = sqlite3_column_int64(q, 8);
    column_copy(q, 9, row->campaign, sizeof row->campaign);
    row->planned = sqlite3_column_int(q, 10);
    row->measured = sqlite3_column_int(q, 11);
    row->wrong = sqlite3_column_int(q, 12);
    row->suspects = sqlite3_column_int(q, 13);
    row->confirmed = sqlite3_column_int(q, 14);
    row->recovered = sqlite3_column_int(q, 15);
    column_copy(q, 16, row->reason, sizeof row->reason);
}

int store_sweep_runs(struct store *store, const char *sweep, bool open_only, int limit, store_sweep_run_fn *visit,
                     void *context, struct error *err) {
    sqlite3_stmt *q =
        open_only
            ? store_prepare(
                  store, ST_SWEEP_RUNS_OPEN,
                  "SELECT " RUN_COLUMNS " FROM sweep_runs WHERE sweep = ? AND state <= 1 ORDER BY seq LIMIT ?", err)
            : store_prepare(store, ST_SWEEP_RUNS,
                            "SELECT " RUN_COLUMNS " FROM sweep_runs WHERE sweep = ? ORDER BY seq DESC LIMIT ?", err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    bind_int(q, 2, limit > 0 ? limit : -1);
    int rc;
    while ((rc = store_step(store, q, "read runs of a sweep", err)) > 0) {
        struct row_sweep_run row;
        read_run(q, &row);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

/* --- what they measure ------------------------------------------------------------------------ */
int store_promoted(struct store *store, store_result_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_PROMOTED,
                                    "SELECT r.task, r.revision, r.campaign, r.problem, r.target, r.record FROM tasks p"
                                    " JOIN tasks t ON t.id = p.parent JOIN results r ON r.seq = t.seq"
                                    " WHERE p.purpose = 'promotion' AND p.state = 4 ORDER BY r.revision",
                                    err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read promoted results", err)) > 0) {
        struct row_result row = {.revision = sqlite3_column_int64(q, 1)};
        column_copy(q, 0, row.task, sizeof row.task);
        column_copy(q, 2, row.campaign, sizeof row.campaign);
        column_copy(q, 3, row.problem, sizeof row.problem);
        column_copy(q, 4, row.target, sizeof row.target);
        row.record = sqlite3_column_blob(q, 5);
        row.len = (size_t)sqlite3_column_bytes(q, 5);
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}
