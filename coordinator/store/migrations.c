/* The tables. To change the format: append a step to `steps` (never edit one that was released), and a test that opens
 * a store of the version before. PRAGMA user_version is the number of steps that were applied. */
#include "common/log.h"
#include "coordinator/store/internal.h"

static const char *const steps[] = {
    /* 1: the first release */
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE campaigns(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " purpose TEXT NOT NULL, state INTEGER NOT NULL, exit_status INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " weight REAL NOT NULL, deadline_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,"
    " filename TEXT NOT NULL, definition TEXT NOT NULL);"
    "CREATE INDEX campaigns_running ON campaigns(seq) WHERE state = 0;"
    "CREATE TABLE problems(hash TEXT PRIMARY KEY, yaml TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE kernels(hash TEXT PRIMARY KEY, yaml TEXT NOT NULL, source TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE policies(hash TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE inputs(campaign TEXT NOT NULL, ordinal INTEGER NOT NULL, kind INTEGER NOT NULL, hash TEXT NOT NULL,"
    " path TEXT NOT NULL, PRIMARY KEY(campaign, ordinal)) WITHOUT ROWID;"
    "CREATE TABLE tasks(id TEXT PRIMARY KEY, campaign TEXT NOT NULL, ordinal INTEGER NOT NULL, kind TEXT NOT NULL,"
    " strategy TEXT NOT NULL, problem TEXT NOT NULL, problem_hash TEXT NOT NULL, kernel TEXT NOT NULL, kernel_hash "
    "TEXT NOT NULL,"
    " size TEXT NOT NULL, target TEXT NOT NULL, policy_hash TEXT NOT NULL, state INTEGER NOT NULL, attempts INTEGER "
    "NOT NULL,"
    " failures INTEGER NOT NULL, busy INTEGER NOT NULL, avoid TEXT NOT NULL, reason TEXT NOT NULL, changed_ms INTEGER "
    "NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX tasks_campaign ON tasks(campaign, ordinal);"
    "CREATE TABLE attempts(task TEXT NOT NULL, n INTEGER NOT NULL, node TEXT NOT NULL, incarnation TEXT NOT NULL,"
    " device TEXT NOT NULL, epoch INTEGER NOT NULL, state INTEGER NOT NULL, ran INTEGER NOT NULL, outcome TEXT NOT "
    "NULL,"
    " verdict TEXT NOT NULL, reason TEXT NOT NULL, published_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,"
    " duration_ms REAL NOT NULL, PRIMARY KEY(task, n)) WITHOUT ROWID;"
    "CREATE INDEX attempts_open ON attempts(state) WHERE state <= 2;"
    "CREATE TABLE attempt_records(task TEXT NOT NULL, n INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY(task, n));"
    "CREATE TABLE nodes(name TEXT PRIMARY KEY, incarnation TEXT NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL,"
    " mailbox TEXT NOT NULL, mailbox_partition INTEGER NOT NULL, seen_ms INTEGER NOT NULL, record BLOB NOT NULL);"
    "CREATE TABLE results(task TEXT PRIMARY KEY, revision INTEGER NOT NULL, campaign TEXT NOT NULL, problem TEXT NOT "
    "NULL,"
    " target TEXT NOT NULL, record BLOB NOT NULL);"
    "CREATE UNIQUE INDEX results_revision ON results(revision);"
    "CREATE INDEX results_campaign ON results(campaign, revision);"
    "CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT "
    "NULL);"
    "CREATE TABLE offsets(topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,"
    " PRIMARY KEY(topic, partition)) WITHOUT ROWID;"
    "CREATE TABLE schemas(id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, version INTEGER NOT NULL,"
    " text TEXT NOT NULL, UNIQUE(subject, version));",
    /* 2: promotions are tasks with a parent, replays want a device */
    "ALTER TABLE tasks ADD COLUMN purpose TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE tasks ADD COLUMN parent TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE tasks ADD COLUMN wanted TEXT NOT NULL DEFAULT '';",
    /* 3: tasks are numbered in the order of planning, and what belongs to a task is kept by its number: what is written
     * together then lies together. By the id, a hash, each row would be on a page of its own. */
    "CREATE TABLE tasks_3(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, campaign TEXT NOT NULL,"
    " ordinal INTEGER NOT NULL, kind TEXT NOT NULL, strategy TEXT NOT NULL, problem TEXT NOT NULL, problem_hash TEXT"
    " NOT NULL, kernel TEXT NOT NULL, kernel_hash TEXT NOT NULL, size TEXT NOT NULL, target TEXT NOT NULL, policy_hash"
    " TEXT NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL, failures INTEGER NOT NULL, busy INTEGER NOT"
    " NULL, avoid TEXT NOT NULL, reason TEXT NOT NULL, changed_ms INTEGER NOT NULL, purpose TEXT NOT NULL, parent TEXT"
    " NOT NULL, wanted TEXT NOT NULL);"
    "INSERT INTO tasks_3 SELECT NULL, id, campaign, ordinal, kind, strategy, problem, problem_hash, kernel,"
    " kernel_hash, size, target, policy_hash, state, attempts, failures, busy, avoid, reason, changed_ms, purpose,"
    " parent, wanted FROM tasks ORDER BY campaign, ordinal;"
    "CREATE TABLE attempts_3(key INTEGER PRIMARY KEY, task TEXT NOT NULL, n INTEGER NOT NULL, node TEXT NOT NULL,"
    " incarnation TEXT NOT NULL, device TEXT NOT NULL, epoch INTEGER NOT NULL, state INTEGER NOT NULL, ran INTEGER NOT"
    " NULL, outcome TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, published_ms INTEGER NOT NULL,"
    " finished_ms INTEGER NOT NULL, duration_ms REAL NOT NULL);"
    "INSERT INTO attempts_3 SELECT (t.seq << 24) + a.n, a.task, a.n, a.node, a.incarnation, a.device, a.epoch, a.state,"
    " a.ran, a.outcome, a.verdict, a.reason, a.published_ms, a.finished_ms, a.duration_ms"
    " FROM attempts a JOIN tasks_3 t ON t.id = a.task;"
    "CREATE TABLE attempt_records_3(key INTEGER PRIMARY KEY, task TEXT NOT NULL, n INTEGER NOT NULL, record BLOB NOT"
    " NULL);"
    "INSERT INTO attempt_records_3 SELECT (t.seq << 24) + r.n, r.task, r.n, r.record"
    " FROM attempt_records r JOIN tasks_3 t ON t.id = r.task;"
    "CREATE TABLE results_3(seq INTEGER PRIMARY KEY, task TEXT NOT NULL, revision INTEGER NOT NULL, campaign TEXT NOT"
    " NULL, problem TEXT NOT NULL, target TEXT NOT NULL, record BLOB NOT NULL);"
    "INSERT INTO results_3 SELECT t.seq, r.task, r.revision, r.campaign, r.problem, r.target, r.record"
    " FROM results r JOIN tasks_3 t ON t.id = r.task;"
    "DROP TABLE tasks; DROP TABLE attempts; DROP TABLE attempt_records; DROP TABLE results;"
    "ALTER TABLE tasks_3 RENAME TO tasks; ALTER TABLE attempts_3 RENAME TO attempts;"
    "ALTER TABLE attempt_records_3 RENAME TO attempt_records; ALTER TABLE results_3 RENAME TO results;"
    "CREATE INDEX tasks_campaign ON tasks(campaign, ordinal);"
    "CREATE INDEX attempts_open ON attempts(state) WHERE state <= 2;"
    "CREATE UNIQUE INDEX results_revision ON results(revision);"
    "CREATE INDEX results_campaign ON results(campaign, revision);"
    "ALTER TABLE outbox ADD COLUMN result INTEGER NOT NULL DEFAULT 0;"
    /* API tokens */
    "CREATE TABLE tokens(name TEXT PRIMARY KEY, role INTEGER NOT NULL, hash TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL) WITHOUT ROWID;"
    /* incarnations of nodes that are over */
    "CREATE TABLE incarnations(seq INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, incarnation TEXT NOT NULL,"
    " UNIQUE(node, incarnation));"
    /* when a task was queued and a campaign submitted (coordinator/clocks.h); whether known results are measured again;
     * finding results by contents */
    "ALTER TABLE tasks ADD COLUMN queued_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE campaigns ADD COLUMN submitted_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE campaigns ADD COLUMN force INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX tasks_contents ON tasks(kernel_hash, target) WHERE state = 4;"
    /* what an operator decided of a node stands apart from its presence and its health; of the states before (starting,
     * in_service, drained, quarantined, refused, absent, left) nothing ever set quarantined */
    "ALTER TABLE nodes ADD COLUMN admin INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE nodes ADD COLUMN admin_reason TEXT NOT NULL DEFAULT '';"
    "UPDATE nodes SET admin = CASE state WHEN 2 THEN 3 WHEN 4 THEN 6 ELSE 0 END,"
    " admin_reason = CASE WHEN state IN (2, 4) THEN reason ELSE '' END;"
    "UPDATE nodes SET reason = '' WHERE state IN (2, 3, 4);"
    "UPDATE nodes SET state = CASE state WHEN 0 THEN 0 WHEN 5 THEN 2 WHEN 6 THEN 3 ELSE 1 END;"
    "ALTER TABLE nodes RENAME COLUMN state TO presence;"
    "ALTER TABLE nodes RENAME COLUMN reason TO presence_reason;"
    "CREATE TABLE health(node TEXT NOT NULL, device TEXT NOT NULL, streak INTEGER NOT NULL, rounds INTEGER NOT NULL,"
    " quarantined INTEGER NOT NULL, since_ms INTEGER NOT NULL, reason TEXT NOT NULL, blame TEXT NOT NULL,"
    " PRIMARY KEY(node, device)) WITHOUT ROWID;",
    /* 4: sweeps and their runs; finding what was promoted */
    "CREATE TABLE sweeps(name TEXT PRIMARY KEY, filename TEXT NOT NULL, definition TEXT NOT NULL, paused INTEGER NOT"
    " NULL, reason TEXT NOT NULL, handled_s INTEGER NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE sweep_runs(seq INTEGER PRIMARY KEY AUTOINCREMENT, sweep TEXT NOT NULL, due_s INTEGER NOT NULL,"
    " cause TEXT NOT NULL, state INTEGER NOT NULL, again INTEGER NOT NULL, started_ms INTEGER NOT NULL, finished_ms"
    " INTEGER NOT NULL, ends_ms INTEGER NOT NULL, campaign TEXT NOT NULL, planned INTEGER NOT NULL, measured INTEGER "
    "NOT"
    " NULL, wrong INTEGER NOT NULL, suspects INTEGER NOT NULL, confirmed INTEGER NOT NULL, recovered INTEGER NOT NULL,"
    " reason TEXT NOT NULL);"
    "CREATE INDEX sweep_runs_sweep ON sweep_runs(sweep, seq);"
    "CREATE INDEX tasks_promotions ON tasks(parent) WHERE purpose = 'promotion' AND state = 4;"
    /* results by the time of acceptance; of older ones the time at which their task ended is nearly that */
    "ALTER TABLE results ADD COLUMN accepted_ms INTEGER NOT NULL DEFAULT 0;"
    "UPDATE results SET accepted_ms = coalesce((SELECT changed_ms FROM tasks WHERE tasks.seq = results.seq), 0);"
    "CREATE INDEX results_accepted ON results(revision, accepted_ms);"
    /* what sweeps measured, found and tell */
    "CREATE TABLE sweep_series(id INTEGER PRIMARY KEY AUTOINCREMENT, sweep TEXT NOT NULL, problem TEXT NOT NULL, kernel"
    " TEXT NOT NULL, size TEXT NOT NULL, node TEXT NOT NULL, device TEXT NOT NULL, target TEXT NOT NULL, role TEXT NOT"
    " NULL, UNIQUE(sweep, node, device, problem, kernel, size, role));"
    "CREATE TABLE sweep_points(series INTEGER NOT NULL, night_s INTEGER NOT NULL, repetition INTEGER NOT NULL, time_ns"
    " REAL NOT NULL, low_ns REAL NOT NULL, high_ns REAL NOT NULL, driver TEXT NOT NULL, text_hash TEXT NOT NULL, clocks"
    " INTEGER NOT NULL, clock_mhz REAL NOT NULL, flags INTEGER NOT NULL, PRIMARY KEY(series, night_s, repetition)) "
    "WITHOUT ROWID;"
    "CREATE TABLE sweep_findings(id INTEGER PRIMARY KEY AUTOINCREMENT, sweep TEXT NOT NULL, run TEXT NOT NULL, night_s"
    " INTEGER NOT NULL, state INTEGER NOT NULL, cause TEXT NOT NULL, faster INTEGER NOT NULL, effect REAL NOT NULL,"
    " device TEXT NOT NULL, kernel TEXT NOT NULL, note TEXT NOT NULL, changed_ms INTEGER NOT NULL);"
    "CREATE INDEX sweep_findings_sweep ON sweep_findings(sweep, id);"
    "CREATE TABLE sweep_finding_series(finding INTEGER NOT NULL, series INTEGER NOT NULL, effect REAL NOT NULL, norm_ns"
    " REAL NOT NULL, band REAL NOT NULL, p_value REAL NOT NULL, PRIMARY KEY(finding, series)) WITHOUT ROWID;"
    "CREATE TABLE sweep_mutes(sweep TEXT NOT NULL, pattern TEXT NOT NULL, until_ms INTEGER NOT NULL, reason TEXT NOT"
    " NULL, PRIMARY KEY(sweep, pattern)) WITHOUT ROWID;"
    "CREATE TABLE webhook_queue(seq INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL, sweep TEXT NOT NULL, body"
    " TEXT NOT NULL, created_ms INTEGER NOT NULL, tries INTEGER NOT NULL, error TEXT NOT NULL);",
};
#define STEP_COUNT ((int)(sizeof steps / sizeof *steps))

int store_format(void) {
    return STEP_COUNT;
}

static int user_version(struct store *store, int *ret, struct error *err) {
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &q, NULL) != SQLITE_OK)
        return store_fail(store, "read the version", err);
    int rc = sqlite3_step(q);
    *ret = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return rc == SQLITE_ROW ? 0 : store_fail(store, "read the version", err);
}

/* Each step and the new version are one transaction: a crash leaves the old version or the new one. */
static int apply(struct store *store, int step, struct error *err) {
    char set_version[48];
    snprintf(set_version, sizeof set_version, "PRAGMA user_version=%d", step + 1);
    if (store_begin(store, err) != 0) return -1;
    if (sqlite3_exec(store->db, steps[step], NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(store->db, set_version, NULL, NULL, NULL) != SQLITE_OK)
        return store_fail(store, "migrate", err);
    return store_commit(store, err);
}

/* A file that was made before pages could be given back becomes one that can. It needs as much room again for a moment:
 * where there is none, the store works as it is, and only never shrinks. */
static void reshape(struct store *store) {
    struct error err = ERROR_INIT;
    if (sqlite3_exec(store->db, "VACUUM", NULL, NULL, NULL) == SQLITE_OK) return;
    store_fail(store, "rewrite", &err);
    log_warn("the store keeps its size when rows are removed: %s", err.text);
}

int store_migrate(struct store *store, struct error *err) {
    int version = 0;
    if (user_version(store, &version, err) != 0) return -1;
    if (version > STEP_COUNT)
        return error_set(err, ERR_UNSUPPORTED, "the store has format %d, this portolan knows formats up to %d", version,
                         STEP_COUNT);
    if (version > 0 && version < STEP_COUNT) log_info("migrating the store from format %d to %d", version, STEP_COUNT);
    for (int step = version; step < STEP_COUNT; step++)
        if (apply(store, step, err) != 0) return -1;
    if (version > 0 && version < STEP_COUNT) reshape(store);
    return 0;
}
