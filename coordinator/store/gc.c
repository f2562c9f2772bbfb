#include "coordinator/store/gc.h"

#include <string.h>

#include "common/buf.h"
#include "coordinator/store/internal.h"

#define FREE_PAGES_KEPT 64 /* the next writes take them */

/* Prepared for one call: these run once a day. */
static void finalize(sqlite3_stmt **q) {
    sqlite3_finalize(*q);
}
#define CLEANUP_STATEMENT CLEANUP(finalize)

static sqlite3_stmt *prepare(struct store *store, const char *sql, struct error *err) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &q, NULL) == SQLITE_OK) return q;
    store_fail(store, sql, err);
    return NULL;
}

/* Runs a statement with up to two numbers; adds the rows that it changed to *count (may be NULL). */
static int change(struct store *store, const char *sql, int64_t a, int64_t b, int64_t *count, struct error *err) {
    if (store_begin(store, err) != 0) return -1;
    CLEANUP_STATEMENT sqlite3_stmt *q = prepare(store, sql, err);
    if (!q) return -1;
    bind_int(q, 1, a);
    if (sqlite3_bind_parameter_count(q) > 1) bind_int(q, 2, b);
    if (store_run(store, q, sql, err) != 0) return -1;
    if (count) *count += sqlite3_changes(store->db);
    return 0;
}

static int ask(struct store *store, const char *sql, int64_t a, int64_t b, int64_t *ret, struct error *err) {
    CLEANUP_STATEMENT sqlite3_stmt *q = prepare(store, sql, err);
    if (!q) return -1;
    if (sqlite3_bind_parameter_count(q) > 0) bind_int(q, 1, a);
    if (sqlite3_bind_parameter_count(q) > 1) bind_int(q, 2, b);
    int rc = store_step(store, q, sql, err);
    if (rc > 0) *ret += sqlite3_column_int64(q, 0);
    return rc < 0 ? -1 : 0;
}

/* --- campaigns and their tasks ---------------------------------------------------------------- */
int store_gc_campaign(struct store *store, int64_t after, int64_t before_ms, int64_t tries_before_ms,
                      struct row_campaign *ret, struct error *err) {
    CLEANUP_STATEMENT sqlite3_stmt *q =
        prepare(store,
                "SELECT seq, id FROM campaigns WHERE seq > ?1 AND state <> 0 AND finished_ms > 0"
                " AND finished_ms < CASE purpose WHEN 'try' THEN ?3 ELSE ?2 END ORDER BY seq LIMIT 1",
                err);
    if (!q) return -1;
    bind_int(q, 1, after);
    bind_int(q, 2, before_ms);
    bind_int(q, 3, tries_before_ms);
    int rc = store_step(store, q, "find an old campaign", err);
    if (rc <= 0) return rc;
    memset(ret, 0, sizeof *ret);
    ret->seq = sqlite3_column_int64(q, 0);
    column_copy(q, 1, ret->id, sizeof ret->id);
    return 1;
}

static void read_task(sqlite3_stmt *q, struct gc_task *task) {
    memset(task, 0, sizeof *task);
    task->seq = sqlite3_column_int64(q, 0);
    task->ordinal = sqlite3_column_int64(q, 1);
    column_copy(q, 2, task->id, sizeof task->id);
    column_copy(q, 3, task->parent, sizeof task->parent);
    const void *record = sqlite3_column_blob(q, 4);
    if (!record) return;
    task->len = (size_t)sqlite3_column_bytes(q, 4);
    task->result = xmalloc(task->len + 1);
    memcpy(task->result, record, task->len);
}

int store_gc_tasks(struct store *store, const char *campaign, int64_t ordinal, int64_t seq, struct gc_task *ret,
                   int room, struct error *err) {
    CLEANUP_STATEMENT sqlite3_stmt *q =
        prepare(store,
                "SELECT t.seq, t.ordinal, t.id, t.parent, r.record FROM tasks t LEFT JOIN results r ON r.seq = t.seq"
                " WHERE t.campaign = ?1 AND (t.ordinal, t.seq) > (?2, ?3) ORDER BY t.ordinal, t.seq LIMIT ?4",
                err);
    if (!q) return -1;
    bind_text(q, 1, campaign);
    bind_int(q, 2, ordinal);
    bind_int(q, 3, seq);
    bind_int(q, 4, room);
    int n = 0, rc;
    while ((rc = store_step(store, q, "read old tasks", err)) > 0) read_task(q, &ret[n++]);
    return rc < 0 ? -1 : n;
}

#define FIRST_KEY(seq) ((seq)*ATTEMPTS_PER_TASK_MAX)
#define LAST_KEY(seq) (FIRST_KEY(seq) + ATTEMPTS_PER_TASK_MAX - 1)

int store_gc_drop_task(struct store *store, int64_t seq, struct gc_counts *counts, struct error *err) {
    if (change(store, "DELETE FROM attempt_records WHERE key BETWEEN ? AND ?", FIRST_KEY(seq), LAST_KEY(seq),
               &counts->records, err) != 0 ||
        change(store, "DELETE FROM attempts WHERE key BETWEEN ? AND ?", FIRST_KEY(seq), LAST_KEY(seq),
               &counts->attempts, err) != 0 ||
        change(store, "DELETE FROM results WHERE seq = ?", seq, 0, NULL, err) != 0)
        return -1;
    return change(store, "DELETE FROM tasks WHERE seq = ?", seq, 0, &counts->tasks, err);
}

int store_gc_count_task(struct store *store, int64_t seq, struct gc_counts *counts, struct error *err) {
    counts->tasks++;
    if (ask(store, "SELECT count(*) FROM attempt_records WHERE key BETWEEN ? AND ?", FIRST_KEY(seq), LAST_KEY(seq),
            &counts->records, err) != 0)
        return -1;
    return ask(store, "SELECT count(*) FROM attempts WHERE key BETWEEN ? AND ?", FIRST_KEY(seq), LAST_KEY(seq),
               &counts->attempts, err);
}

int store_gc_drop_campaign(struct store *store, const char *id, struct error *err) {
    static const char *const sql[] = {"DELETE FROM inputs WHERE campaign = ?", "DELETE FROM campaigns WHERE id = ?"};
    if (store_begin(store, err) != 0) return -1;
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
        CLEANUP_STATEMENT sqlite3_stmt *q = prepare(store, sql[i], err);
        if (!q) return -1;
        bind_text(q, 1, id);
        if (store_run(store, q, "drop a campaign", err) != 0) return -1;
    }
    return 0;
}

/* --- attempts --------------------------------------------------------------------------------- */
static int drop_attempt(struct store *store, int64_t key, bool accepted, struct gc_counts *counts, struct error *err) {
    if (change(store, "DELETE FROM attempt_records WHERE key = ?", key, 0, &counts->records, err) != 0) return -1;
    if (accepted) return 0;
    return change(store, "DELETE FROM attempts WHERE key = ?", key, 0, &counts->attempts, err);
}

static int count_attempt(struct store *store, int64_t key, bool accepted, struct gc_counts *counts, struct error *err) {
    counts->attempts += !accepted;
    return ask(store, "SELECT count(*) FROM attempt_records WHERE key = ?", key, 0, &counts->records, err);
}

int store_gc_attempts(struct store *store, int64_t *key, int limit, int64_t before_ms, gc_skip_fn *skip, void *context,
                      struct gc_counts *counts, bool *ret_end, struct error *err) {
    struct {
        int64_t key;
        bool accepted;
    } old[256];
    int seen = 0, n = 0, rc;
    CLEANUP_STATEMENT sqlite3_stmt *q = prepare(
        store,
        "SELECT a.key, a.state, a.published_ms, t.state, t.id FROM attempts a JOIN tasks t ON t.seq = a.key >> 24"
        " WHERE a.key > ? ORDER BY a.key LIMIT ?",
        err);
    if (!q) return -1;
    if (limit > (int)(sizeof old / sizeof *old)) limit = (int)(sizeof old / sizeof *old);
    bind_int(q, 1, *key);
    bind_int(q, 2, limit);
    for (; (rc = store_step(store, q, "read old attempts", err)) > 0; seen++) {
        bool ended = task_state_ended((enum task_state)sqlite3_column_int(q, 3));
        *key = sqlite3_column_int64(q, 0);
        if (!ended || sqlite3_column_int64(q, 2) >= before_ms || (skip && skip(context, column_text(q, 4)))) continue;
        old[n].key = *key;
        old[n++].accepted = sqlite3_column_int(q, 1) == ATTEMPT_ACCEPTED;
    }
    for (int i = 0; i < n && rc == 0; i++)
        rc = (skip ? count_attempt : drop_attempt)(store, old[i].key, old[i].accepted, counts, err);
    *ret_end = seen < limit;
    return rc;
}

/* --- texts ------------------------------------------------------------------------------------ */
int store_gc_mark_tasks(struct store *store, int64_t *seq, int limit, gc_skip_fn *skip, gc_hash_fn *mark, void *context,
                        bool *ret_end, struct error *err) {
    CLEANUP_STATEMENT sqlite3_stmt *q = prepare(
        store, "SELECT seq, id, problem_hash, kernel_hash, policy_hash FROM tasks WHERE seq > ? ORDER BY seq LIMIT ?",
        err);
    if (!q) return -1;
    bind_int(q, 1, *seq);
    bind_int(q, 2, limit);
    int n = 0, rc;
    for (; (rc = store_step(store, q, "read tasks", err)) > 0; n++) {
        *seq = sqlite3_column_int64(q, 0);
        if (skip && skip(context, column_text(q, 1))) continue;
        for (int i = 2; i < 5; i++) mark(context, column_text(q, i));
    }
    *ret_end = n < limit;
    return rc;
}

int store_gc_mark_inputs(struct store *store, int64_t *seq, gc_skip_fn *skip, gc_hash_fn *mark, void *context,
                         bool *ret_end, struct error *err) {
    char id[CAMPAIGN_ID_SIZE];
    CLEANUP_STATEMENT sqlite3_stmt *q =
        prepare(store, "SELECT seq, id FROM campaigns WHERE seq > ? ORDER BY seq LIMIT 1", err);
    if (!q) return -1;
    bind_int(q, 1, *seq);
    int rc = store_step(store, q, "read campaigns", err);
    *ret_end = rc == 0;
    if (rc <= 0) return rc;
    *seq = sqlite3_column_int64(q, 0);
    column_copy(q, 1, id, sizeof id);
    if (skip && skip(context, id)) return 0;
    CLEANUP_STATEMENT sqlite3_stmt *inputs = prepare(store, "SELECT hash FROM inputs WHERE campaign = ?", err);
    if (!inputs) return -1;
    bind_text(inputs, 1, id);
    while ((rc = store_step(store, inputs, "read a campaign's texts", err)) > 0) mark(context, column_text(inputs, 0));
    return rc;
}

static const char *const tables[GC_TABLES] = {"problems", "kernels", "policies"};

int store_gc_hashes(struct store *store, enum gc_table table, char hash[HASH_SIZE], int limit, gc_hash_fn *visit,
                    void *context, struct error *err) {
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT hash FROM %s WHERE hash > ? ORDER BY hash LIMIT ?", tables[table]);
    CLEANUP_STATEMENT sqlite3_stmt *q = prepare(store, sql, err);
    if (!q) return -1;
    CLEANUP_FREE char *after = xstrdup(hash);
    bind_text(q, 1, after);
    bind_int(q, 2, limit);
    int n = 0, rc;
    for (; (rc = store_step(store, q, "read texts", err)) > 0; n++) {
        column_copy(q, 0, hash, HASH_SIZE);
        visit(context, hash);
    }
    return rc < 0 ? -1 : n;
}

int store_gc_drop_text(struct store *store, enum gc_table table, const char *hash, struct error *err) {
    char sql[64];
    snprintf(sql, sizeof sql, "DELETE FROM %s WHERE hash = ?", tables[table]);
    if (store_begin(store, err) != 0) return -1;
    CLEANUP_STATEMENT sqlite3_stmt *q = prepare(store, sql, err);
    if (!q) return -1;
    bind_text(q, 1, hash);
    return store_run(store, q, "drop a text", err);
}

/* --- pages ------------------------------------------------------------------------------------ */
int store_gc_vacuum(struct store *store, int pages, int64_t *freed_bytes, bool *ret_end, struct error *err) {
    char sql[48];
    int64_t before = 0, after = 0, size = 0;
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", pages);
    if (ask(store, "PRAGMA page_size", 0, 0, &size, err) != 0 ||
        ask(store, "PRAGMA freelist_count", 0, 0, &before, err) != 0)
        return -1;
    *ret_end = before <= FREE_PAGES_KEPT;
    if (*ret_end) return 0;
    if (store_begin(store, err) != 0) return -1;
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK) return store_fail(store, sql, err);
    if (ask(store, "PRAGMA freelist_count", 0, 0, &after, err) != 0) return -1;
    *freed_bytes += (before - after) * size;
    *ret_end = after >= before || after <= FREE_PAGES_KEPT;
    return 0;
}
