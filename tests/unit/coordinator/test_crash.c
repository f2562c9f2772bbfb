/* The coordinator may die at any instant: a child runs a campaign and is gone at its nth write to the store, for every
 * n; then another goes on from what is there. Whatever n was, every task ends with exactly one result, the offset that
 * was kept fits the results that were kept, and the outbox holds each of them. */
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/store/internal.h"
#include "tests/unit/coordinator/fixture.h"

#define TASKS 4
#define CAMPAIGN "campaign: crash\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: [k]\n"

static int writes_left;

/* Before each statement that writes, COMMIT included. */
static int on_statement(unsigned kind, void *context, void *statement, void *text) {
    (void)kind, (void)context, (void)text;
    const char *sql = sqlite3_sql(statement);
    if (sql && strncmp(sql, "SELECT", 6) != 0 && --writes_left == 0) _exit(42);
    return 0;
}

/* --- what the world does ---------------------------------------------------------------------- */
static struct campaign *only_campaign(struct fixture *f) {
    size_t cursor = 0;
    void *campaign = NULL;
    map_next(f->core->campaigns, &cursor, NULL, &campaign);
    return campaign;
}

static void submit(struct fixture *f) {
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *kernels[TASKS] = {KERNEL_YAML("one", ""), KERNEL_YAML("two", ""), KERNEL_YAML("three", ""),
                                  KERNEL_YAML("four", "")};
    must(fixture_try_submit(f, CAMPAIGN, kernels, TASKS, &summary, &err), &err);
    must(store_commit(f->core->store, &err), &err);
}

/* The agent answers every attempt that is out, and the coordinator keeps the offset with it, as the loop does. */
static void answer_all(struct fixture *f) {
    struct error err = ERROR_INIT;
    while (f->core->open_count > 0) {
        const struct row_attempt row = f->core->open[0]->row;
        struct rec_task task;
        rec_task_init(&task);
        task.epoch = row.epoch;
        rec_set(&task.task_id, row.task);
        task.attempt = row.n;
        rec_setf(&task.attempt_id, "%s.%d", row.task, row.n);
        rec_set(&task.node, row.node);
        rec_set(&task.incarnation, row.incarnation);
        rec_set(&task.device, row.device);
        rec_set(&task.size, "small");
        int64_t next = store_offset_get(f->core->store, TOPIC_ATTEMPTS, 0, &err);
        fixture_report(f, &task, "verdict", "correct");
        must(store_offset_put(f->core->store, TOPIC_ATTEMPTS, 0, (next < 0 ? 0 : next) + 1, &err), &err);
        must(store_commit(f->core->store, &err), &err);
        rec_task_done(&task);
    }
}

static void work(struct fixture *f) {
    struct error err = ERROR_INIT;
    if (!core_node(f->core, "n1")) fixture_join(f, "n1", "i1", "alpha");
    must(nodes_on_record(f->core, fixture_node("n1", "i1", "ready", "alpha"), true, &err), &err);
    must(nodes_on_link(f->core, false, &err), &err);
    fixture_settle(f, NULL);
    fixture_beat(f, "n1", "i1", NULL, NULL);
    if (!only_campaign(f) && store_result_count(f->core->store) == 0) submit(f);
    for (int i = 0; i < 2 * TASKS; i++) {
        f->core->schedule_wanted = true;
        fixture_settle(f, NULL);
        answer_all(f);
    }
}

/* --- the judge -------------------------------------------------------------------------------- */
struct tally {
    int campaigns, tasks, done;
    char id[CAMPAIGN_ID_SIZE];
};

static int count_campaign(void *context, const struct row_campaign *row, struct error *err) {
    struct tally *t = context;
    (void)err;
    t->campaigns++;
    strcpy(t->id, row->id);
    return 0;
}

static int count_task(void *context, const struct row_task *row, struct error *err) {
    struct tally *t = context;
    (void)err;
    t->tasks++;
    t->done += row->state == TASK_DONE;
    return 0;
}

static void judge_what_is_kept(struct fixture *f) {
    struct error err = ERROR_INIT;
    int64_t next = store_offset_get(f->core->store, TOPIC_ATTEMPTS, 0, &err);
    assert_int_equal(store_result_count(f->core->store), next < 0 ? 0 : next);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), next < 0 ? 0 : next);
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, NULL), next < 0 ? 0 : 2 * next);
}

static void judge_the_end(struct fixture *f, int n) {
    struct error err = ERROR_INIT;
    struct tally t = {0};
    must(store_campaigns(f->core->store, false, NULL, 0, count_campaign, &t, &err), &err);
    if (t.campaigns != 1) fail_msg("write %d: %d campaigns", n, t.campaigns);
    must(store_tasks(f->core->store, t.id, count_task, &t, &err), &err);
    if (t.tasks != TASKS || t.done != TASKS) fail_msg("write %d: %d of %d tasks are done", n, t.done, t.tasks);
    assert_int_equal(store_result_count(f->core->store), TASKS);
    judge_what_is_kept(f);
}

static void every_task_has_exactly_one_result_whichever_write_was_the_last(void **state) {
    struct fixture *f = *state;
    fixture_close(f);
    bool died = true;
    int n = 1;
    for (; died; n++) {
        dir_remove(f->dir, NULL);
        pid_t child = fork();
        if (child == 0) {
            fixture_open(f);
            writes_left = n;
            sqlite3_trace_v2(f->core->store->db, SQLITE_TRACE_STMT, on_statement, NULL);
            work(f);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status));
        died = WEXITSTATUS(status) == 42;
        if (!died) assert_int_equal(WEXITSTATUS(status), 0);
        fixture_open(f);
        judge_what_is_kept(f);
        work(f);
        judge_the_end(f, n);
        fixture_close(f);
    }
    assert_true(n > 60); /* it was cut at more than a few places */
    fixture_open(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_task_has_exactly_one_result_whichever_write_was_the_last, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
