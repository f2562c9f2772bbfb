/* Rows of findings, of what is muted, and of digests that wait for their webhook. */
#include <string.h>

#include "coordinator/store/internal.h"

const char *finding_state_name(enum finding_state state) {
    static const char *const names[] = {"open", "recovered", "acknowledged", "told"};
    return state < FINDING_STATE_COUNT ? names[state] : "unknown";
}

int store_finding_insert(struct store *store, struct row_finding *row, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_FINDING_INSERT,
                            "INSERT INTO sweep_findings(sweep, run, night_s, state, cause, faster, effect,"
                            " device, kernel, note, changed_ms) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                            err);
    if (!q) return -1;
    bind_text(q, 1, row->sweep);
    bind_text(q, 2, row->run);
    bind_int(q, 3, row->night_s);
    bind_int(q, 4, row->state);
    bind_text(q, 5, row->cause);
    bind_int(q, 6, row->faster);
    bind_double(q, 7, row->effect);
    bind_text(q, 8, row->device);
    bind_text(q, 9, row->kernel);
    bind_text(q, 10, row->note);
    bind_int(q, 11, row->changed_ms);
    if (store_run(store, q, "keep a finding", err) != 0) return -1;
    row->id = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_finding_update(struct store *store, const struct row_finding *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_FINDING_UPDATE, "UPDATE sweep_findings SET state = ?, note = ?, changed_ms = ? WHERE id = ?", err);
    if (!q) return -1;
    bind_int(q, 1, row->state);
    bind_text(q, 2, row->note);
    bind_int(q, 3, row->changed_ms);
    bind_int(q, 4, row->id);
    return store_run(store, q, "change a finding", err);
}

int store_finding_series_add(struct store *store, const struct row_finding_series *row, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_FINDING_SERIES_ADD,
                            "INSERT OR REPLACE INTO sweep_finding_series(finding, series, effect, norm_ns,"
                            " band, p_value) VALUES(?,?,?,?,?,?)",
                            err);
    if (!q) return -1;
    bind_int(q, 1, row->finding);
    bind_int(q, 2, row->series);
    bind_double(q, 3, row->effect);
    bind_double(q, 4, row->norm_ns);
    bind_double(q, 5, row->band);
    bind_double(q, 6, row->p_value);
    return store_run(store, q, "keep a finding's series", err);
}

#define FINDING_COLUMNS "id, sweep, run, night_s, state, cause, faster, effect, device, kernel, note, changed_ms"

static void read_finding(sqlite3_stmt *q, struct row_finding *row) {
    *row = (struct row_finding){
        .id = sqlite3_column_int64(q, 0),
        .night_s = sqlite3_column_int64(q, 3),
        .state = (enum finding_state)sqlite3_column_int(q, 4),
        .faster = sqlite3_column_int(q, 6) != 0,
        .effect = sqlite3_column_double(q, 7),
        .changed_ms = sqlite3_column_int64(q, 11),
    };
    column_copy(q, 1, row->sweep, sizeof row->sweep);
    column_copy(q, 2, row->run, sizeof row->run);
    column_copy(q, 5, row->cause, sizeof row->cause);
    column_copy(q, 8, row->device, sizeof row->device);
    column_copy(q, 9, row->kernel, sizeof row->kernel);
    column_copy(q, 10, row->note, sizeof row->note);
}

int store_findings(struct store *store, const char *sweep, bool open_only, int limit, store_finding_fn *visit,
                   void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, ST_FINDINGS,
                                    "SELECT " FINDING_COLUMNS
                                    " FROM sweep_findings WHERE (?1 IS NULL OR sweep = ?1)"
                                    " AND (?2 = 0 OR state = 0) ORDER BY id DESC LIMIT ?3",
                                    err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    bind_int(q, 2, open_only);
    bind_int(q, 3, limit > 0 ? limit : -1);
    int rc;
    while ((rc = store_step(store, q, "read findings", err)) > 0) {
        struct row_finding row;
        read_finding(q, &row);
        if (visit(context, &row, err) == 0) continue;
        sqlite3_reset(q);
        return -1;
    }
    return rc;
}

int store_finding_get(struct store *store, int64_t id, struct row_finding *ret, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_FINDING_GET, "SELECT " FINDING_COLUMNS " FROM sweep_findings WHERE id = ?", err);
    if (!q) return -1;
    bind_int(q, 1, id);
    int rc = store_step(store, q, "read a finding", err);
    if (rc > 0) read_finding(q, ret);
    sqlite3_reset(q);
    if (rc == 0) return error_set(err, ERR_NOT_FOUND, "there is no finding %lld", (long long)id);
    return rc > 0 ? 0 : -1;
}

int store_finding_series(struct store *store, int64_t finding, store_finding_series_fn *visit, void *context,
                         struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_FINDING_SERIES,
                      "SELECT f.series, f.effect, f.norm_ns, f.band, f.p_value, s.problem, s.kernel,"
                      " s.size, s.node, s.device, s.target, s.role FROM sweep_finding_series f JOIN"
                      " sweep_series s ON s.id = f.series WHERE f.finding = ? ORDER BY abs(f.effect) DESC",
                      err);
    if (!q) return -1;
    bind_int(q, 1, finding);
    int rc;
    while ((rc = store_step(store, q, "read a finding's series", err)) > 0) {
        const struct row_finding_series row = {
            .finding = finding,
            .series = sqlite3_column_int64(q, 0),
            .effect = sqlite3_column_double(q, 1),
            .norm_ns = sqlite3_column_double(q, 2),
            .band = sqlite3_column_double(q, 3),
            .p_value = sqlite3_column_double(q, 4),
        };
        struct row_series series = {.id = row.series};
        column_copy(q, 5, series.problem, sizeof series.problem);
        column_copy(q, 6, series.kernel, sizeof series.kernel);
        column_copy(q, 7, series.size, sizeof series.size);
        column_copy(q, 8, series.node, sizeof series.node);
        column_copy(q, 9, series.device, sizeof series.device);
        column_copy(q, 10, series.target, sizeof series.target);
        column_copy(q, 11, series.role, sizeof series.role);
        if (visit(context, &row, &series, err) == 0) continue;
        sqlite3_reset(q);
        return -1;
    }
    return rc;
}

/* --- muted ------------------------------------------------------------------------------------ */
int store_mute_put(struct store *store, const struct row_mute *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_MUTE_PUT, "INSERT OR REPLACE INTO sweep_mutes(sweep, pattern, until_ms, reason) VALUES(?,?,?,?)",
        err);
    if (!q) return -1;
    bind_text(q, 1, row->sweep);
    bind_text(q, 2, row->pattern);
    bind_int(q, 3, row->until_ms);
    bind_text(q, 4, row->reason);
    return store_run(store, q, "mute", err);
}

int store_mute_delete(struct store *store, const char *sweep, const char *pattern, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_MUTE_DELETE, "DELETE FROM sweep_mutes WHERE sweep = ? AND pattern = ?", err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    bind_text(q, 2, pattern);
    if (store_run(store, q, "unmute", err) != 0) return -1;
    if (sqlite3_changes(store->db) == 0)
        return error_set(err, ERR_NOT_FOUND, "sweep %s has nothing muted as %s", sweep, pattern);
    return 0;
}

int store_mutes(struct store *store, const char *sweep, store_mute_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(
        store, ST_MUTES, "SELECT pattern, until_ms, reason FROM sweep_mutes WHERE sweep = ? ORDER BY pattern", err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    int rc;
    while ((rc = store_step(store, q, "read what is muted", err)) > 0) {
        struct row_mute row = {.until_ms = sqlite3_column_int64(q, 1)};
        snprintf(row.sweep, sizeof row.sweep, "%s", sweep);
        column_copy(q, 0, row.pattern, sizeof row.pattern);
        column_copy(q, 2, row.reason, sizeof row.reason);
        if (visit(context, &row, err) == 0) continue;
        sqlite3_reset(q);
        return -1;
    }
    return rc;
}

/* --- digests that wait ------------------------------------------------------------------------ */
int store_hook_add(struct store *store, struct row_hook *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_HOOK_ADD,
        "INSERT INTO webhook_queue(webhook, sweep, body, created_ms, tries, error) VALUES(?,?,?,?,0,'')", err);
    if (!q) return -1;
    bind_text(q, 1, row->webhook);
    bind_text(q, 2, row->sweep);
    bind_text(q, 3, row->body);
    bind_int(q, 4, row->created_ms);
    if (store_run(store, q, "queue a digest", err) != 0) return -1;
    row->seq = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_hook_failed(struct store *store, int64_t seq, const char *error, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_HOOK_FAILED,
                                          "UPDATE webhook_queue SET tries = tries + 1, error = ? WHERE seq = ?", err);
    if (!q) return -1;
    bind_text(q, 1, error);
    bind_int(q, 2, seq);
    return store_run(store, q, "note a failed digest", err);
}

int store_hook_delete(struct store *store, int64_t seq, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_HOOK_DELETE, "DELETE FROM webhook_queue WHERE seq = ?", err);
    if (!q) return -1;
    bind_int(q, 1, seq);
    return store_run(store, q, "drop a digest", err);
}

int store_hooks(struct store *store, store_hook_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q = store_prepare(
        store, ST_HOOKS, "SELECT seq, webhook, sweep, body, created_ms, tries, error FROM webhook_queue ORDER BY seq",
        err);
    if (!q) return -1;
    int rc;
    while ((rc = store_step(store, q, "read digests", err)) > 0) {
        struct row_hook row = {.seq = sqlite3_column_int64(q, 0),
                               .body = column_text(q, 3),
                               .created_ms = sqlite3_column_int64(q, 4),
                               .tries = sqlite3_column_int(q, 5)};
        column_copy(q, 1, row.webhook, sizeof row.webhook);
        column_copy(q, 2, row.sweep, sizeof row.sweep);
        column_copy(q, 6, row.error, sizeof row.error);
        if (visit(context, &row, err) == 0) continue;
        sqlite3_reset(q);
        return -1;
    }
    return rc;
}
