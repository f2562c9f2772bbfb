/* What was decided and has to be published: written with the decision, cleared after the broker has it. What this
 * process added lately is kept in memory as well, so that it is not read back; the rest (what a start finds, and what
 * does not fit) is read from the table. A result's row holds no copy of it: the result is in the store already. */
#include <string.h>

#include "common/buf.h"
#include "coordinator/store/internal.h"

#define RECENT_BYTES_MAX (32 * 1024 * 1024)

struct recent_row {
    int64_t seq;
    char *topic, *key;
    uint8_t *value;
    size_t len;
};
/* Rows from `first` on, all of them, in order. */
struct outbox_recent {
    struct recent_row *rows;
    size_t begin, end, room; /* rows[begin..end) */
    size_t bytes;
    int64_t first;
    int64_t last;    /* number of the latest row of all */
    int64_t cleared; /* no row up to this one is left */
};

/* --- what is kept in memory ------------------------------------------------------------------- */
static void drop_first(struct outbox_recent *recent) {
    struct recent_row *row = &recent->rows[recent->begin++];
    recent->bytes -= row->len;
    free(row->topic);
    free(row->key);
    free(row->value);
    if (recent->begin == recent->end) recent->begin = recent->end = 0;
}

static void forget(struct outbox_recent *recent) {
    while (recent->begin < recent->end) drop_first(recent);
    recent->first = recent->last + 1;
}

void outbox_recent_free(struct outbox_recent *recent) {
    if (!recent) return;
    forget(recent);
    free(recent->rows);
    free(recent);
}

/* -1 with err. */
static int number(struct store *store, enum store_statement which, const char *sql, int64_t *ret, struct error *err) {
    sqlite3_stmt *q = store_prepare(store, which, sql, err);
    int rc = q ? store_step(store, q, "read the outbox", err) : -1;
    if (rc < 0) return -1;
    *ret = rc > 0 ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return 0;
}

static struct outbox_recent *recent_of(struct store *store, struct error *err) {
    struct outbox_recent recent = {0};
    int64_t first = 0;
    if (store->recent) return store->recent;
    if (number(store, ST_OUTBOX_LAST, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", &recent.last, err) !=
            0 ||
        number(store, ST_OUTBOX_FIRST, "SELECT coalesce(min(seq), 0) FROM outbox", &first, err) != 0)
        return NULL;
    recent.first = recent.last + 1;
    recent.cleared = first ? first - 1 : recent.last;
    store->recent = xmalloc(sizeof *store->recent);
    *store->recent = recent;
    return store->recent;
}

static void remember(struct outbox_recent *recent, const char *topic, const char *key, const void *value, size_t len) {
    if (recent->bytes + len > RECENT_BYTES_MAX) {
        forget(recent);
        return;
    }
    if (recent->end == recent->room) {
        if (recent->begin > 0)
            memmove(recent->rows, recent->rows + recent->begin, (recent->end - recent->begin) * sizeof *recent->rows);
        recent->end -= recent->begin;
        recent->begin = 0;
        if (recent->end * 2 >= recent->room) {
            recent->room = recent->room ? 2 * recent->room : 64;
            recent->rows = xrealloc(recent->rows, recent->room * sizeof *recent->rows);
        }
    }
    struct recent_row *row = &recent->rows[recent->end++];
    *row = (struct recent_row){
        .seq = recent->last, .topic = xstrdup(topic), .key = xstrdup(key), .value = xmalloc(len + 1), .len = len};
    if (len) memcpy(row->value, value, len);
    recent->bytes += len;
}

static int visit_recent(const struct outbox_recent *recent, int64_t after, int limit, store_outbox_fn *visit,
                        void *context, struct error *err) {
    for (size_t i = recent->begin; i < recent->end && limit > 0; i++) {
        const struct recent_row *r = &recent->rows[i];
        struct row_outbox row = {.seq = r->seq, .topic = r->topic, .key = r->key, .value = r->value, .len = r->len};
        if (row.seq <= after) continue;
        if (visit(context, &row, err) != 0) return -1;
        limit--;
    }
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------- */
static int add(struct store *store, const char *topic, const char *key, int64_t result, const void *value, size_t len,
               struct error *err) {
    struct outbox_recent *recent = recent_of(store, err);
    sqlite3_stmt *q = recent
                          ? store_prepare_write(store, ST_OUTBOX_ADD,
                                                "INSERT INTO outbox(topic, key, value, result) VALUES(?, ?, ?, ?)", err)
                          : NULL;
    if (!q) return -1;
    bind_text(q, 1, topic);
    bind_text(q, 2, key);
    bind_blob(q, 3, value, result ? 0 : len);
    bind_int(q, 4, result);
    if (store_run(store, q, "add to the outbox", err) != 0) return -1;
    recent->last = sqlite3_last_insert_rowid(store->db);
    remember(recent, topic, key, value, len);
    return 0;
}

int store_outbox_add(struct store *store, const char *topic, const char *key, const void *value, size_t len,
                     struct error *err) {
    return add(store, topic, key, 0, value, len, err);
}

int store_outbox_add_result(struct store *store, const char *topic, const struct row_result *row, struct error *err) {
    return add(store, topic, row->task, row->task_seq, row->record, row->len, err);
}

int store_outbox(struct store *store, int64_t after, int limit, store_outbox_fn *visit, void *context,
                 struct error *err) {
    const struct outbox_recent *recent = recent_of(store, err);
    if (!recent) return -1;
    if (after + 1 >= recent->first || recent->cleared + 1 >= recent->first)
        return visit_recent(recent, after, limit, visit, context, err);
    sqlite3_stmt *q = store_prepare(store, ST_OUTBOX,
                                    "SELECT seq, topic, key, CASE WHEN result > 0 THEN (SELECT record FROM results"
                                    " WHERE results.seq = outbox.result) ELSE value END"
                                    " FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
                                    err);
    if (!q) return -1;
    bind_int(q, 1, after);
    bind_int(q, 2, limit);
    int rc;
    while ((rc = store_step(store, q, "read the outbox", err)) > 0) {
        struct row_outbox row = {.seq = sqlite3_column_int64(q, 0),
                                 .topic = column_text(q, 1),
                                 .key = column_text(q, 2),
                                 .value = sqlite3_column_blob(q, 3),
                                 .len = (size_t)sqlite3_column_bytes(q, 3)};
        if (visit(context, &row, err) != 0) {
            sqlite3_reset(q);
            return -1;
        }
    }
    return rc;
}

int store_outbox_clear(struct store *store, int64_t after, int64_t upto, struct error *err) {
    struct outbox_recent *recent = recent_of(store, err);
    if (!recent) return -1;
    sqlite3_stmt *q = store_prepare_write(store, ST_OUTBOX_CLEAR, "DELETE FROM outbox WHERE seq > ? AND seq <= ?", err);
    if (!q) return -1;
    bind_int(q, 1, after);
    bind_int(q, 2, upto);
    if (store_run(store, q, "clear the outbox", err) != 0) return -1;
    if (after > recent->cleared) { /* from the middle */
        forget(recent);
        return 0;
    }
    if (upto > recent->cleared) recent->cleared = upto;
    while (recent->begin < recent->end && recent->rows[recent->begin].seq <= upto) drop_first(recent);
    return 0;
}

int store_outbox_drop(struct store *store, const char *topic, const char *key, struct error *err) {
    struct outbox_recent *recent = recent_of(store, err);
    if (!recent) return -1;
    forget(recent);
    sqlite3_stmt *q = store_prepare_write(store, ST_OUTBOX_DROP, "DELETE FROM outbox WHERE topic = ? AND key = ?", err);
    if (!q) return -1;
    bind_text(q, 1, topic);
    bind_text(q, 2, key);
    return store_run(store, q, "clear the outbox", err);
}

int64_t store_outbox_count(struct store *store) {
    sqlite3_stmt *q = store_prepare(store, ST_OUTBOX_COUNT, "SELECT count(*) FROM outbox", NULL);
    int64_t n = q && store_step(store, q, "count the outbox", NULL) > 0 ? sqlite3_column_int64(q, 0) : 0;
    if (q) sqlite3_reset(q);
    return n;
}
