/* Backups, starts from them, and what comes from a life that the store knows nothing of. */
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/accept/adopt.h"
#include "coordinator/events.h"
#include "coordinator/store/backup.h"
#include "tests/unit/coordinator/fixture.h"

static char *beside(const struct fixture *f, const char *name) {
    return path_join(f->dir, name);
}

static void back_up(const struct fixture *f, const char *file, bool force, enum error_code expected) {
    struct error err = ERROR_INIT;
    int64_t bytes = 0;
    int status = store_backup(f->dir, file, force, NULL, NULL, &bytes, &err);
    if (err.code != expected) fail_msg("%s", err.text);
    assert_int_equal(status, expected == ERR_NONE ? 0 : -1);
    if (status == 0) assert_true(bytes > 4096);
}

/* Go on as another coordinator in an empty folder. */
static void lose_and_restore(struct fixture *f, const char *file) {
    struct error err = ERROR_INIT;
    fixture_close(f);
    char dir[sizeof f->dir];
    snprintf(dir, sizeof dir, "%.50s", f->dir);
    snprintf(f->dir, sizeof f->dir, "%.50s.new", dir);
    must(store_restore(f->dir, file, &err), &err);
    fixture_open(f);
}

static int restored_teardown(void **state) {
    struct fixture *f = *state;
    char *end = strstr(f->dir, ".new");
    if (end) {
        core_free(f->core);
        f->core = NULL;
        dir_remove(f->dir, NULL);
        *end = 0;
    }
    return fixture_teardown(state);
}

static struct task *only_task(struct fixture *f) {
    size_t cursor = 0;
    void *task = NULL;
    map_next(f->core->tasks, &cursor, NULL, &task);
    return task;
}

/* A campaign of one task whose first attempt is out. */
static void hand_out_one(struct fixture *f, struct rec_task *ret) {
    fixture_join(f, "n1", "i1", "alpha");
    fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, ret), 1);
}

static void a_backup_holds_what_was_committed_and_nothing_else(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *file = beside(f, "copy.db");
    struct stat st;
    must(store_meta_put(f->core->store, "kept", "yes", &err), &err);
    must(store_commit(f->core->store, &err), &err);
    must(store_meta_put(f->core->store, "kept", "no", &err), &err); /* in a transaction that is open */
    back_up(f, file, false, ERR_NONE);
    must(store_commit(f->core->store, &err), &err);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    lose_and_restore(f, file);
    CLEANUP_FREE char *kept = store_meta_get(f->core->store, "kept", &err);
    assert_string_equal(kept, "yes");
}

static void a_file_that_is_there_is_replaced_only_when_asked(void **state) {
    struct fixture *f = *state;
    CLEANUP_FREE char *file = beside(f, "copy.db");
    back_up(f, file, false, ERR_NONE);
    back_up(f, file, false, ERR_CONFLICT);
    back_up(f, file, true, ERR_NONE);
}

static void what_is_no_store_is_not_taken_for_a_backup(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *file = beside(f, "other.db");
    CLEANUP_FREE char *dir = beside(f, "empty");
    CLEANUP_FREE char *store = path_join(dir, "portolan.db");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE t(x); INSERT INTO t VALUES(1)", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(store_restore(dir, file, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(access(store, F_OK), -1);
    db = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL);
    sqlite3_close(db);
    err = (struct error)ERROR_INIT;
    assert_int_equal(store_restore(dir, file, &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    err = (struct error)ERROR_INIT;
    assert_int_equal(store_restore(f->dir, file, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
}

static void a_restored_store_goes_on_above_what_may_have_come_after(void **state) {
    struct fixture *f = *state;
    CLEANUP_FREE char *file = beside(f, "copy.db");
    struct rec_task task;
    hand_out_one(f, &task);
    int64_t epoch = store_epoch(f->core->store);
    back_up(f, file, false, ERR_NONE);
    lose_and_restore(f, file);
    assert_true(store_epoch(f->core->store) > epoch + RESTORE_EPOCHS);
    assert_int_equal(f->core->known_since, store_epoch(f->core->store));
    assert_true(only_task(f)->row.attempts > RESTORE_ATTEMPTS);
    assert_non_null(task_attempt(only_task(f), task.attempt)); /* what was out at the backup still is */
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(only_task(f)->row.state, TASK_DONE);
    rec_task_done(&task);
}

static void an_attempt_that_only_the_lost_store_knew_is_ignored(void **state) {
    struct fixture *f = *state;
    CLEANUP_FREE char *file = beside(f, "copy.db");
    struct rec_task task;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_submit(f, "[alpha]");
    must(store_commit(f->core->store, &err), &err);
    back_up(f, file, false, ERR_NONE);
    assert_int_equal(fixture_settle(f, &task), 1);
    lose_and_restore(f, file);
    int64_t letters = f->core->metrics.deadletters;
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(f->core->metrics.deadletters, letters);
    task.epoch = store_epoch(f->core->store); /* one that this store should know is a fault */
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(f->core->metrics.deadletters, letters + 1);
    rec_task_done(&task);
}

static void a_result_that_was_published_after_the_backup_is_taken_for_what_it_is(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *file = beside(f, "copy.db");
    struct rec_task task;
    struct fixture_outbox out;
    hand_out_one(f, &task);
    must(store_commit(f->core->store, &err), &err);
    back_up(f, file, false, ERR_NONE);
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, &out), 1);
    int64_t revision = only_task(f)->result->revision;
    lose_and_restore(f, file);
    assert_true(adopt_wanted(f->core, &err));
    struct adopt_record record = {.value = out.value, .len = out.len};
    struct adopt_batch batch = {.records = &record, .count = 1};
    for (int i = 0; i < 2; i++) must(adopt_results(f->core, &batch, &err), &err); /* cut off and begun again */
    must(adopt_done(f->core, &batch, &err), &err);
    assert_int_equal(batch.adopted, 1);
    assert_false(adopt_wanted(f->core, &err));
    assert_int_equal(only_task(f)->row.state, TASK_DONE);
    assert_int_equal(only_task(f)->result->revision, revision);
    assert_null(only_task(f)->attempts);
    assert_int_equal(only_task(f)->campaign->row.state, CAMPAIGN_COMPLETE);
    /* Its attempt reports again, as the topic is read on from the backup's offset: no second result. */
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 0);
    free(out.value);
    rec_task_done(&task);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, restored_teardown)
    const struct CMUnitTest tests[] = {
        T(a_backup_holds_what_was_committed_and_nothing_else),
        T(a_file_that_is_there_is_replaced_only_when_asked),
        T(what_is_no_store_is_not_taken_for_a_backup),
        T(a_restored_store_goes_on_above_what_may_have_come_after),
        T(an_attempt_that_only_the_lost_store_knew_is_ignored),
        T(a_result_that_was_published_after_the_backup_is_taken_for_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
