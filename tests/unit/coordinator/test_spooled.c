/* Results that an agent had to keep on disk: they come under the incarnation that made them, however much later, and
 * count where the task still has none. */
#include "tests/unit/coordinator/fixture.h"

static void assert_accepted(struct fixture *f, const char *campaign, const struct rec_task *by) {
    struct campaign *c = core_campaign(f->core, campaign);
    assert_non_null(c);
    assert_int_equal(c->tasks[0]->row.state, TASK_DONE);
    assert_string_equal(c->tasks[0]->result->result_id, by->attempt_id);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 1);
}

static void a_spooled_result_counts_though_its_node_runs_the_task_again(void **state) {
    struct fixture *f = *state;
    struct rec_task first, second;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &first), 1);
    fixture_join(f, "n1", "i2", "alpha"); /* the agent was killed while the broker was away, and started anew */
    assert_int_equal(fixture_settle(f, &second), 1);
    assert_string_equal(second.incarnation, "i2");
    fixture_report(f, &first, "verdict", "correct"); /* replayed by the second start */
    assert_accepted(f, c->row.id, &first);
    fixture_report(f, &second, "verdict", "correct"); /* its own comes later */
    assert_accepted(f, c->row.id, &first);
    rec_task_done(&first);
    rec_task_done(&second);
}

static void a_spooled_result_that_comes_second_is_superseded(void **state) {
    struct fixture *f = *state;
    struct rec_task first, second;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &first), 1);
    fixture_join(f, "n1", "i2", "alpha");
    assert_int_equal(fixture_settle(f, &second), 1);
    fixture_report(f, &second, "verdict", "correct");
    fixture_report(f, &first, "verdict", "wrong_output");
    assert_accepted(f, c->row.id, &second);
    struct row_attempt row;
    struct error err = ERROR_INIT;
    must(store_attempt_get(f->core->store, first.task_id, first.attempt, &row, &err), &err);
    assert_int_equal(row.state, ATTEMPT_SUPERSEDED);
    rec_task_done(&first);
    rec_task_done(&second);
}

/* Spools are replayed whole when an agent was killed between the broker's acknowledgement and the spool's. */
static void a_spooled_result_that_was_accepted_before_changes_nothing(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_report(f, &task, "verdict", "correct");
    fixture_join(f, "n1", "i2", "alpha");
    fixture_report(f, &task, "verdict", "correct");
    assert_accepted(f, c->row.id, &task);
    assert_int_equal(fixture_outbox_count(f, TOPIC_DEADLETTER, NULL), 0);
    rec_task_done(&task);
}

static void a_spooled_result_counts_after_the_coordinators_own_restart(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    char campaign[64];
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    snprintf(campaign, sizeof campaign, "%s", c->row.id);
    assert_int_equal(fixture_settle(f, &task), 1);
    int64_t epoch = store_epoch(f->core->store);
    fixture_close(f);
    fixture_open(f);
    assert_true(store_epoch(f->core->store) > epoch);
    fixture_join(f, "n1", "i2", "alpha");
    fixture_report(f, &task, "verdict", "correct"); /* of the older epoch, as it was given out */
    assert_accepted(f, campaign, &task);
    assert_int_equal(fixture_outbox_count(f, TOPIC_DEADLETTER, NULL), 0);
    rec_task_done(&task);
}

/* A node that was drained while its results waited has not done anything wrong. */
static void what_was_given_back_by_an_earlier_start_changes_nothing(void **state) {
    struct fixture *f = *state;
    struct rec_task first, second;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &first), 1);
    fixture_join(f, "n1", "i2", "alpha");
    fixture_report(f, &first, "cancelled", "");
    assert_int_equal(fixture_settle(f, &second), 1);
    fixture_report(f, &second, "verdict", "correct");
    assert_accepted(f, c->row.id, &second);
    rec_task_done(&first);
    rec_task_done(&second);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_spooled_result_counts_though_its_node_runs_the_task_again),
        T(a_spooled_result_that_comes_second_is_superseded),
        T(a_spooled_result_that_was_accepted_before_changes_nothing),
        T(a_spooled_result_counts_after_the_coordinators_own_restart),
        T(what_was_given_back_by_an_earlier_start_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
