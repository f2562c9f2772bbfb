/* Registration, matching, leases, failures, cancel. */
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/why.h"
#include "tests/unit/coordinator/fixture.h"

/* --- registration ----------------------------------------------------------------------------- */
static void a_node_gets_tasks_only_after_its_handshake(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    must(nodes_on_record(f->core, fixture_node("n1", "i1", "starting", "alpha"), true, &err), &err);
    const struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(c->counts[TASK_QUEUED], 1);
    assert_int_equal(fixture_settle(f, NULL), 0); /* mailbox and `desired` record, no task yet */
    assert_true(core_node(f->core, "n1")->mailbox_ready);
    must(nodes_on_record(f->core, fixture_node("n1", "i1", "ready", "alpha"), true, &err), &err);
    assert_int_equal(fixture_settle(f, NULL), 1);
}

static void a_task_record_holds_everything_that_the_agent_needs(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    const struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_string_equal(task.task_id, c->tasks[0]->row.id);
    assert_string_equal(task.attempt_id + 32, ".1");
    assert_string_equal(task.node, "n1");
    assert_string_equal(task.incarnation, "i1");
    assert_string_equal(task.device, "dev0");
    assert_string_equal(task.problem_yaml, PROBLEM_YAML);
    assert_string_equal(task.kernel_source, KERNEL_SOURCE);
    assert_string_equal(task.size, "small");
    assert_int_equal(task.epoch, store_epoch(f->core->store));
    assert_int_equal(task.baselines.count, 2);
    assert_int_equal(task.policy.sets, 10);
    rec_task_done(&task);
}

static void wrong_node_records_are_refused_and_change_nothing(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"", "UPPER", "a/b",
                                        "this-name-is-far-too-long-to-be-the-name-of-a-node-in-a-fleet-of-machines"};
    for (size_t i = 0; i < 4; i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(nodes_on_record(f->core, fixture_node(names[i], "i1", "starting", "alpha"), true, &err), -1);
        assert_false(core_is_broken(&err));
    }
    struct error err = ERROR_INIT;
    assert_int_equal(nodes_on_record(f->core, fixture_node("n1", "", "starting", "alpha"), true, &err), -1);
    struct rec_node *twice = fixture_node("n1", "i1", "starting", "alpha");
    rec_set(&rec_list_device_push(&twice->devices)->id, "dev0");
    assert_int_equal(nodes_on_record(f->core, twice, true, &err), -1);
    assert_int_equal(map_count(f->core->nodes), 0);
}

static void a_node_known_from_the_store_must_be_heard_before_it_gets_tasks(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_submit(f, "[alpha]");
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    must(nodes_on_link(f->core, false, &err), &err);
    assert_int_equal(fixture_settle(f, NULL), 0);
    fixture_beat(f, "n1", "i1", NULL, NULL);
    assert_int_equal(fixture_settle(f, NULL), 1);
}

/* --- matching --------------------------------------------------------------------------------- */
static void a_device_holds_no_more_than_its_window_and_the_emptiest_is_served_first(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_join(f, "n2", "i2", "alpha");
    for (int i = 0; i < 3; i++) fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, NULL), 3);
    assert_int_equal(core_device(f->core, "n1", "dev0")->held + core_device(f->core, "n2", "dev0")->held, 3);
    assert_true(core_device(f->core, "n1", "dev0")->held >= 1);
    assert_true(core_device(f->core, "n2", "dev0")->held >= 1);
    for (int i = 0; i < 3; i++) fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, NULL), 1);
}

static void priority_goes_before_order_and_a_try_before_everything(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary low, high, tried;
    struct rec_task task;
    const char *kernels[] = {KERNEL_YAML("one", "")};
    f->config.window = f->core->config.window = 1;
    fixture_join(f, "n1", "i1", "alpha");
    const struct campaign *busy = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    rec_task_done(&task);
    must(fixture_try_submit(
             f, "campaign: l\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: [k]\n",
             kernels, 1, &low, &err),
         &err);
    must(fixture_try_submit(f,
                            "campaign: h\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: "
                            "[human]\nkernels: [k]\npriority: 5\n",
                            kernels, 1, &high, &err),
         &err);
    assert_int_equal(fixture_settle(f, NULL), 0); /* the window is full */
    json_t *body = json_pack("{s:{s:s,s:s,s:s}, s:{s:s,s:s,s:s}, s:[s], s:s}", "problem", "name", "act", "path",
                             "p.yaml", "yaml", PROBLEM_YAML, "kernel", "path", "k.yaml", "yaml", KERNEL_YAML("one", ""),
                             "source", KERNEL_SOURCE, "targets", "alpha", "size", "small");
    struct submission *s = submission_from_try(body, NULL, 0, &err);
    if (!s) fail_msg("%s", err.text);
    must(plan_submit(f->core, s, true, &tried, &err), &err);
    submission_free(s);
    json_decref(body);
    assert_int_equal(fixture_settle(f, &task), 1); /* beyond the window */
    assert_string_equal(task.campaign, tried.campaign);
    assert_string_equal(task.purpose, "try");
    fixture_report(f, &task, "verdict", "correct");
    rec_task_done(&task);
    assert_int_equal(fixture_settle(f, NULL), 0);
    assert_int_equal(core_campaign(f->core, tried.campaign)->row.state, CAMPAIGN_COMPLETE);
    struct attempt *first = busy->tasks[0]->attempts;
    must(attempt_returned(f->core, first, "test", &err), &err);
    int64_t cancelled = 0;
    must(campaign_cancel(f->core, busy->tasks[0]->campaign, "test", &cancelled, &err), &err);
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_string_equal(task.campaign, high.campaign);
    rec_task_done(&task);
}

/* --- leases ----------------------------------------------------------------------------------- */
static void a_lapsed_lease_queues_the_task_on_another_device_and_the_late_result_is_superseded(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task first, second;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &first), 1);
    fixture_beat(f, "n1", "i1", first.attempt_id, "running");
    assert_int_equal(c->tasks[0]->row.state, TASK_RUNNING);
    assert_string_equal(c->tasks[0]->phase, "verify");
    fixture_join(f, "n2", "i2", "alpha");
    for (int i = 0; i < 30; i++) {
        fixture_ticks(f, 1, 1000);
        fixture_beat(f, "n2", "i2", NULL, NULL);
    }
    assert_int_equal(c->tasks[0]->row.state, TASK_RUNNING);
    fixture_ticks(f, 1, 1000);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    assert_int_equal(c->tasks[0]->row.failures, 1);
    assert_int_equal(core_node(f->core, "n1")->row.presence, NODE_ABSENT);
    f->mono_ms += 2000; /* back-off */
    f->core->schedule_wanted = true;
    assert_int_equal(fixture_settle(f, &second), 1);
    assert_string_equal(second.node, "n2");
    assert_string_equal(second.attempt_id + 32, ".2");
    fixture_report(f, &second, "verdict", "correct");
    assert_int_equal(c->tasks[0]->row.state, TASK_DONE);
    fixture_report(f, &first, "verdict", "wrong_output");
    struct row_attempt row;
    must(store_attempt_get(f->core->store, first.task_id, 1, &row, &err), &err);
    assert_int_equal(row.state, ATTEMPT_SUPERSEDED);
    assert_string_equal(c->tasks[0]->result->verdict, "correct");
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 1);
    rec_task_done(&first);
    rec_task_done(&second);
}

static void the_first_result_counts_even_when_its_lease_had_lapsed(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_ticks(f, 31, 1000);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(c->tasks[0]->row.state, TASK_DONE);
    assert_string_equal(c->tasks[0]->result->result_id, task.attempt_id);
    rec_task_done(&task);
}

static void an_attempt_that_is_heard_again_goes_on_while_nobody_else_has_the_task(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_ticks(f, 31, 1000);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    fixture_beat(f, "n1", "i1", task.attempt_id, "running");
    assert_int_equal(c->tasks[0]->row.state, TASK_RUNNING);
    assert_int_equal(core_device(f->core, "n1", "dev0")->held, 1);
    assert_int_equal(fixture_settle(f, NULL), 0);
    rec_task_done(&task);
}

static void an_attempt_that_falls_silent_and_comes_back_any_number_of_times_has_not_failed(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_beat(f, "n1", "i1", task.attempt_id, "running");
    for (int i = 0; i < ATTEMPTS_MAX + 1; i++) {
        fixture_ticks(f, 31, 1000);
        assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
        assert_int_equal(c->tasks[0]->row.failures, 1);
        fixture_beat(f, "n1", "i1", task.attempt_id, "running");
        assert_int_equal(c->tasks[0]->row.state, TASK_RUNNING);
        assert_int_equal(c->tasks[0]->row.failures, 0);
    }
    rec_task_done(&task);
}

static void a_gap_costs_no_lease(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, NULL), 1);
    fixture_ticks(f, 29, 1000);
    int64_t round = 0;
    bool gap = false;
    struct error err = ERROR_INIT;
    f->mono_ms += 1000;
    assert_true(lease_clock_begin(&f->core->lease, f->mono_ms, &round));
    f->mono_ms += 600000; /* ten minutes without a broker */
    assert_true(lease_clock_read(&f->core->lease, 0, round, f->mono_ms, &gap));
    assert_true(gap);
    must(nodes_on_lease_time(f->core, gap, &err), &err);
    fixture_ticks(f, 29, 1000);
    assert_int_equal(c->tasks[0]->row.state, TASK_PUBLISHED);
}

static void after_a_restart_leases_are_full_and_the_attempt_goes_on(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    char id[CAMPAIGN_ID_SIZE];
    strcpy(id, c->row.id);
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_ticks(f, 29, 1000);
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    must(nodes_on_link(f->core, false, &err), &err);
    c = core_campaign(f->core, id);
    assert_int_equal(c->tasks[0]->row.state, TASK_PUBLISHED);
    assert_int_equal(fixture_settle(f, NULL), 0);
    fixture_ticks(f, 29, 1000);
    assert_int_equal(c->tasks[0]->row.state, TASK_PUBLISHED);
    fixture_report(f, &task, "verdict", "correct"); /* of the epoch before: still welcome */
    assert_int_equal(c->tasks[0]->row.state, TASK_DONE);
    rec_task_done(&task);
}

/* --- failures --------------------------------------------------------------------------------- */
static void infrastructure_failures_go_to_another_device_and_after_three_the_task_is_given_up(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_join(f, "n2", "i2", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    char where[3][64];
    for (int i = 0; i < 3; i++) {
        struct rec_task task;
        f->mono_ms += 120000;
        f->core->schedule_wanted = true;
        assert_int_equal(fixture_settle(f, &task), 1);
        snprintf(where[i], sizeof where[i], "%s", task.node);
        fixture_report(f, &task, "infrastructure", NULL);
        rec_task_done(&task);
    }
    assert_string_not_equal(where[0], where[1]);
    assert_int_equal(c->tasks[0]->row.state, TASK_GAVE_UP);
    assert_int_equal(c->row.exit_status, 1);
    assert_string_equal(c->tasks[0]->result->outcome, "gave_up");
    assert_null(c->tasks[0]->result->verdict);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 1);
    assert_int_equal(fixture_outbox_count(f, TOPIC_DEADLETTER, NULL), 1);
}

static void a_busy_machine_sends_the_task_back_without_counting(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    for (int i = 0; i < 5; i++) {
        struct rec_task task;
        f->mono_ms += 120000;
        f->core->schedule_wanted = true;
        assert_int_equal(fixture_settle(f, &task), 1);
        assert_int_equal(task.busy_left, BUSY_MAX - i); /* the node knows how much patience there is */
        fixture_report(f, &task, "infrastructure", "machine busy: 12 % foreign load");
        rec_task_done(&task);
    }
    char why[WHY_SIZE];
    task_why(f->core, c->tasks[0], why);
    assert_non_null(strstr(why, "verified; waits "));
    assert_non_null(
        strstr(why, "for a quieter machine to be timed on: machine busy: 12 % foreign load (on n1, time 5)"));
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    assert_int_equal(c->tasks[0]->row.failures, 0);
    assert_int_equal(c->tasks[0]->row.busy, 5);
}

static void a_new_incarnation_takes_over_and_what_never_ran_does_not_count(void **state) {
    struct fixture *f = *state;
    struct rec_task one, two;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *a = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &one), 1);
    struct campaign *b = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &two), 1);
    fixture_beat(f, "n1", "i1", one.attempt_id, "running");
    fixture_join(f, "n1", "i2", "alpha");
    assert_int_equal(a->tasks[0]->row.failures, 1);
    assert_int_equal(b->tasks[0]->row.failures, 0);
    f->mono_ms += 5000;
    f->core->schedule_wanted = true;
    assert_int_equal(fixture_settle(f, NULL), 2);
    assert_int_equal(core_device(f->core, "n1", "dev0")->held, 2);
    fixture_beat(f, "n1", "i1", one.attempt_id, "running"); /* the old one does not matter any more */
    assert_int_equal(a->tasks[0]->row.state, TASK_PUBLISHED);
    rec_task_done(&one);
    rec_task_done(&two);
}

static void what_cannot_be_delivered_is_queued_again_and_does_not_count(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    must(schedule_tasks(f->core, &err), &err);
    char name[64];
    snprintf(name, sizeof name, "%s.1", c->tasks[0]->row.id);
    must(attempt_on_delivery(f->core, name, ERR_TIMEOUT, "no broker", &err), &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    assert_int_equal(c->tasks[0]->row.failures, 0);
    assert_int_equal(core_device(f->core, "n1", "dev0")->held, 0);
}

static void a_target_whose_devices_stay_away_gives_its_tasks_up(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    f->core->config.absent_ms = 60000;
    f->core->config.window = 0; /* nothing is handed out */
    struct campaign *c = fixture_submit(f, "[alpha]");
    fixture_ticks(f, 85, 1000);
    must(schedule_give_up_absent(f->core, &err), &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    fixture_ticks(f, 10, 1000);
    must(schedule_give_up_absent(f->core, &err), &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_GAVE_UP);
}

static void a_device_that_leaves_its_nodes_inventory_has_time_to_come_back(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    f->core->config.absent_ms = 60000;
    f->core->config.window = 0;
    struct campaign *c = fixture_submit(f, "[alpha]");
    for (int i = 0; i < 100; i++) {
        fixture_beat(f, "n1", "i1", NULL, NULL);
        fixture_ticks(f, 1, 1000);
        must(schedule_give_up_absent(f->core, &err), &err);
    }
    fixture_join(f, "n1", "i1", "beta"); /* alpha is no longer among its devices */
    fixture_ticks(f, 1, 1000);
    must(schedule_give_up_absent(f->core, &err), &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    fixture_ticks(f, 60, 1000);
    must(schedule_give_up_absent(f->core, &err), &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_GAVE_UP);
}

/* --- cancel ----------------------------------------------------------------------------------- */
static void cancel_revokes_and_a_result_that_comes_all_the_same_is_ignored(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    int64_t cancelled = 0;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    must(campaign_cancel(f->core, c, "changed my mind", &cancelled, &err), &err);
    assert_int_equal(cancelled, 1);
    size_t n = 0;
    struct effect *effects = core_take_effects(f->core, &n);
    assert_int_equal(n, 1);
    struct rec_command command;
    must(codec_decode_as(f->core->codec, effects[0].value, effects[0].len, &rec_command_desc, &command, &err), &err);
    assert_string_equal(command.command, "cancel");
    assert_string_equal(command.attempt_id, task.attempt_id);
    rec_command_done(&command);
    effect_done(&effects[0]);
    free(effects);
    fixture_report(f, &task, "verdict", "correct");
    assert_int_equal(c->tasks[0]->row.state, TASK_CANCELLED);
    assert_string_equal(c->tasks[0]->result->outcome, "cancelled");
    assert_int_equal(c->row.state, CAMPAIGN_CANCELLED);
    assert_int_equal(c->row.exit_status, 16);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 1);
    assert_int_equal(campaign_cancel(f->core, c, "again", &cancelled, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    /* A node that still runs it is told again. */
    fixture_beat(f, "n1", "i1", task.attempt_id, "running");
    effects = core_take_effects(f->core, &n);
    assert_int_equal(n, 1);
    effect_done(&effects[0]);
    free(effects);
    rec_task_done(&task);
}

static void a_new_cluster_queues_open_attempts_again_without_counting(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_beat(f, "n1", "i1", task.attempt_id, "running");
    must(nodes_on_link(f->core, true, &err), &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    assert_int_equal(c->tasks[0]->row.failures, 0);
    assert_int_equal(fixture_settle(f, NULL), 0);
    fixture_join(f, "n1", "i9", "alpha");
    assert_int_equal(fixture_settle(f, NULL), 1);
    rec_task_done(&task);
}

static void why_says_what_a_task_waits_for(void **state) {
    struct fixture *f = *state;
    char why[WHY_SIZE];
    fixture_join(f, "n1", "i1", "alpha");
    f->core->config.window = 1;
    struct campaign *c = fixture_submit(f, "[alpha]"), *d = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, NULL), 1);
    task_why(f->core, c->tasks[0], why);
    assert_string_equal(why, "in the mailbox of n1 for dev0, not begun");
    task_why(f->core, d->tasks[0], why);
    assert_string_equal(why, "all 1 devices of alpha are busy");
    f->core->linked = false;
    task_why(f->core, d->tasks[0], why);
    assert_string_equal(why, "the broker is away");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_node_gets_tasks_only_after_its_handshake),
        T(a_task_record_holds_everything_that_the_agent_needs),
        T(wrong_node_records_are_refused_and_change_nothing),
        T(a_node_known_from_the_store_must_be_heard_before_it_gets_tasks),
        T(a_device_holds_no_more_than_its_window_and_the_emptiest_is_served_first),
        T(priority_goes_before_order_and_a_try_before_everything),
        T(a_lapsed_lease_queues_the_task_on_another_device_and_the_late_result_is_superseded),
        T(the_first_result_counts_even_when_its_lease_had_lapsed),
        T(an_attempt_that_is_heard_again_goes_on_while_nobody_else_has_the_task),
        T(an_attempt_that_falls_silent_and_comes_back_any_number_of_times_has_not_failed),
        T(a_gap_costs_no_lease),
        T(after_a_restart_leases_are_full_and_the_attempt_goes_on),
        T(infrastructure_failures_go_to_another_device_and_after_three_the_task_is_given_up),
        T(a_busy_machine_sends_the_task_back_without_counting),
        T(a_new_incarnation_takes_over_and_what_never_ran_does_not_count),
        T(what_cannot_be_delivered_is_queued_again_and_does_not_count),
        T(a_target_whose_devices_stay_away_gives_its_tasks_up),
        T(a_device_that_leaves_its_nodes_inventory_has_time_to_come_back),
        T(cancel_revokes_and_a_result_that_comes_all_the_same_is_ignored),
        T(a_new_cluster_queues_open_attempts_again_without_counting),
        T(why_says_what_a_task_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
