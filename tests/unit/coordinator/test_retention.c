/* What the store keeps no longer goes, all of it and nothing else, in whatever piece the coordinator dies. */
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/retention.h"
#include "coordinator/store/internal.h"
#include "tests/unit/coordinator/fixture.h"

#define DAY_MS INT64_C(86400000)
#define DIED 42

/* --- what is there ---------------------------------------------------------------------------- */
static int64_t rows(struct fixture *f, const char *sql) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(f->core->store->db, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->core->store->db));
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return n;
}

static char *submit(struct fixture *f, const char *name, const char *kernel) {
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    char text[300];
    const char *kernels[] = {kernel};
    snprintf(text, sizeof text,
             "campaign: %s\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: ['*.yaml']\n",
             name);
    must(fixture_try_submit(f, text, kernels, 1, &summary, &err), &err);
    must(store_commit(f->core->store, &err), &err);
    return xstrdup(summary.campaign);
}

static void finish(struct fixture *f) {
    struct rec_task task;
    f->core->schedule_wanted = true;
    while (fixture_settle(f, &task) > 0) {
        fixture_report(f, &task, "verdict", "correct");
        rec_task_done(&task);
    }
}

/* As the coordinator is some time later: what ended is no longer in memory. */
static void later(struct fixture *f, int64_t ms) {
    fixture_close(f);
    f->wall_ms += ms;
    f->mono_ms += ms;
    fixture_open(f);
}

static void confirm(struct fixture *f, const char *campaign) {
    struct error err = ERROR_INIT;
    struct rec_result result;
    uint8_t *data = NULL, *value = NULL;
    size_t len = 0;
    struct campaign *c = core_campaign(f->core, campaign);
    const struct row_task *task = &c->tasks[0]->row;
    must(store_result_get(f->core->store, task->id, &data, &len, &err), &err);
    must(codec_decode_as(f->core->codec, data, len, &rec_result_desc, &result, &err), &err);
    rec_set(&result.status, "confirmed");
    result.revision += 1000;
    must(codec_encode(&rec_result_desc, &result, CODEC_CONFLUENT, (uint32_t)f->core->schema_result, &value, &len, &err),
         &err);
    struct row_result row = {.revision = result.revision, .record = value, .len = len};
    snprintf(row.task, sizeof row.task, "%s", task->id);
    snprintf(row.campaign, sizeof row.campaign, "%s", campaign);
    must(store_result_put(f->core->store, &row, &err), &err);
    rec_result_done(&result);
    free(data);
    free(value);
}

static int setup(void **state) {
    int status = fixture_setup(state);
    struct fixture *f = *state;
    f->config.retention =
        (struct retention){.campaigns_ms = 90 * DAY_MS, .tries_ms = 7 * DAY_MS, .attempts_ms = 30 * DAY_MS};
    f->config.window = 1;
    later(f, 0);
    fixture_join(f, "n1", "i1", "alpha");
    return status;
}

/* One step, committed. */
static void step(struct fixture *f) {
    struct error err = ERROR_INIT;
    f->mono_ms += 20;
    f->wall_ms += 20;
    must(gc_work(f->core, &err), &err);
    must(store_commit(f->core->store, &err), &err);
}

static struct gc_counts clean_up(struct fixture *f, bool dry) {
    struct error err = ERROR_INIT;
    struct gc_report report = {0};
    must(gc_start(f->core, dry, &err), &err);
    for (int i = 0; i == 0 || report.running; i++) {
        assert_true(i < 10000);
        step(f);
        gc_report(f->core, &report);
    }
    return report.counts;
}

/* --- tests ------------------------------------------------------------------------------------ */
static void an_old_campaign_goes_with_all_that_was_its_own(void **state) {
    struct fixture *f = *state;
    free(submit(f, "old", KERNEL_YAML("one", "")));
    finish(f);
    later(f, 91 * DAY_MS);
    free(submit(f, "young", KERNEL_YAML("two", "")));
    fixture_join(f, "n1", "i2", "alpha");
    finish(f);
    later(f, DAY_MS);
    assert_int_equal(rows(f, "SELECT count(*) FROM campaigns"), 2);
    struct gc_counts counts = clean_up(f, false);
    assert_int_equal(counts.campaigns, 1);
    assert_int_equal(counts.tasks, 1);
    assert_int_equal(counts.attempts, 1);
    assert_int_equal(counts.texts, 1); /* its kernel; problem and policy are the young one's too */
    assert_int_equal(rows(f, "SELECT count(*) FROM campaigns WHERE name = 'young'"), 1);
    assert_int_equal(rows(f,
                          "SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM tasks)"
                          " + (SELECT count(*) FROM results) + (SELECT count(*) FROM attempts)"
                          " + (SELECT count(*) FROM attempt_records) + (SELECT count(*) FROM kernels)"),
                     6);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL),
                     2); /* what is promised to others is no matter of age */
}

static void what_is_open_stays_however_old(void **state) {
    struct fixture *f = *state;
    CLEANUP_FREE char *open = submit(f, "open", KERNEL_YAML("one", ""));
    struct rec_task task;
    f->core->schedule_wanted = true;
    assert_int_equal(fixture_settle(f, &task), 1);
    later(f, 300 * DAY_MS);
    struct gc_counts counts = clean_up(f, false);
    assert_int_equal(counts.campaigns + counts.tasks + counts.attempts + counts.records + counts.texts, 0);
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(core_campaign(f->core, open)->row.state, CAMPAIGN_COMPLETE);
    rec_task_done(&task);
}

static void a_confirmed_result_stays_and_can_be_replayed(void **state) {
    struct fixture *f = *state;
    CLEANUP_FREE char *winner = submit(f, "winner", KERNEL_YAML("one", ""));
    free(submit(f, "other", KERNEL_YAML("two", "")));
    finish(f);
    confirm(f, winner);
    later(f, 400 * DAY_MS);
    struct gc_counts counts = clean_up(f, false);
    assert_int_equal(counts.campaigns, 1);
    assert_int_equal(counts.texts, 1);
    assert_int_equal(rows(f, "SELECT count(*) FROM campaigns WHERE name = 'winner'"), 1);
    assert_int_equal(rows(f,
                          "SELECT count(*) FROM results r JOIN tasks t ON t.seq = r.seq"
                          " JOIN kernels k ON k.hash = t.kernel_hash JOIN problems p ON p.hash = t.problem_hash"
                          " JOIN policies o ON o.hash = t.policy_hash"),
                     1);
}

static void records_of_attempts_go_before_their_campaign(void **state) {
    struct fixture *f = *state;
    free(submit(f, "old", KERNEL_YAML("one", "")));
    finish(f);
    later(f, 31 * DAY_MS);
    struct gc_counts counts = clean_up(f, false);
    assert_int_equal(counts.records, 1);
    assert_int_equal(counts.campaigns + counts.attempts, 0); /* the accepted attempt says who did it */
    assert_int_equal(rows(f, "SELECT count(*) FROM results"), 1);
}

static void a_dry_run_counts_the_same_and_removes_nothing(void **state) {
    struct fixture *f = *state;
    free(submit(f, "old", KERNEL_YAML("one", "")));
    finish(f);
    later(f, 91 * DAY_MS);
    struct gc_counts dry = clean_up(f, true);
    assert_int_equal(rows(f, "SELECT count(*) FROM tasks"), 1);
    assert_int_equal(rows(f, "SELECT count(*) FROM kernels"), 1);
    struct gc_counts real = clean_up(f, false);
    assert_int_equal(dry.campaigns, real.campaigns);
    assert_int_equal(dry.tasks, real.tasks);
    assert_int_equal(dry.attempts, real.attempts);
    assert_int_equal(dry.records, real.records);
    assert_int_equal(dry.texts, real.texts);
    assert_true(real.texts > 0);
}

/* The same kernel is submitted again in the middle of the run, after any number of steps. */
static void a_text_that_is_needed_again_meanwhile_stays(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    for (int at = 0; at < 14; at++) {
        free(submit(f, "old", KERNEL_YAML("one", "")));
        finish(f);
        later(f, 91 * DAY_MS);
        struct gc_report report = {.running = true};
        must(gc_start(f->core, false, &err), &err);
        CLEANUP_FREE char *again = NULL;
        for (int i = 0; report.running; i++) {
            if (i == at) again = submit(f, "again", KERNEL_YAML("one", ""));
            step(f);
            gc_report(f->core, &report);
        }
        if (!again) again = submit(f, "again", KERNEL_YAML("one", ""));
        fixture_join(f, "n1", "i2", "alpha");
        finish(f);
        if (core_campaign(f->core, again)->row.state != CAMPAIGN_COMPLETE) fail_msg("after %d steps", at);
        assert_int_equal(rows(f, "SELECT count(*) FROM results"), 1);
    }
}

static void nothing_is_removed_when_the_clock_was_set(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct gc_report report;
    free(submit(f, "old", KERNEL_YAML("one", "")));
    finish(f);
    later(f, DAY_MS);
    must(gc_work(f->core, &err), &err);
    f->wall_ms += 100 * DAY_MS;
    f->mono_ms += 120000;
    for (int i = 0; i < 20; i++) step(f);
    gc_report(f->core, &report);
    assert_false(report.running);
    assert_int_equal(report.runs, 0);
    later(f, 0); /* the next start believes it */
    must(gc_work(f->core, &err), &err);
    f->mono_ms += 120000;
    f->wall_ms += 120000;
    step(f);
    gc_report(f->core, &report);
    assert_true(report.running);
}

static void it_runs_once_a_day_by_itself_also_over_a_restart(void **state) {
    struct fixture *f = *state;
    struct gc_report report;
    for (int i = 0; i < 4000; i++) step(f);
    gc_report(f->core, &report);
    assert_int_equal(report.runs, 1);
    later(f, 3600000);
    for (int i = 0; i < 4000; i++) step(f);
    gc_report(f->core, &report);
    assert_int_equal(report.runs, 0);
    later(f, DAY_MS);
    for (int i = 0; i < 4000; i++) step(f);
    gc_report(f->core, &report);
    assert_int_equal(report.runs, 1);
}

/* --- in pieces -------------------------------------------------------------------------------- */
static int writes_left;

static int on_statement(unsigned kind, void *context, void *statement, void *text) {
    (void)kind, (void)context, (void)text;
    const char *sql = sqlite3_sql(statement);
    if (sql && strncmp(sql, "SELECT", 6) != 0 && --writes_left == 0) _exit(DIED);
    return 0;
}

static void judge_no_orphans(struct fixture *f, int n) {
    static const char *const none[] = {
        "SELECT count(*) FROM attempts WHERE key >> 24 NOT IN (SELECT seq FROM tasks)",
        "SELECT count(*) FROM attempt_records WHERE key >> 24 NOT IN (SELECT seq FROM tasks)",
        "SELECT count(*) FROM results WHERE seq NOT IN (SELECT seq FROM tasks)",
        "SELECT count(*) FROM tasks WHERE campaign NOT IN (SELECT id FROM campaigns)",
        "SELECT count(*) FROM inputs WHERE campaign NOT IN (SELECT id FROM campaigns)",
        "SELECT count(*) FROM tasks WHERE kernel_hash NOT IN (SELECT hash FROM kernels)",
        "SELECT count(*) FROM tasks WHERE policy_hash NOT IN (SELECT hash FROM policies)",
        "SELECT count(*) FROM tasks WHERE problem_hash NOT IN (SELECT hash FROM problems)",
        "SELECT 1 - count(*) FROM tasks t JOIN campaigns c ON c.id = t.campaign WHERE c.state = 0",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (rows(f, none[i]) != 0) fail_msg("write %d: %s", n, none[i]);
}

static void whichever_piece_is_the_last_nothing_hangs_in_the_air(void **state) {
    struct fixture *f = *state;
    bool died = true;
    int n = 1;
    for (; died; n++) {
        free(submit(f, "old", KERNEL_YAML("one", "")));
        finish(f);
        later(f, 91 * DAY_MS);
        free(submit(f, "open", KERNEL_YAML("two", "")));
        fixture_close(f);
        pid_t child = fork();
        if (child == 0) {
            fixture_open(f);
            writes_left = n;
            sqlite3_trace_v2(f->core->store->db, SQLITE_TRACE_STMT, on_statement, NULL);
            clean_up(f, false);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status));
        died = WEXITSTATUS(status) == DIED;
        if (!died) assert_int_equal(WEXITSTATUS(status), 0);
        fixture_open(f);
        judge_no_orphans(f, n);
        clean_up(f, false);
        judge_no_orphans(f, n);
        assert_int_equal(rows(f, "SELECT count(*) FROM campaigns WHERE name = 'old'"), 0);
        fixture_join(f, "n1", "i2", "alpha");
        finish(f);
    }
    assert_true(n > 8);
}

static void times_are_checked(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int64_t ms = -1;
    must(retention_parse("90d", "--keep-campaigns", &ms, &err), &err);
    assert_int_equal(ms, 90 * DAY_MS);
    must(retention_parse("forever", "--keep-campaigns", &ms, &err), &err);
    assert_int_equal(ms, RETENTION_FOREVER);
    static const char *const bad[] = {"", "90", "10m", "soon", "-1d", "5000d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (struct error)ERROR_INIT;
        assert_int_equal(retention_parse(bad[i], "--keep-campaigns", &ms, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.text, "--keep-campaigns"));
    }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(an_old_campaign_goes_with_all_that_was_its_own),
        T(what_is_open_stays_however_old),
        T(a_confirmed_result_stays_and_can_be_replayed),
        T(records_of_attempts_go_before_their_campaign),
        T(a_dry_run_counts_the_same_and_removes_nothing),
        T(a_text_that_is_needed_again_meanwhile_stays),
        T(nothing_is_removed_when_the_clock_was_set),
        T(it_runs_once_a_day_by_itself_also_over_a_restart),
        T(whichever_piece_is_the_last_nothing_hangs_in_the_air),
        cmocka_unit_test(times_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
