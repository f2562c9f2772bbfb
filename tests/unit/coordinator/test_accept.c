/* Acceptance: the first valid result, once, with everything that follows from it in one transaction. */
#include "coordinator/accept/result.h"
#include "tests/unit/coordinator/fixture.h"

static void an_accepted_result_is_published_with_its_figures_and_measurements(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->row.exit_status, 0);
    struct fixture_outbox o;
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, &o), 1);
    assert_string_equal(o.key, task.task_id);
    assert_int_equal(o.value[0], 0); /* Confluent framing, schema id 1 */
    assert_int_equal(o.value[4], f->core->schema_result);
    struct rec_result r;
    must(codec_decode_as(f->core->codec, o.value, o.len, &rec_result_desc, &r, &err), &err);
    assert_string_equal(r.status, "provisional");
    assert_string_equal(r.result_id, task.attempt_id);
    assert_int_equal(r.revision, store_epoch(f->core->store) * (INT64_C(1) << 32) + 1);
    assert_string_equal(r.baseline, "fused");
    assert_true(r.has_speedup && r.speedup == 1.5 && r.speedup_low == 1.4);
    assert_true(r.baseline_time_ns_p50 == 3000 && r.time_ns_p50 == 2000);
    assert_string_equal(r.device_name, "The device");
    assert_string_equal(r.driver_version, "1.2");
    rec_result_done(&r);
    free(o.value);
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, &o), 2);
    char key[200];
    snprintf(key, sizeof key, "%s/abc/small/candidate", task.attempt_id);
    assert_string_equal(o.key, key);
    struct rec_measurement m;
    must(codec_decode_as(f->core->codec, o.value, o.len, &rec_measurement_desc, &m, &err), &err);
    assert_true(m.has_time_ns_p50 && m.time_ns_p50 == 2000);
    assert_false(m.has_gbps);
    rec_measurement_done(&m);
    free(o.value);
    assert_int_equal(fixture_outbox_count(f, TOPIC_CAMPAIGNS, NULL), 2); /* submitted, complete */
    rec_task_done(&task);
}

static void a_wrong_kernel_gets_no_figures(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    struct rec_attempt attempt;
    struct record_source source = {.topic = "attempts"};
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_outcome(&task, "verdict", "correct", &attempt);
    rec_set(&attempt.verdict, "wrong_output");
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    assert_false(c->tasks[0]->result->has_speedup);
    assert_false(c->tasks[0]->result->has_time_ns_p50);
    assert_string_equal(c->tasks[0]->result->verdict, "wrong_output");
    rec_attempt_done(&attempt);
    rec_task_done(&task);
}

static void an_interval_of_too_few_sets_is_no_interval(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    struct rec_attempt attempt;
    struct record_source source = {.topic = "attempts"};
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_outcome(&task, "verdict", "correct", &attempt);
    attempt.measured.items[1].speedup_confidence = 0.875; /* four sets */
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    const struct rec_result *r = c->tasks[0]->result;
    assert_true(r->has_speedup && r->speedup == 1.5);
    assert_false(r->has_speedup_low || r->has_speedup_high);
    rec_attempt_done(&attempt);
    rec_task_done(&task);
}

static void a_duplicate_changes_nothing(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_report(f, &task, "verdict", "correct");
    int64_t revision = c->tasks[0]->result->revision;
    fixture_report(f, &task, "verdict", "wrong_output");
    fixture_report(f, &task, "infrastructure", NULL);
    assert_int_equal(c->tasks[0]->result->revision, revision);
    assert_string_equal(c->tasks[0]->result->verdict, "correct");
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 1);
    assert_int_equal(fixture_outbox_count(f, TOPIC_DEADLETTER, NULL), 0);
    rec_task_done(&task);
}

static void what_cannot_be_right_becomes_a_dead_letter(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    struct record_source source = {.topic = "attempts", .partition = 2, .offset = 77, .payload = "raw", .len = 3};
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    for (int i = 0; i < 8; i++) {
        struct rec_attempt a;
        fixture_outcome(&task, "verdict", "correct", &a);
        if (i == 0)
            rec_set(&a.task_id, "00000000000000000000000000000000"),
                rec_set(&a.attempt_id, "00000000000000000000000000000000.1");
        if (i == 1) a.attempt = 9, rec_setf(&a.attempt_id, "%s.9", a.task_id);
        if (i == 2) a.epoch = 99;
        if (i == 3) rec_set(&a.node, "n2");
        if (i == 4) rec_set(&a.incarnation, "other");
        if (i == 5) rec_set(&a.verdict, "brilliant");
        if (i == 6) rec_set(&a.outcome, "whatever");
        if (i == 7) rec_set(&a.attempt_id, "nonsense");
        must(accept_attempt(f->core, &a, &source, &err), &err);
        rec_attempt_done(&a);
        assert_int_equal(fixture_outbox_count(f, TOPIC_DEADLETTER, NULL), i + 1);
    }
    assert_int_equal(c->tasks[0]->row.state, TASK_PUBLISHED);
    struct fixture_outbox o;
    fixture_outbox_count(f, TOPIC_DEADLETTER, &o);
    assert_string_equal(o.key, "attempts/2/77");
    struct rec_dead_letter letter;
    must(codec_decode_as(f->core->codec, o.value, o.len, &rec_dead_letter_desc, &letter, &err), &err);
    assert_string_equal(letter.source, "record");
    assert_memory_equal(letter.payload.data, "raw", 3);
    rec_dead_letter_done(&letter);
    free(o.value);
    rec_task_done(&task);
}

static void a_result_survives_a_crash_only_together_with_everything_that_follows(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    char id[CAMPAIGN_ID_SIZE];
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    strcpy(id, c->row.id);
    assert_int_equal(fixture_settle(f, &task), 1);
    must(store_commit(f->core->store, &err), &err);
    fixture_report(f, &task, "verdict", "correct");
    must(store_offset_put(f->core->store, "attempts", 0, 2, &err), &err);
    fixture_crash(f); /* before the commit */
    assert_int_equal(core_campaign(f->core, id)->tasks[0]->row.state, TASK_PUBLISHED);
    assert_int_equal(store_offset_get(f->core->store, "attempts", 0, &err), -1);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 0);
    fixture_report(f, &task, "verdict", "correct"); /* read again, since the offset was not kept */
    must(store_offset_put(f->core->store, "attempts", 0, 2, &err), &err);
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    assert_null(core_campaign(f->core, id)); /* ended: no longer in memory */
    c = core_campaign_view(f->core, id, &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_DONE);
    assert_string_equal(c->tasks[0]->result->verdict, "correct");
    campaign_release(c);
    assert_int_equal(store_offset_get(f->core->store, "attempts", 0, &err), 2);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 1);
    rec_task_done(&task);
}

static void publishing_again_gives_the_same_bytes(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    struct fixture_outbox first, again, m1, m2;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_report(f, &task, "verdict", "correct");
    fixture_outbox_count(f, TOPIC_RESULTS, &first);
    fixture_outbox_count(f, TOPIC_MEASUREMENTS, &m1);
    must(store_outbox_clear(f->core->store, 0, INT64_MAX, &err), &err);
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    must(results_publish_again(f->core, &err), &err);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, &again), 1);
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, &m2), 2);
    assert_int_equal(first.len, again.len);
    assert_memory_equal(first.value, again.value, first.len);
    assert_int_equal(m1.len, m2.len);
    assert_memory_equal(m1.value, m2.value, m1.len);
    free(first.value);
    free(again.value);
    free(m1.value);
    free(m2.value);
    rec_task_done(&task);
}

static void an_abandoned_attempt_may_still_bring_the_first_result(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_join(f, "n1", "i2", "alpha"); /* the agent was restarted; its report was on the way */
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(c->tasks[0]->row.state, TASK_DONE);
    assert_int_equal(core_device(f->core, "n1", "dev0")->held, 0);
    rec_task_done(&task);
}

static void the_winner_of_a_search_is_the_configuration_that_the_attempt_names(void **state) {
    struct rec_attempt a;
    (void)state;
    rec_attempt_init(&a);
    rec_set(&a.config, "{\"WG\":128}");
    for (int i = 0; i < 3; i++) {
        struct rec_measured *m = rec_list_measured_push(&a.measured);
        rec_set(&m->role, "candidate");
        rec_set(&m->size, i == 2 ? "other" : "small");
        rec_set(&m->config, i == 0 ? "{\"WG\":64}" : "{\"WG\":128}");
        rec_set(&m->verdict, "correct");
        m->speedup = i == 0 ? 9 : 2;
        m->has_speedup = true;
    }
    assert_ptr_equal(result_candidate(&a, "small"), &a.measured.items[1]);
    assert_null(result_candidate(&a, "huge"));
    rec_attempt_done(&a);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(an_accepted_result_is_published_with_its_figures_and_measurements),
        T(a_wrong_kernel_gets_no_figures),
        T(an_interval_of_too_few_sets_is_no_interval),
        T(a_duplicate_changes_nothing),
        T(what_cannot_be_right_becomes_a_dead_letter),
        T(a_result_survives_a_crash_only_together_with_everything_that_follows),
        T(publishing_again_gives_the_same_bytes),
        T(an_abandoned_attempt_may_still_bring_the_first_result),
        T(the_winner_of_a_search_is_the_configuration_that_the_attempt_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
