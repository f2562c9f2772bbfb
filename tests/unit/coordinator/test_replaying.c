/* Replays as tasks: what they run, where, and what is refused. */
#include "coordinator/plan/replay.h"
#include "tests/unit/coordinator/fixture.h"

/* A finished task's record, as the results topic has it. */
static void make_record(struct fixture *f, struct rec_result *ret) {
    struct error err = ERROR_INIT;
    struct rec_task task;
    struct rec_attempt attempt;
    struct record_source source = {.topic = "attempts"};
    struct plan_summary summary;
    struct fixture_outbox o;
    const char *kernels[] = {KERNEL_YAML("one", TUNE)};
    must(fixture_try_submit(f,
                            "campaign: test\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [search]\n"
                            "kernels: [k]\nsets: 7\n",
                            kernels, 1, &summary, &err),
         &err);
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_outcome(&task, "verdict", "correct", &attempt);
    rec_set(&attempt.config, "{\"WG\":128}");
    rec_set(&attempt.seeds, "{\"by\":\"k1\",\"sets\":[]}");
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    rec_attempt_done(&attempt);
    rec_task_done(&task);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, &o), 1);
    must(codec_decode_as(f->core->codec, o.value, o.len, &rec_result_desc, ret, &err), &err);
    free(o.value);
    must(store_commit(f->core->store, &err), &err);
}

/* Measured on `own`; `other` joins later. Either may come first in the scheduler's round. */
static void replay_on(struct fixture *f, const char *own, const char *other) {
    struct error err = ERROR_INIT;
    struct rec_result record;
    struct rec_task task;
    char id[CAMPAIGN_ID_SIZE];
    fixture_join(f, own, "i1", "alpha");
    make_record(f, &record);
    fixture_join(f, other, "i1", "alpha");
    for (int i = 0; i < 2; i++) {
        must(plan_replay(f->core, &record, id, &err), &err);
        assert_int_equal(fixture_settle(f, &task), 1);
        assert_string_equal(task.node, own);
        assert_string_equal(task.purpose, "try");
        assert_string_equal(task.kind, "measure");
        assert_string_equal(task.config, "{\"WG\":128}");
        assert_string_equal(task.seeds, "{\"by\":\"k1\",\"sets\":[]}");
        assert_int_equal(task.policy.sets, 7);
        assert_string_equal(task.kernel_source, KERNEL_SOURCE);
        fixture_report(f, &task, "verdict", "correct");
        assert_int_equal(core_campaign(f->core, id)->row.state, CAMPAIGN_COMPLETE);
        rec_task_done(&task);
    }
    rec_result_done(&record);
}

static void a_replay_runs_what_the_record_says_on_its_device(void **state) {
    replay_on(*state, "n1", "n2");
}

static void also_where_another_device_would_come_first(void **state) {
    replay_on(*state, "n2", "n1");
}

static void where_its_device_is_away_another_of_the_target_is_taken(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_result record;
    struct rec_task task;
    char id[CAMPAIGN_ID_SIZE];
    fixture_join(f, "n1", "i1", "alpha");
    make_record(f, &record);
    fixture_join(f, "n2", "i1", "alpha");
    must(nodes_on_record(f->core, fixture_node("n1", "i1", "leaving", "alpha"), true, &err), &err);
    must(plan_replay(f->core, &record, id, &err), &err);
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_string_equal(task.node, "n2");
    rec_task_done(&task);
    rec_result_done(&record);
}

static void without_a_device_of_its_target_it_is_refused(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_result record;
    char id[CAMPAIGN_ID_SIZE];
    fixture_join(f, "n1", "i1", "alpha");
    make_record(f, &record);
    must(nodes_on_record(f->core, fixture_node("n1", "i1", "leaving", "alpha"), true, &err), &err);
    assert_int_equal(plan_replay(f->core, &record, id, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "`alpha`"));
    rec_result_done(&record);
}

static void a_record_that_differs_from_the_stored_one_is_refused_by_field(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_result record;
    char id[CAMPAIGN_ID_SIZE];
    fixture_join(f, "n1", "i1", "alpha");
    make_record(f, &record);
    rec_set(&record.evidence, "something else");
    record.speedup = 99;
    assert_int_equal(plan_replay(f->core, &record, id, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.text, "`evidence`"));
    assert_non_null(strstr(err.text, "`speedup`"));
    assert_null(strstr(err.text, "`kernel_source`"));
    rec_result_done(&record);
}

static void a_record_of_another_coordinator_is_checked_by_itself(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_result record;
    char id[CAMPAIGN_ID_SIZE];
    fixture_join(f, "n1", "i1", "alpha");
    make_record(f, &record);
    rec_set(&record.task_id, "00000000000000000000000000000001");
    must(plan_replay(f->core, &record, id, &err), &err);
    rec_set(&record.size, "big");
    assert_int_equal(plan_replay(f->core, &record, id, &err), -1);
    assert_non_null(strstr(err.text, "`size`"));
    rec_result_done(&record);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_replay_runs_what_the_record_says_on_its_device),
        T(also_where_another_device_would_come_first),
        T(where_its_device_is_away_another_of_the_target_is_taken),
        T(without_a_device_of_its_target_it_is_refused),
        T(a_record_that_differs_from_the_stored_one_is_refused_by_field),
        T(a_record_of_another_coordinator_is_checked_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
