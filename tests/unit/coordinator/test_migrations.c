/* Stores of earlier formats (tests/versions/store-N.sql, frozen as those versions left them) open with today's code:
 * every row is there with every value that it had, also when the migration is cut off anywhere. */
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/store/internal.h"
#include "tests/unit/coordinator/fixture.h"

#define OLD_TASKS 8
#define OLD_DONE 2
#define OLD_OUT 4 /* attempts that were in a mailbox */
#define DIED 42

static char *sql_of(int version) {
    char path[64];
    struct error err = ERROR_INIT;
    snprintf(path, sizeof path, "tests/versions/store-%d.sql", version);
    char *sql = file_read(path, 1 << 20, NULL, &err);
    if (!sql) fail_msg("%s", err.text);
    return sql;
}

static sqlite3 *open_at(const char *dir, const char *name) {
    sqlite3 *db = NULL;
    CLEANUP_FREE char *path = path_join(dir, name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void lay_down(const char *dir, const char *name, int version) {
    struct error err = ERROR_INIT;
    char *message = NULL;
    must(dir_make(dir, 0700, &err), &err);
    CLEANUP_FREE char *sql = sql_of(version);
    sqlite3 *db = open_at(dir, name);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("store-%d.sql: %s", version, message);
    sqlite3_close(db);
}

static int64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return n;
}

/* --- nothing is lost -------------------------------------------------------------------------- */
/* The columns that a table has in both, but for `except`; "" when there are none. */
static void common_columns(sqlite3 *db, const char *table, const char *except, struct buf *ret) {
    sqlite3_stmt *q = NULL;
    const char *sql =
        "SELECT o.name FROM pragma_table_info(?1, 'old') o JOIN pragma_table_info(?1, 'main') n"
        " ON o.name = n.name WHERE o.name <> ?2";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, except, -1, SQLITE_STATIC);
    while (sqlite3_step(q) == SQLITE_ROW)
        buf_printf(ret, "%s\"%s\"", ret->len ? "," : "", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
}

static void compare_table(sqlite3 *db, const char *table) {
    char sql[2048];
    struct buf columns = BUF_INIT;
    common_columns(db, table, "", &columns);
    if (!columns.len) fail_msg("table %s is gone", table);
    const char *but = strcmp(table, "meta") == 0 ? " WHERE key <> 'epoch'" : "";
    snprintf(sql, sizeof sql, "SELECT count(*) FROM old.%s", table);
    if (number(db, sql) == 0) fail_msg("store-N.sql has no row in %s: nothing is proved", table);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT %s FROM old.%s%s EXCEPT SELECT %s FROM main.%s)",
             columns.data, table, but, columns.data, table);
    if (number(db, sql) != 0) fail_msg("rows of %s are lost or changed: %s", table, sql);
    buf_done(&columns);
}

/* Every table of the old store against the new one's. */
static void compare(const char *dir) {
    CLEANUP_FREE char *old = path_join(dir, "old.db");
    CLEANUP_FREE char *attach = xasprintf("ATTACH '%s' AS old", old);
    sqlite3 *db = open_at(dir, "portolan.db");
    sqlite3_stmt *q = NULL;
    int tables = 0;
    assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT name FROM old.sqlite_master WHERE type = 'table' AND name NOT LIKE"
                                        " 'sqlite_%'",
                                        -1, &q, NULL),
                     SQLITE_OK);
    for (; sqlite3_step(q) == SQLITE_ROW; tables++) compare_table(db, (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    sqlite3_close(db);
    assert_true(tables >= 14);
}

/* --- and it works ----------------------------------------------------------------------------- */
static void judge_core(struct fixture *f) {
    int64_t done = 0, open = 0;
    size_t cursor = 0;
    void *value;
    while (map_next(f->core->campaigns, &cursor, NULL, &value)) {
        const struct campaign *c = value;
        done += c->counts[TASK_DONE];
        open += c->counts[TASK_QUEUED] + c->counts[TASK_PUBLISHED];
    }
    assert_int_equal(open, OLD_TASKS - OLD_DONE);
    assert_int_equal(done, 0); /* that campaign has ended: it is in the store only */
    assert_int_equal(store_result_count(f->core->store), OLD_DONE);
    assert_int_equal(f->core->open_count, OLD_OUT);
    assert_int_equal(map_count(f->core->nodes), 2);
    struct error err = ERROR_INIT;
    struct campaign *ended = core_campaign_view(f->core, "latest", &err);
    if (!ended) fail_msg("%s", err.text);
    campaign_release(ended);
}

static void open_in(struct fixture *f, int version) {
    fixture_close(f);
    dir_remove(f->dir, NULL);
    lay_down(f->dir, "old.db", version);
    lay_down(f->dir, "portolan.db", version);
}

static void a_store_of_format_opens(struct fixture *f, int version) {
    struct error err = ERROR_INIT;
    open_in(f, version);
    struct store *store = store_open(f->dir, &err);
    if (!store) fail_msg("%s", err.text);
    store_close(store);
    compare(f->dir);
    fixture_open(f);
    judge_core(f);
}

static void a_store_of_format_1_opens_and_nothing_is_lost(void **state) {
    a_store_of_format_opens(*state, 1);
}
static void a_store_of_format_2_opens_and_nothing_is_lost(void **state) {
    a_store_of_format_opens(*state, 2);
}
static void a_store_of_format_3_opens_and_nothing_is_lost(void **state) {
    struct fixture *f = *state;
    a_store_of_format_opens(f, 3);
    /* what format 3 did not know: when a result was accepted, as nearly as it can be told */
    sqlite3 *db = open_at(f->dir, "portolan.db");
    assert_int_equal(number(db, "SELECT count(*) FROM results WHERE accepted_ms > 1790000000000"), OLD_DONE);
    assert_int_equal(number(db, "SELECT count(*) FROM sweeps"), 0);
    sqlite3_close(db);
    struct error err = ERROR_INIT;
    must(
        store_sweep_put(f->core->store, &(struct row_sweep){.name = "nightly"}, "nightly.yaml", "sweep: nightly", &err),
        &err);
}

/* --- cut off ---------------------------------------------------------------------------------- */
static int statements_left;

static int on_statement(unsigned kind, void *context, void *statement, void *text) {
    (void)kind, (void)context, (void)statement, (void)text;
    if (--statements_left == 0) _exit(DIED);
    return 0;
}

static int watch(sqlite3 *db, const char **message, const struct sqlite3_api_routines *api) {
    (void)message, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
}

/* Opens the store in a child that is gone at its nth statement. Whether it was. */
static bool die_at(const char *dir, int n) {
    pid_t child = fork();
    if (child == 0) {
        struct error err = ERROR_INIT;
        statements_left = n;
        sqlite3_auto_extension((void (*)(void))watch);
        struct store *store = store_open(dir, &err);
        _exit(store ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != DIED) assert_int_equal(WEXITSTATUS(status), 0);
    return WEXITSTATUS(status) == DIED;
}

static void a_migration_cut_off_anywhere(struct fixture *f, int version) {
    int n = 1, formats_seen[8] = {0};
    bool died = true;
    for (; died; n++) {
        open_in(f, version);
        died = die_at(f->dir, n);
        sqlite3 *db = open_at(f->dir, "portolan.db");
        int64_t format = number(db, "PRAGMA user_version");
        assert_in_range(format, version, 7);
        formats_seen[format]++;
        sqlite3_close(db);
        fixture_open(f);
        judge_core(f);
        fixture_close(f);
        compare(f->dir);
        fixture_open(f);
    }
    assert_true(n > 20);
    for (int format = version; format <= store_format(); format++) assert_true(formats_seen[format] > 0);
}

static void a_migration_that_is_cut_off_anywhere_leaves_a_whole_store(void **state) {
    a_migration_cut_off_anywhere(*state, 1);
}
static void so_does_one_from_format_3(void **state) {
    a_migration_cut_off_anywhere(*state, 3);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_store_of_format_1_opens_and_nothing_is_lost),
        T(a_store_of_format_2_opens_and_nothing_is_lost),
        T(a_store_of_format_3_opens_and_nothing_is_lost),
        T(a_migration_that_is_cut_off_anywhere_leaves_a_whole_store),
        T(so_does_one_from_format_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
