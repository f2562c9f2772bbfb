/* What the files of the store share: statements prepared once, and binding and reading columns. */
#pragma once
#include <sqlite3.h>

#include "coordinator/store/store.h"

#define STORE_FILE "portolan.db"

enum store_statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_META_GET,
    ST_META_PUT,
    ST_CAMPAIGN_INSERT,
    ST_CAMPAIGN_UPDATE,
    ST_CAMPAIGNS,
    ST_CAMPAIGN_FIND,
    ST_CAMPAIGN_LATEST,
    ST_CAMPAIGN_DEFINITION,
    ST_PROBLEM_PUT,
    ST_PROBLEM_GET,
    ST_KERNEL_PUT,
    ST_KERNEL_GET,
    ST_POLICY_PUT,
    ST_POLICY_GET,
    ST_INPUT_ADD,
    ST_INPUTS,
    ST_TASK_INSERT,
    ST_TASK_UPDATE,
    ST_TASK_DELETE,
    ST_TASKS,
    ST_TASK_FIND,
    ST_TASK_SEQ,
    ST_TASKS_ALIKE,
    ST_TASK_COUNTS,
    ST_ATTEMPT_INSERT,
    ST_ATTEMPT_UPDATE,
    ST_ATTEMPT_GET,
    ST_ATTEMPTS,
    ST_ATTEMPTS_OPEN,
    ST_ATTEMPT_RECORD_PUT,
    ST_ATTEMPT_RECORD_GET,
    ST_NODE_PUT,
    ST_NODE_UPDATE,
    ST_NODES,
    ST_INCARNATION_END,
    ST_INCARNATION_TRIM,
    ST_INCARNATION_ENDED,
    ST_HEALTH_PUT,
    ST_HEALTH_DELETE,
    ST_HEALTHS,
    ST_RESULT_PUT,
    ST_RESULT_GET,
    ST_RESULTS,
    ST_RESULT_COUNT,
    ST_OUTBOX_ADD,
    ST_OUTBOX_FIRST,
    ST_OUTBOX_LAST,
    ST_OUTBOX,
    ST_OUTBOX_CLEAR,
    ST_OUTBOX_COUNT,
    ST_OUTBOX_DROP,
    ST_OFFSET_PUT,
    ST_OFFSET_GET,
    ST_OFFSETS_CLEAR,
    ST_SCHEMA_FIND,
    ST_SCHEMA_ADD,
    ST_SCHEMAS,
    ST_TOKEN_INSERT,
    ST_TOKEN_DELETE,
    ST_TOKENS,
    ST_SWEEP_PUT,
    ST_SWEEP_UPDATE,
    ST_SWEEP_DELETE,
    ST_SWEEP_RUNS_DELETE,
    ST_SWEEPS,
    ST_SWEEP_RUN_INSERT,
    ST_SWEEP_RUN_TRIM,
    ST_SWEEP_RUN_UPDATE,
    ST_SWEEP_RUNS,
    ST_SWEEP_RUNS_OPEN,
    ST_PROMOTED,
    ST_SERIES_PUT,
    ST_SERIES_FIND,
    ST_SERIES,
    ST_POINT_PUT,
    ST_POINT_FLAG,
    ST_POINTS,
    ST_POINTS_TRIM,
    ST_POINTS_KEEP,
    ST_SERIES_TRIM,
    ST_FINDING_INSERT,
    ST_FINDING_UPDATE,
    ST_FINDING_SERIES_ADD,
    ST_FINDINGS,
    ST_FINDING_GET,
    ST_FINDING_SERIES,
    ST_MUTE_PUT,
    ST_MUTE_DELETE,
    ST_MUTES,
    ST_HOOK_ADD,
    ST_HOOK_FAILED,
    ST_HOOK_DELETE,
    ST_HOOKS,
    ST_HISTORY_1,
    ST_HISTORY_2,
    ST_HISTORY_3,
    ST_HISTORY_4,
    ST_HISTORY_5,
    ST_COUNT
};
#define ATTEMPTS_PER_TASK_MAX (1 << 24) /* a row's key is the task's number, and the attempt's in 24 bits */

/* An offset that the open transaction moves (offsets.c). */
struct offset_note {
    char topic[250];
    int partition;
    int64_t next;
};
struct outbox_recent;
struct store {
    sqlite3 *db;
    sqlite3_stmt *statement[ST_COUNT];
    int lock_fd;
    int64_t epoch;
    bool in_transaction;
    struct offset_note *offsets; /* written at the commit */
    size_t offset_count;
    struct outbox_recent *recent; /* outbox.c */
};

/* The statement, prepared at its first use, reset and without bindings. NULL with err. */
sqlite3_stmt *store_prepare(struct store *store, enum store_statement which, const char *sql, struct error *err);
/* Same for a write: opens a transaction if none is open. */
sqlite3_stmt *store_prepare_write(struct store *store, enum store_statement which, const char *sql, struct error *err);
/* Run a statement that gives no rows; resets it. `what` goes into the message. */
int store_run(struct store *store, sqlite3_stmt *q, const char *what, struct error *err);
/* Next row: 1, end: 0 (reset), error: -1 (reset). */
int store_step(struct store *store, sqlite3_stmt *q, const char *what, struct error *err);
int store_fail(struct store *store, const char *what, struct error *err);
int store_migrate(struct store *store, struct error *err);
int store_format(void); /* the newest that this program writes */
/* Take the lock of a state folder: *ret_fd holds it until it is closed. ERR_BUSY names the process that has it. */
int store_lock(const char *dir, int *ret_fd, struct error *err);

/* Bindings cannot fail but by a wrong index or exhausted memory: a defect here, so they abort. Text is borrowed until
 * the statement is reset. NULL binds NULL. */
void bind_text(sqlite3_stmt *q, int i, const char *text);
void bind_int(sqlite3_stmt *q, int i, int64_t value);
void bind_double(sqlite3_stmt *q, int i, double value);
void bind_blob(sqlite3_stmt *q, int i, const void *data, size_t len);
/* Copies column text into out, cut to fit; "" for NULL. */
void column_copy(sqlite3_stmt *q, int i, char *out, size_t size);
char *column_dup(sqlite3_stmt *q, int i);        /* "" for NULL; the caller frees */
const char *column_text(sqlite3_stmt *q, int i); /* "" for NULL; until the next step */
/* One text or blob by key: the caller frees; NULL with err, ERR_NOT_FOUND as "`what` `key` does not exist". */
int store_blob(struct store *store, sqlite3_stmt *q, const char *what, const char *key, uint8_t **ret, size_t *ret_len,
               struct error *err);
/* Whether `id` may be looked up by prefix, and the first text above all that begin with it into `end`. */
int store_prefix_range(const char *id, size_t full_length, char *end, size_t end_size, struct error *err);
/* Accepts NULL. */
void outbox_recent_free(struct outbox_recent *recent);
/* Write what store_offset_put() noted. */
int store_offsets_write(struct store *store, struct error *err);
