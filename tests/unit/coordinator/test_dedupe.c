/* What was measured is not measured again: what is the same, what is not, and what the new task tells. */
#include "coordinator/accept/result.h"
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/why.h"
#include "fleet/replay/record.h"
#include "tests/unit/coordinator/fixture.h"

#define FILE_HEAD "campaign: c\nproblems: [act]\ntargets: [alpha]\nkernels: ['*.yaml']\n"
static const char *const one[] = {KERNEL_YAML("one", ""), KERNEL_YAML("two", "")};

static struct campaign *submit_kernels(struct fixture *f, const char *rest, const char *const *kernels, size_t n,
                                       bool force, int64_t *ret_known) {
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    CLEANUP_FREE char *text = xasprintf(FILE_HEAD "%s", rest);
    json_t *body = fixture_body(text, kernels, n);
    json_object_set_new(body, "force", json_boolean(force));
    struct submission *s = submission_from_json(body, &err);
    if (!s) fail_msg("%s", err.text);
    must(plan_submit(f->core, s, false, &summary, &err), &err);
    submission_free(s);
    json_decref(body);
    if (ret_known) *ret_known = summary.known;
    return core_campaign(f->core, summary.campaign);
}

static struct campaign *submit(struct fixture *f, const char *rest, int64_t known) {
    int64_t got = 0;
    struct campaign *c = submit_kernels(f, rest, one, 1, false, &got);
    assert_int_equal(got, known);
    return c;
}

/* Everything that is sent ends with this verdict. */
static void run_all(struct fixture *f, const char *verdict) {
    struct rec_task sent;
    while (fixture_settle(f, &sent) > 0) {
        fixture_report(f, &sent, "verdict", verdict);
        rec_task_done(&sent);
    }
}

#define SMALL "size: small\n"

static void a_known_result_is_told_again_without_an_attempt(void **state) {
    struct fixture *f = *state;
    char line[WHY_SIZE];
    fixture_join(f, "n1", "i1", "alpha");
    const struct campaign *first = submit(f, SMALL, 0);
    run_all(f, "correct");
    const struct rec_result *original = first->tasks[0]->result;
    int measurements = fixture_outbox_count(f, TOPIC_MEASUREMENTS, NULL);
    struct campaign *again = submit(f, SMALL, 1);
    const struct task *task = again->tasks[0];
    assert_int_equal(fixture_settle(f, NULL), 0);
    assert_int_equal(task->row.state, TASK_DONE);
    assert_int_equal(task->row.attempts, 0);
    assert_int_equal(again->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(again->row.exit_status, 0);
    assert_string_not_equal(task->row.id, first->tasks[0]->row.id);
    const struct rec_result *r = task->result;
    assert_string_equal(r->task_id, task->row.id);
    assert_string_equal(r->campaign, again->row.id);
    assert_string_equal(r->result_id, original->result_id);
    assert_string_equal(r->deduplicated_from, first->tasks[0]->row.id);
    assert_string_equal(r->status, "provisional");
    assert_true(r->revision > original->revision);
    assert_true(r->speedup == original->speedup && r->time_ns_p50 == original->time_ns_p50);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 2);
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, NULL), measurements);
    assert_int_equal(task_why(f->core, task, line), WHY_KNOWN);
    assert_non_null(strstr(line, "--force measures again"));
    /* It lives on in the store, and a copy is not copied: the origin is named. */
    struct error err = ERROR_INIT;
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    fixture_join(f, "n1", "i1", "alpha");
    const struct campaign *third = submit(f, SMALL, 1);
    uint8_t *data = NULL;
    size_t len = 0;
    struct rec_result stored;
    must(store_result_get(f->core->store, third->tasks[0]->row.id, &data, &len, &err), &err);
    must(codec_decode_as(f->core->codec, data, len, &rec_result_desc, &stored, &err), &err);
    free(data);
    assert_int_equal(strlen(stored.deduplicated_from), 32);
    assert_string_equal(stored.kernel_source, KERNEL_SOURCE);
    must(replay_check(&stored, &err), &err);
    char origin[TASK_ID_SIZE];
    snprintf(origin, sizeof origin, "%s", stored.result_id);
    assert_string_equal(stored.deduplicated_from, origin);
    rec_result_done(&stored);
}

static void measurements_of_what_was_told_again_are_published_once(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, SMALL, 0);
    run_all(f, "correct");
    submit(f, SMALL, 1);
    int before = fixture_outbox_count(f, TOPIC_MEASUREMENTS, NULL);
    must(results_publish_again(f->core, &err), &err); /* the broker is a new one */
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, NULL), 2 * before);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 4);
}

static void force_measures_again(void **state) {
    struct fixture *f = *state;
    int64_t known = 0;
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, SMALL, 0);
    run_all(f, "correct");
    const struct campaign *c = submit_kernels(f, SMALL, one, 1, true, &known);
    assert_int_equal(known, 0);
    assert_int_equal(c->counts[TASK_QUEUED], 1);
    run_all(f, "correct");
    assert_null(c->tasks[0]->result->deduplicated_from);
}

static void only_what_is_new_runs_and_the_campaign_ends_with_it(void **state) {
    struct fixture *f = *state;
    int64_t known = 0;
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, SMALL, 0);
    run_all(f, "wrong_output"); /* a verdict is a verdict */
    const struct campaign *c = submit_kernels(f, SMALL, one, 2, false, &known);
    assert_int_equal(known, 1);
    assert_int_equal(c->counts[TASK_DONE], 1);
    assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
    run_all(f, "correct");
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_string_equal(c->tasks[0]->result->verdict, "wrong_output");
}

static void another_size_policy_kernel_or_target_is_another_task(void **state) {
    struct fixture *f = *state;
    int64_t known = 0;
    static const char *const other[] = {KERNEL_YAML("one", "precision: relaxed\n")};
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, SMALL, 0);
    run_all(f, "correct");
    submit(f, "size: big\n", 0);
    submit(f, SMALL "sets: 3\n", 0);
    submit(f, SMALL "baselines: [plain]\n", 0);
    submit(f, SMALL "limits: {run: 5m}\n", 0);
    submit_kernels(f, SMALL, other, 1, false, &known);
    assert_int_equal(known, 0);
    submit(f, SMALL "priority: 3\nweight: 2\n", 1); /* these say nothing of the measurement */
}

static void another_driver_means_another_measurement(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, SMALL, 0);
    run_all(f, "correct"); /* with driver 1.2 */
    rec_set(&core_node(f->core, "n1")->info->devices.items[0].driver_version, "1.3");
    submit(f, SMALL, 0);
    run_all(f, "correct");
    submit(f, SMALL, 1);
    rec_set(&core_node(f->core, "n1")->info->devices.items[0].driver_version, "1.2");
    submit(f, SMALL, 1); /* back again: known from then */
}

static void where_drivers_differ_nothing_is_known(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, SMALL, 0);
    run_all(f, "correct");
    fixture_join(f, "n2", "i2", "alpha");
    submit(f, SMALL, 1);
    rec_set(&core_node(f->core, "n2")->info->devices.items[0].driver_version, "9");
    submit(f, SMALL, 0);
}

static void what_was_cancelled_given_up_or_not_timed_is_not_known(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task sent;
    fixture_join(f, "n1", "i1", "alpha");
    must(task_cancel(f->core, submit(f, SMALL, 0)->tasks[0], "test", &err), &err);
    must(task_give_up(f->core, submit(f, SMALL, 0)->tasks[0], "test", &err), &err);
    submit(f, SMALL, 0);
    assert_int_equal(fixture_settle(f, &sent), 1);
    struct rec_attempt attempt;
    struct record_source source = {.topic = "attempts"};
    fixture_outcome(&sent, "verdict", "correct", &attempt);
    for (size_t i = 0; i < attempt.measured.count; i++)
        attempt.measured.items[i].has_speedup = attempt.measured.items[i].has_time_ns_p50 = false;
    rec_set(&attempt.busy, "12 % foreign load");
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    rec_attempt_done(&attempt);
    rec_task_done(&sent);
    submit(f, SMALL, 0);
}

static void what_was_retracted_is_not_known_and_what_was_confirmed_is_not_promoted_again(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    fixture_join(f, "n1", "i1", "alpha");
    const struct campaign *first = submit(f, SMALL "promote: true\n", 0);
    run_all(f, "correct"); /* the promotion, too */
    assert_string_equal(first->tasks[0]->result->status, "confirmed");
    const struct campaign *again = submit(f, SMALL "promote: true\n", 1);
    assert_string_equal(again->tasks[0]->result->status, "confirmed");
    assert_int_equal(again->task_count, 1);
    assert_int_equal(again->row.state, CAMPAIGN_COMPLETE);
    /* A faster one in the same cell is promoted all the same. */
    int64_t known = 0;
    struct campaign *both = submit_kernels(f, SMALL "promote: true\n", one, 2, false, &known);
    assert_int_equal(known, 1);
    assert_int_equal(fixture_settle(f, &sent), 1);
    struct rec_attempt attempt;
    struct error err = ERROR_INIT;
    struct record_source source = {.topic = "attempts"};
    fixture_outcome(&sent, "verdict", "correct", &attempt);
    for (size_t i = 0; i < attempt.measured.count; i++)
        if (attempt.measured.items[i].has_speedup) attempt.measured.items[i].speedup = 2.5;
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    rec_attempt_done(&attempt);
    rec_task_done(&sent);
    assert_int_equal(both->task_count, 3);
    run_all(f, "wrong_output");
    assert_string_equal(both->tasks[1]->result->status, "retracted");
    submit_kernels(f, SMALL "promote: true\n", &one[1], 1, false, &known);
    assert_int_equal(known, 0);
}

static void tries_are_always_run(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    fixture_join(f, "n1", "i1", "alpha");
    json_t *body = json_pack("{s:{s:s,s:s}, s:{s:s,s:s,s:s}, s:[s], s:s}", "problem", "path", "p.yaml", "yaml",
                             PROBLEM_YAML, "kernel", "path", "k.yaml", "yaml", one[0], "source", KERNEL_SOURCE,
                             "targets", "alpha", "size", "small");
    for (int i = 0; i < 2; i++) {
        struct submission *s = submission_from_try(body, NULL, 0, &err);
        if (!s) fail_msg("%s", err.text);
        must(plan_submit(f->core, s, true, &summary, &err), &err);
        submission_free(s);
        assert_int_equal(summary.known, 0);
        run_all(f, "correct");
    }
    json_decref(body);
}

/* A device that joins brings cells that were waiting: what is known of it then ends at once. */
static void cells_that_waited_for_a_device_are_looked_up_when_it_joins(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, SMALL, 0);
    run_all(f, "correct");
    struct error err = ERROR_INIT;
    struct rec_node *leaving = fixture_node("n1", "i1", "leaving", "alpha");
    must(nodes_on_record(f->core, leaving, true, &err), &err);
    const struct campaign *c = submit(f, SMALL "deadline: 1h\n", 0);
    assert_int_equal(c->counts[TASK_WAITING], 1);
    fixture_join(f, "n1", "i2", "alpha");
    assert_int_equal(c->counts[TASK_DONE], 1);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_known_result_is_told_again_without_an_attempt),
        T(measurements_of_what_was_told_again_are_published_once),
        T(force_measures_again),
        T(only_what_is_new_runs_and_the_campaign_ends_with_it),
        T(another_size_policy_kernel_or_target_is_another_task),
        T(another_driver_means_another_measurement),
        T(where_drivers_differ_nothing_is_known),
        T(what_was_cancelled_given_up_or_not_timed_is_not_known),
        T(what_was_retracted_is_not_known_and_what_was_confirmed_is_not_promoted_again),
        T(tries_are_always_run),
        T(cells_that_waited_for_a_device_are_looked_up_when_it_joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
