/* Rows of what sweeps measured: series and their points. */
#include <string.h>

#include "coordinator/store/internal.h"

static void bind_series(sqlite3_stmt *q, const char *sweep, const struct row_series *row) {
    bind_text(q, 1, sweep);
    bind_text(q, 2, row->problem);
    bind_text(q, 3, row->kernel);
    bind_text(q, 4, row->size);
    bind_text(q, 5, row->node);
    bind_text(q, 6, row->device);
    bind_text(q, 7, row->role);
}

int store_series_put(struct store *store, const char *sweep, struct row_series *row, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_SERIES_PUT,
                            "INSERT INTO sweep_series(sweep, problem, kernel, size, node, device, role, target)"
                            " VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(sweep, node, device, problem, kernel, size,"
                            " role) DO UPDATE SET target = excluded.target",
                            err);
    if (!q) return -1;
    bind_series(q, sweep, row);
    bind_text(q, 8, row->target);
    if (store_run(store, q, "keep a series", err) != 0) return -1;
    q = store_prepare(store, ST_SERIES_FIND,
                      "SELECT id FROM sweep_series WHERE sweep = ?1 AND problem = ?2 AND kernel = ?3 AND size = ?4 AND"
                      " node = ?5 AND device = ?6 AND role = ?7",
                      err);
    if (!q) return -1;
    bind_series(q, sweep, row);
    int rc = store_step(store, q, "find a series", err);
    if (rc > 0) row->id = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return rc > 0 ? 0 : -1;
}

int store_point_put(struct store *store, const struct row_point *row, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, ST_POINT_PUT,
                                          "INSERT INTO sweep_points(series, night_s, repetition, time_ns, low_ns,"
                                          " high_ns, driver, text_hash, clocks, clock_mhz, flags)"
                                          " VALUES(?,?,?,?,?,?,?,?,?,?,?)"
                                          " ON CONFLICT(series, night_s, repetition) DO UPDATE SET time_ns ="
                                          " excluded.time_ns, low_ns = excluded.low_ns, high_ns = excluded.high_ns,"
                                          " driver = excluded.driver, text_hash = excluded.text_hash, clocks ="
                                          " excluded.clocks, clock_mhz = excluded.clock_mhz",
                                          err);
    if (!q) return -1;
    bind_int(q, 1, row->series);
    bind_int(q, 2, row->night_s);
    bind_int(q, 3, row->repetition);
    bind_double(q, 4, row->time_ns);
    bind_double(q, 5, row->low_ns);
    bind_double(q, 6, row->high_ns);
    bind_text(q, 7, row->driver);
    bind_text(q, 8, row->text_hash);
    bind_int(q, 9, row->clocks);
    bind_double(q, 10, row->clock_mhz);
    bind_int(q, 11, row->flags);
    return store_run(store, q, "keep a point", err);
}

int store_point_flag(struct store *store, int64_t series, int64_t night_s, unsigned flags, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_POINT_FLAG, "UPDATE sweep_points SET flags = flags | ? WHERE series = ? AND night_s = ?", err);
    if (!q) return -1;
    bind_int(q, 1, flags);
    bind_int(q, 2, series);
    bind_int(q, 3, night_s);
    return store_run(store, q, "mark a point", err);
}

/* Columns `from`.. of q: id, problem, kernel, size, node, device, target, role. */
static void read_series(sqlite3_stmt *q, int from, struct row_series *row) {
    *row = (struct row_series){.id = sqlite3_column_int64(q, from)};
    column_copy(q, from + 1, row->problem, sizeof row->problem);
    column_copy(q, from + 2, row->kernel, sizeof row->kernel);
    column_copy(q, from + 3, row->size, sizeof row->size);
    column_copy(q, from + 4, row->node, sizeof row->node);
    column_copy(q, from + 5, row->device, sizeof row->device);
    column_copy(q, from + 6, row->target, sizeof row->target);
    column_copy(q, from + 7, row->role, sizeof row->role);
}

int store_series(struct store *store, const char *sweep, const char *node, const char *device, const char *kernel,
                 store_series_fn *visit, void *context, struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_SERIES,
                      "SELECT id, problem, kernel, size, node, device, target, role FROM sweep_series"
                      " WHERE sweep = ?1 AND (?2 IS NULL OR node = ?2) AND (?3 IS NULL OR device = ?3)"
                      " AND (?4 IS NULL OR kernel = ?4) ORDER BY node, device, problem, kernel, size, role",
                      err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    bind_text(q, 2, node);
    bind_text(q, 3, device);
    bind_text(q, 4, kernel);
    int rc;
    while ((rc = store_step(store, q, "read series", err)) > 0) {
        struct row_series row;
        read_series(q, 0, &row);
        if (visit(context, &row, err) == 0) continue;
        sqlite3_reset(q);
        return -1;
    }
    return rc;
}

int store_points(struct store *store, int64_t series, int64_t night_s, store_point_fn *visit, void *context,
                 struct error *err) {
    sqlite3_stmt *q =
        store_prepare(store, ST_POINTS,
                      "SELECT night_s, repetition, time_ns, low_ns, high_ns, driver, text_hash, clocks,"
                      " clock_mhz, flags FROM sweep_points WHERE series = ? AND night_s <= ? ORDER BY night_s DESC,"
                      " repetition DESC",
                      err);
    if (!q) return -1;
    bind_int(q, 1, series);
    bind_int(q, 2, night_s);
    int rc;
    while ((rc = store_step(store, q, "read points", err)) > 0) {
        const struct row_point row = {
            .series = series,
            .night_s = sqlite3_column_int64(q, 0),
            .repetition = sqlite3_column_int(q, 1),
            .time_ns = sqlite3_column_double(q, 2),
            .low_ns = sqlite3_column_double(q, 3),
            .high_ns = sqlite3_column_double(q, 4),
            .driver = column_text(q, 5),
            .text_hash = column_text(q, 6),
            .clocks = sqlite3_column_int(q, 7),
            .clock_mhz = sqlite3_column_double(q, 8),
            .flags = (unsigned)sqlite3_column_int(q, 9),
        };
        int said = visit(context, &row, err);
        if (said == 0) continue;
        sqlite3_reset(q);
        return said < 0 ? -1 : 0;
    }
    return rc;
}

int store_points_keep(struct store *store, int64_t series, int nights, struct error *err) {
    sqlite3_stmt *q =
        store_prepare_write(store, ST_POINTS_KEEP,
                            "DELETE FROM sweep_points WHERE series = ?1 AND night_s <= (SELECT night_s"
                            " FROM sweep_points WHERE series = ?1 AND repetition = 0 ORDER BY night_s DESC LIMIT 1"
                            " OFFSET ?2)",
                            err);
    if (!q) return -1;
    bind_int(q, 1, series);
    bind_int(q, 2, nights);
    return store_run(store, q, "drop old points of a series", err);
}

int store_points_trim(struct store *store, const char *sweep, int64_t night_s, struct error *err) {
    sqlite3_stmt *q = store_prepare_write(
        store, ST_POINTS_TRIM,
        "DELETE FROM sweep_points WHERE night_s < ?1 AND series IN (SELECT id FROM sweep_series WHERE sweep = ?2)",
        err);
    if (!q) return -1;
    bind_int(q, 1, night_s);
    bind_text(q, 2, sweep);
    if (store_run(store, q, "drop old points", err) != 0) return -1;
    q = store_prepare_write(
        store, ST_SERIES_TRIM,
        "DELETE FROM sweep_series WHERE sweep = ? AND NOT EXISTS (SELECT 1 FROM sweep_points p WHERE"
        " p.series = id) AND NOT EXISTS (SELECT 1 FROM sweep_finding_series f WHERE f.series = id)",
        err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    return store_run(store, q, "drop old series", err);
}

static int delete_of(struct store *store, enum store_statement which, const char *sql, const char *sweep,
                     struct error *err) {
    sqlite3_stmt *q = store_prepare_write(store, which, sql, err);
    if (!q) return -1;
    bind_text(q, 1, sweep);
    return store_run(store, q, "drop what a sweep measured", err);
}

int store_sweep_history_delete(struct store *store, const char *sweep, struct error *err) {
    if (delete_of(store, ST_HISTORY_1,
                  "DELETE FROM sweep_points WHERE series IN (SELECT id FROM sweep_series WHERE sweep = ?)", sweep,
                  err) != 0 ||
        delete_of(store, ST_HISTORY_2,
                  "DELETE FROM sweep_finding_series WHERE finding IN (SELECT id FROM sweep_findings WHERE sweep = ?)",
                  sweep, err) != 0)
        return -1;
    if (delete_of(store, ST_HISTORY_3, "DELETE FROM sweep_series WHERE sweep = ?", sweep, err) != 0 ||
        delete_of(store, ST_HISTORY_4, "DELETE FROM sweep_findings WHERE sweep = ?", sweep, err) != 0)
        return -1;
    return delete_of(store, ST_HISTORY_5, "DELETE FROM sweep_mutes WHERE sweep = ?", sweep, err);
}
