/* The store: locked, durable, whole after a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka last */
#include <cmocka.h>

#include "common/fileio.h"
#include "coordinator/map.h"
#include "coordinator/store/internal.h"

static int setup(void **state) {
    char *dir = strdup("/tmp/portolan-store-XXXXXX");
    *state = dir;
    return mkdtemp(dir) ? 0 : -1;
}
static int teardown(void **state) {
    dir_remove(*state, NULL);
    free(*state);
    return 0;
}

static struct store *open_store(const char *dir) {
    struct error err = ERROR_INIT;
    struct store *store = store_open(dir, &err);
    if (!store) fail_msg("%s", err.text);
    return store;
}

static void ok(int status, const struct error *err) {
    if (status != 0) fail_msg("%s", err->text);
}

static void each_start_raises_the_epoch(void **state) {
    for (int i = 1; i <= 3; i++) {
        struct store *store = open_store(*state);
        assert_int_equal(store_epoch(store), i);
        store_close(store);
    }
    struct error err = ERROR_INIT;
    struct store *store = open_store(*state);
    ok(store_raise_epoch(store, 40, &err), &err);
    ok(store_commit(store, &err), &err);
    store_close(store);
    store = open_store(*state);
    assert_int_equal(store_epoch(store), 41);
    store_close(store);
}

static void a_second_coordinator_is_refused_and_told_who_holds_the_store(void **state) {
    struct store *store = open_store(*state);
    struct error err = ERROR_INIT;
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_null(store_open(*state, &err));
    assert_int_equal(err.code, ERR_BUSY);
    assert_non_null(strstr(err.text, pid));
    store_close(store);
    store = open_store(*state);
    store_close(store);
}

/* A child writes rows in two's and is gone in the middle: of each pair there are both or none. */
static void a_crash_between_writes_leaves_whole_transactions(void **state) {
    for (int cut = 0; cut < 9; cut++) {
        pid_t child = fork();
        if (child == 0) {
            struct error err = ERROR_INIT;
            struct store *store = store_open(*state, &err);
            for (int step = 0; store && step < 9; step++) {
                char key[16];
                if (step == cut) _exit(0);
                snprintf(key, sizeof key, "k%d", cut * 10 + step / 3);
                if (step % 3 == 0) store_outbox_add(store, "results", key, "v", 1, &err);
                if (step % 3 == 1) store_offset_put(store, "attempts", cut, step / 3 + 1, &err);
                if (step % 3 == 2) store_commit(store, &err);
            }
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        struct error err = ERROR_INIT;
        struct store *store = open_store(*state);
        int64_t rows = store_outbox_count(store), next = store_offset_get(store, "attempts", cut, &err);
        int64_t expected = 0;
        for (int k = 0; k <= cut; k++) expected += k / 3;
        assert_int_equal(rows, expected);
        assert_int_equal(next, cut / 3 > 0 ? cut / 3 : -1);
        store_close(store);
    }
}

static void a_newer_format_is_refused(void **state) {
    struct error err = ERROR_INIT;
    store_close(open_store(*state));
    CLEANUP_FREE char *path = path_join(*state, "portolan.db");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_null(store_open(*state, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
}

/* As the first release left it: without the columns of format 2. */
/* Its name says which state it had before: starting, in_service, drained, quarantined, refused, absent, left. */
static int check_migrated_node(void *context, const struct row_node *row, const void *record, size_t len,
                               struct error *err) {
    static const enum node_presence presence[] = {NODE_STARTING, NODE_READY,  NODE_READY, NODE_READY,
                                                  NODE_READY,    NODE_ABSENT, NODE_LEFT};
    int old = row->name[1] - '0';
    (void)context, (void)record, (void)len, (void)err;
    assert_int_equal(row->presence, presence[old]);
    assert_int_equal(row->admin, old == 2 ? NODE_DRAINED : old == 4 ? NODE_REFUSED : NODE_IN_SERVICE);
    assert_string_equal(row->admin_reason, old == 2 || old == 4 ? "said so" : "");
    assert_string_equal(row->presence_reason, old >= 2 && old <= 4 ? "" : "said so");
    return 0;
}

static void a_store_of_the_format_before_is_migrated_with_its_tasks(void **state) {
    struct error err = ERROR_INIT;
    struct row_task row = {.id = "0123456789abcdef0123456789abcdef", .campaign = "c1", .kernel = "k"}, found;
    bool is_new = false;
    struct store *store = open_store(*state);
    ok(store_task_insert(store, &row, &is_new, &err), &err);
    for (char old = '0'; old <= '6'; old++) {
        struct row_node node = {.name = {'n', old}};
        ok(store_node_put(store, &node, "x", 1, &err), &err);
    }
    ok(store_commit(store, &err), &err);
    store_close(store);
    CLEANUP_FREE char *path = path_join(*state, "portolan.db");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  /* of step 4 */
                                  "DROP INDEX tasks_promotions; DROP TABLE sweeps; DROP TABLE sweep_runs;"
                                  "DROP TABLE sweep_series; DROP TABLE sweep_points; DROP TABLE sweep_findings;"
                                  "DROP TABLE sweep_finding_series; DROP TABLE sweep_mutes; DROP TABLE webhook_queue;"
                                  "ALTER TABLE tasks DROP COLUMN purpose; ALTER TABLE tasks DROP COLUMN parent;"
                                  "ALTER TABLE tasks DROP COLUMN wanted;"
                                  /* of step 3 */
                                  "ALTER TABLE outbox DROP COLUMN result; DROP TABLE tokens;"
                                  "DROP TABLE incarnations;"
                                  "DROP INDEX tasks_contents; ALTER TABLE tasks DROP COLUMN queued_ms;"
                                  "ALTER TABLE campaigns DROP COLUMN submitted_ms;"
                                  "ALTER TABLE campaigns DROP COLUMN force;"
                                  "DROP TABLE health;"
                                  "ALTER TABLE nodes DROP COLUMN admin; ALTER TABLE nodes DROP COLUMN admin_reason;"
                                  "ALTER TABLE nodes RENAME COLUMN presence TO state;"
                                  "ALTER TABLE nodes RENAME COLUMN presence_reason TO reason;"
                                  "UPDATE nodes SET state = substr(name, 2), reason = 'said so';"
                                  "PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    store = open_store(*state);
    ok(store_task_find(store, row.id, &found, &err), &err);
    assert_string_equal(found.kernel, "k");
    assert_string_equal(found.purpose, "");
    assert_string_equal(found.parent, "");
    ok(store_nodes(store, check_migrated_node, NULL, &err), &err);
    store_close(store);
}

/* A store of format 2, where a task's rows were found by its id, with one task in it. */
static const char format_2[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE campaigns(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, name TEXT, purpose TEXT, state"
    " INTEGER, exit_status INTEGER, priority INTEGER, weight REAL, deadline_ms INTEGER, created_ms INTEGER, finished_ms"
    " INTEGER, filename TEXT, definition TEXT);"
    "CREATE INDEX campaigns_running ON campaigns(seq) WHERE state = 0;"
    "CREATE TABLE problems(hash TEXT PRIMARY KEY, yaml TEXT) WITHOUT ROWID;"
    "CREATE TABLE kernels(hash TEXT PRIMARY KEY, yaml TEXT, source TEXT) WITHOUT ROWID;"
    "CREATE TABLE policies(hash TEXT PRIMARY KEY, json TEXT) WITHOUT ROWID;"
    "CREATE TABLE inputs(campaign TEXT, ordinal INTEGER, kind INTEGER, hash TEXT, path TEXT,"
    " PRIMARY KEY(campaign, ordinal)) WITHOUT ROWID;"
    "CREATE TABLE tasks(id TEXT PRIMARY KEY, campaign TEXT, ordinal INTEGER, kind TEXT, strategy TEXT, problem TEXT,"
    " problem_hash TEXT, kernel TEXT, kernel_hash TEXT, size TEXT, target TEXT, policy_hash TEXT, state INTEGER,"
    " attempts INTEGER, failures INTEGER, busy INTEGER, avoid TEXT, reason TEXT, changed_ms INTEGER, purpose TEXT,"
    " parent TEXT, wanted TEXT) WITHOUT ROWID;"
    "CREATE INDEX tasks_campaign ON tasks(campaign, ordinal);"
    "CREATE TABLE attempts(task TEXT, n INTEGER, node TEXT, incarnation TEXT, device TEXT, epoch INTEGER, state "
    "INTEGER,"
    " ran INTEGER, outcome TEXT, verdict TEXT, reason TEXT, published_ms INTEGER, finished_ms INTEGER, duration_ms "
    "REAL,"
    " PRIMARY KEY(task, n)) WITHOUT ROWID;"
    "CREATE INDEX attempts_open ON attempts(state) WHERE state <= 2;"
    "CREATE TABLE attempt_records(task TEXT, n INTEGER, record BLOB, PRIMARY KEY(task, n));"
    "CREATE TABLE nodes(name TEXT PRIMARY KEY, incarnation TEXT, state INTEGER, reason TEXT, mailbox TEXT,"
    " mailbox_partition INTEGER, seen_ms INTEGER, record BLOB);"
    "CREATE TABLE results(task TEXT PRIMARY KEY, revision INTEGER, campaign TEXT, problem TEXT, target TEXT, record"
    " BLOB);"
    "CREATE UNIQUE INDEX results_revision ON results(revision);"
    "CREATE INDEX results_campaign ON results(campaign, revision);"
    "CREATE TABLE outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT, key TEXT, value BLOB);"
    "CREATE TABLE offsets(topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY(topic, partition)) WITHOUT ROWID;"
    "CREATE TABLE schemas(id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT, version INTEGER, text TEXT,"
    " UNIQUE(subject, version));"
    "INSERT INTO tasks VALUES('0123456789abcdef0123456789abcdef','c1',3,'measure','human','p','ph','k','kh','small',"
    " 'alpha','po',4,2,1,0,'','',7,'','','');"
    "INSERT INTO attempts "
    "VALUES('0123456789abcdef0123456789abcdef',2,'n1','i1','d1',1,5,1,'verdict','correct','',1,2,3);"
    "INSERT INTO attempt_records VALUES('0123456789abcdef0123456789abcdef',2,x'abcd');"
    "INSERT INTO results VALUES('0123456789abcdef0123456789abcdef',9,'c1','p','alpha',x'ef');"
    "PRAGMA user_version = 2";

static void what_belongs_to_a_task_of_the_format_before_is_found_after_migration(void **state) {
    struct error err = ERROR_INIT;
    const char *id = "0123456789abcdef0123456789abcdef";
    struct row_task task;
    struct row_attempt attempt;
    uint8_t *data = NULL;
    size_t len = 0;
    CLEANUP_FREE char *path = path_join(*state, "portolan.db");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, format_2, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    struct store *store = open_store(*state);
    ok(store_task_find(store, id, &task, &err), &err);
    assert_int_equal(task.ordinal, 3);
    assert_string_equal(task.policy_hash, "po");
    ok(store_attempt_get(store, id, 2, &attempt, &err), &err);
    assert_int_equal(attempt.state, ATTEMPT_ACCEPTED);
    assert_int_equal(attempt.task_seq, task.seq);
    ok(store_attempt_record_get(store, id, 2, &data, &len, &err), &err);
    assert_memory_equal(data, "\xab\xcd", 2);
    free(data);
    ok(store_result_get(store, id, &data, &len, &err), &err);
    assert_memory_equal(data, "\xef", 1);
    free(data);
    store_close(store);
}

static void a_file_that_is_no_store_is_refused(void **state) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(*state, "portolan.db");
    char junk[8192];
    memset(junk, 'x', sizeof junk);
    ok(file_write_durable(path, junk, sizeof junk, 0600, &err), &err);
    assert_null(store_open(*state, &err));
    assert_int_equal(err.code, ERR_IO);
}

static void a_result_is_replaced_by_a_higher_revision_only(void **state) {
    struct error err = ERROR_INIT;
    struct store *store = open_store(*state);
    struct row_task task = {.id = "t1", .campaign = "c"};
    bool is_new = false;
    ok(store_task_insert(store, &task, &is_new, &err), &err);
    struct row_result row = {.task = "t1", .revision = 10, .campaign = "c", .record = "old", .len = 3};
    ok(store_result_put(store, &row, &err), &err);
    assert_int_equal(store_result_put(store, &row, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    row.revision = 11;
    row.record = "new";
    ok(store_result_put(store, &row, &err), &err);
    uint8_t *data = NULL;
    size_t len = 0;
    ok(store_result_get(store, "t1", &data, &len, &err), &err);
    assert_memory_equal(data, "new", 3);
    free(data);
    assert_int_equal(store_result_count(store), 1);
    store_close(store);
}

struct outbox_seen {
    char text[256];
};

static int note_outbox(void *context, const struct row_outbox *row, struct error *err) {
    struct outbox_seen *seen = context;
    size_t len = strlen(seen->text);
    (void)err;
    snprintf(seen->text + len, sizeof seen->text - len, "%s/%s=%.*s;", row->topic, row->key, (int)row->len,
             (const char *)row->value);
    return 0;
}

/* The result is in the outbox by reference; in memory and from the table it is the same. */
static void what_waits_to_be_published_is_the_same_before_and_after_a_start(void **state) {
    struct error err = ERROR_INIT;
    struct outbox_seen before = {0}, after = {0}, rest = {0};
    struct store *store = open_store(*state);
    struct row_task task = {.id = "t1", .campaign = "c"};
    bool is_new = false;
    ok(store_task_insert(store, &task, &is_new, &err), &err);
    struct row_result row = {
        .task_seq = task.seq, .task = "t1", .revision = 1, .campaign = "c", .record = "the result", .len = 10};
    ok(store_outbox_add(store, "a", "k1", "one", 3, &err), &err);
    ok(store_result_put(store, &row, &err), &err);
    ok(store_outbox_add_result(store, "results", &row, &err), &err);
    ok(store_outbox_add(store, "a", "k2", "", 0, &err), &err);
    ok(store_outbox(store, 0, 10, note_outbox, &before, &err), &err);
    ok(store_commit(store, &err), &err);
    store_close(store);
    assert_string_equal(before.text, "a/k1=one;results/t1=the result;a/k2=;");
    store = open_store(*state);
    ok(store_outbox(store, 0, 10, note_outbox, &after, &err), &err);
    assert_string_equal(after.text, before.text);
    /* What comes now stands behind what the start found, also when that is gone. */
    ok(store_outbox_add(store, "a", "k3", "new", 3, &err), &err);
    ok(store_outbox_clear(store, 0, 2, &err), &err);
    ok(store_outbox(store, 0, 10, note_outbox, &rest, &err), &err);
    assert_string_equal(rest.text, "a/k2=;a/k3=new;");
    ok(store_outbox_clear(store, 0, 3, &err), &err);
    rest.text[0] = 0;
    ok(store_outbox(store, 0, 10, note_outbox, &rest, &err), &err);
    assert_string_equal(rest.text, "a/k3=new;");
    store_close(store);
}

static void schema_ids_are_given_once(void **state) {
    struct error err = ERROR_INIT;
    int32_t a = 0, b = 0, again = 0;
    struct store *store = open_store(*state);
    ok(store_schema_id(store, "s", "one", &a, &err), &err);
    ok(store_schema_id(store, "s", "two", &b, &err), &err);
    ok(store_commit(store, &err), &err);
    store_close(store);
    store = open_store(*state);
    ok(store_schema_id(store, "s", "one", &again, &err), &err);
    assert_int_equal(again, a);
    assert_int_not_equal(a, b);
    store_close(store);
}

static int no_visit(void *context, const struct row_task *row, struct error *err) {
    (void)err;
    memcpy(context, row, sizeof *row);
    return 0;
}

static void ids_may_be_shortened_while_they_mean_one_thing(void **state) {
    struct error err = ERROR_INIT;
    struct store *store = open_store(*state);
    static const char *const ids[] = {"aaaabbbb000000000000000000000001", "aaaacccc000000000000000000000002"};
    struct row_task row = {.campaign = "c1"}, found;
    bool is_new = false;
    for (int i = 0; i < 2; i++) {
        strcpy(row.id, ids[i]);
        ok(store_task_insert(store, &row, &is_new, &err), &err);
        assert_true(is_new);
    }
    ok(store_task_insert(store, &row, &is_new, &err), &err);
    assert_false(is_new);
    ok(store_task_find(store, "aaaab", &found, &err), &err);
    assert_string_equal(found.id, ids[0]);
    ok(store_task_find(store, ids[1], &found, &err), &err);
    assert_int_equal(store_task_find(store, "aaaa", &found, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    static const char *const wrong[] = {"aaa", "zzzz", "aaaa'--", "AAAAB", "aaaabbbb0000000000000000000000011"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(store_task_find(store, wrong[i], &found, &err), -1);
        assert_int_equal(err.code, ERR_NOT_FOUND);
    }
    ok(store_tasks(store, "c1", no_visit, &found, &err), &err);
    store_close(store);
}

static void the_map_keeps_what_it_was_given_through_growth_and_removal(void **state) {
    (void)state;
    struct map *map = map_new();
    static int value[2000];
    char key[16];
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        map_put(map, key, &value[i]);
    }
    for (int i = 0; i < 2000; i += 3) {
        snprintf(key, sizeof key, "key%d", i);
        assert_ptr_equal(map_remove(map, key), &value[i]);
        assert_null(map_remove(map, key));
    }
    size_t cursor = 0, seen = 0;
    while (map_next(map, &cursor, NULL, NULL)) seen++;
    assert_int_equal(seen, map_count(map));
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_ptr_equal(map_get(map, key), i % 3 == 0 ? NULL : &value[i]);
    }
    map_free(map);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(each_start_raises_the_epoch),
        T(a_second_coordinator_is_refused_and_told_who_holds_the_store),
        T(a_crash_between_writes_leaves_whole_transactions),
        T(a_newer_format_is_refused),
        T(a_store_of_the_format_before_is_migrated_with_its_tasks),
        T(what_belongs_to_a_task_of_the_format_before_is_found_after_migration),
        T(a_file_that_is_no_store_is_refused),
        T(a_result_is_replaced_by_a_higher_revision_only),
        T(what_waits_to_be_published_is_the_same_before_and_after_a_start),
        T(schema_ids_are_given_once),
        T(ids_may_be_shortened_while_they_mean_one_thing),
        cmocka_unit_test(the_map_keeps_what_it_was_given_through_growth_and_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
