/* Failures in a row, probation, quarantine and its end; poison tasks. */
#include "coordinator/schedule/service.h"
#include "tests/unit/coordinator/health.h"

static struct taken taken;

static const char *const n1[] = {"n1", NULL}, *const n1n2[] = {"n1", "n2", NULL},
                         *const all4[] = {"n1", "n2", "n3", "n4", NULL};

/* Gives one task out to `node` and lets it fail there; the others' attempts are answered with a verdict. */
static void one_failure(struct fixture *f, const char *reason) {
    submit_tasks(f, 1, "[alpha]", NULL);
    take(f, &taken);
    assert_true(taken.task_count >= 1);
    fixture_report(f, &taken.tasks[0], "infrastructure", reason);
    for (size_t i = 1; i < taken.task_count; i++) fixture_report(f, &taken.tasks[i], "verdict", "correct");
}

/* --- counting --------------------------------------------------------------------------------- */
static void three_failures_in_a_row_quarantine_a_node_of_one_device_and_say_why(void **state) {
    struct fixture *f = *state;
    char reason[600];
    joins(f, "n1", "i1", "alpha", 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
        one_failure(f, "driver error -5");
    }
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    node_service_reason(f->core, core_node(f->core, "n1"), reason, sizeof reason);
    assert_non_null(strstr(reason, "for 10 s more: 3 failures in a row, last: driver error -5 on task "));
    assert_non_null(strstr(reason, " on dev0 (2026-"));
    take(f, &taken);
    assert_string_equal(last_desired(&taken, "n1"), "quarantined");
    assert_non_null(strstr(taken.desired[taken.desired_count - 1].reason, "driver error -5"));
    assert_int_equal(taken.task_count, 0);
    assert_int_equal(f->core->metrics.quarantines, 1);
}

static void a_verdict_between_begins_the_count_anew(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    for (int i = 0; i < 5; i++) {
        one_failure(f, "driver error -5");
        one_failure(f, "driver error -5");
        submit_tasks(f, 1, "[alpha]", NULL);
        take(f, &taken);
        assert_int_equal(taken.task_count, 1);
        fixture_report(f, &taken.tasks[0], "verdict", "wrong_output"); /* the kernel's fault: the device works */
        assert_int_equal(health_of(f, "n1", "")->row.streak, 0);
        assert_int_equal(health_of(f, "n1", "dev0")->row.streak, 0);
    }
    assert_int_equal(f->core->metrics.quarantines, 0);
}

static void a_busy_machine_and_a_result_that_cannot_be_kept_count_against_nobody(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    for (int i = 0; i < 4; i++) one_failure(f, "machine busy: 12 % foreign load");
    assert_int_equal(health_of(f, "n1", "")->row.streak, 0);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
}

static void one_bad_device_is_quarantined_alone_and_its_node_goes_on(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 2);
    struct rec_node *node = node_of("n1", "i1", "ready", "alpha", 2, 1);
    rec_set(&node->devices.items[1].target, "beta");
    says(f, node);
    for (int i = 0; i < 3; i++) one_failure(f, "driver error -5");
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
    assert_int_equal(device_service(core_device(f->core, "n1", "dev0")), SERVICE_QUARANTINED);
    assert_int_equal(device_service(core_device(f->core, "n1", "dev1")), SERVICE_IN_SERVICE);
    submit_tasks(f, 2, "[alpha]", NULL);
    submit_tasks(f, 2, "[beta]", NULL);
    take(f, &taken);
    assert_int_equal(taken.task_count, 1); /* one at a time: the node is on probation */
    assert_string_equal(taken.tasks[0].device, "dev1");
    fixture_report(f, &taken.tasks[0], "infrastructure", "driver error -5"); /* now it is not the device alone */
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
}

/* --- probation -------------------------------------------------------------------------------- */
static void a_bad_node_causes_three_failures_in_all_and_one_of_each_task(void **state) {
    struct fixture *f = *state;
    struct campaign *campaigns[200];
    f->config.window = f->core->config.window = 128;
    joins(f, "n1", "i1", "alpha", 8);
    joins(f, "n2", "i2", "alpha", 8);
    submit_tasks(f, 200, "[alpha]", campaigns);
    int failures = 0, given = 0;
    for (int round = 0; round < 100; round++) {
        take(f, &taken);
        for (size_t i = 0; i < taken.task_count; i++) {
            bool bad = strcmp(taken.tasks[i].node, "n1") == 0;
            given += bad;
            int64_t before = f->core->metrics.attempts[ATTEMPT_FAILED];
            fixture_report(f, &taken.tasks[i], bad ? "infrastructure" : "verdict", bad ? "driver error -5" : "correct");
            failures += f->core->metrics.attempts[ATTEMPT_FAILED] > before;
        }
        f->mono_ms += 2000;
        f->core->schedule_wanted = true;
    }
    assert_int_equal(failures, 3);
    assert_int_equal(given, 3); /* of its 1024 slots */
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(campaigns[i]->tasks[0]->row.state, TASK_DONE);
        assert_true(campaigns[i]->tasks[0]->row.failures <= 1);
    }
}

static void a_node_that_turns_bad_with_full_mailboxes_is_stopped_at_three(void **state) {
    struct fixture *f = *state;
    f->config.window = f->core->config.window = 128;
    joins(f, "n1", "i1", "alpha", 2);
    submit_tasks(f, 1, "[alpha]", NULL);
    take(f, &taken);
    fixture_report(f, &taken.tasks[0], "verdict", "correct"); /* proven: its windows are open */
    submit_tasks(f, 100, "[alpha]", NULL);
    static struct taken full;
    take(f, &full);
    /* The second device is not proven yet. */
    assert_int_equal(full.task_count, 100);
    for (size_t i = 0; i < full.task_count; i++) fixture_report(f, &full.tasks[i], "infrastructure", "driver error -5");
    take(f, &taken);
    assert_int_equal(f->core->metrics.attempts[ATTEMPT_FAILED], 3);
    assert_int_equal(f->core->metrics.attempts[ATTEMPT_REVOKED], 97);
    size_t cancels = 0;
    for (size_t i = 0; i < taken.command_count; i++) cancels += strcmp(taken.commands[i].command, "cancel") == 0;
    assert_int_equal(cancels, 97);
    assert_int_equal(node_held(core_node(f->core, "n1")), 0);
    taken_done(&full);
}

static void a_new_incarnation_is_on_probation_again(void **state) {
    struct fixture *f = *state;
    f->config.window = f->core->config.window = 10;
    joins(f, "n1", "i1", "alpha", 1);
    submit_tasks(f, 20, "[alpha]", NULL);
    take(f, &taken);
    assert_int_equal(taken.task_count, 3);
    fixture_report(f, &taken.tasks[0], "verdict", "correct");
    take(f, &taken);
    assert_int_equal(taken.task_count, 8);
    joins(f, "n1", "i2", "alpha", 1);
    take(f, &taken);
    assert_int_equal(taken.task_count, 2); /* that it fell with eight in its hands is one failure */
}

/* --- the end of a quarantine ------------------------------------------------------------------ */
static void quarantine_n1(struct fixture *f) {
    for (int i = 0; i < 10 && !core_node(f->core, "n1")->health->row.quarantined; i++)
        one_failure(f, "driver error -5");
    assert_true(core_node(f->core, "n1")->health->row.quarantined);
}

static size_t checks_asked(const struct taken *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->command_count; i++) n += strcmp(t->commands[i].command, "health_check") == 0;
    return n;
}

static void after_the_back_off_a_passed_check_lifts_it_and_none_before(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    quarantine_n1(f);
    time_passes(f, 9, n1);
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 2)); /* too early */
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 0);
    time_passes(f, 1, n1);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 1);
    assert_string_equal(taken.commands[0].node, "n1");
    assert_string_equal(taken.commands[0].incarnation, "i1");
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 2)); /* a repeated record: no new check */
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 3));
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
    take(f, &taken);
    assert_string_equal(last_desired(&taken, "n1"), "in_service");
    assert_int_equal(taken.task_count, 1); /* on probation: one at a time */
}

static void a_check_that_is_not_answered_is_asked_for_again(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    quarantine_n1(f);
    time_passes(f, 10, n1);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 1);
    time_passes(f, 29, n1);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 0);
    time_passes(f, 2, n1);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 1);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
}

static void the_back_off_doubles_up_to_ten_minutes_and_a_success_ends_that(void **state) {
    struct fixture *f = *state;
    static const int expected[] = {10, 20, 40, 80, 160, 320, 600, 600};
    int64_t checks = 1;
    joins(f, "n1", "i1", "alpha", 1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        quarantine_n1(f);
        assert_int_equal(health_left_ms(f->core, core_node(f->core, "n1")->health), expected[i] * 1000);
        take(f, &taken);
        time_passes(f, expected[i], n1);
        take(f, &taken);
        says(f, node_of("n1", "i1", "ready", "alpha", 1, ++checks));
        assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
    }
    submit_tasks(f, 1, "[alpha]", NULL);
    take(f, &taken);
    fixture_report(f, &taken.tasks[0], "verdict", "correct");
    quarantine_n1(f);
    assert_int_equal(health_left_ms(f->core, core_node(f->core, "n1")->health), 10000);
}

static void the_back_off_stands_still_while_lease_time_does(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    quarantine_n1(f);
    f->mono_ms += 3600000;
    f->wall_ms += 3600000;
    assert_int_equal(health_left_ms(f->core, core_node(f->core, "n1")->health), 10000);
}

static void an_agent_that_counts_no_checks_is_tried_again_after_the_back_off(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    quarantine_n1(f);
    time_passes(f, 9, n1);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    time_passes(f, 1, n1);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
}

static void the_check_of_a_new_agent_counts_once_the_back_off_is_over(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    quarantine_n1(f);
    joins(f, "n1", "i2", "alpha", 1);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    time_passes(f, 10, n1);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 1);
    joins(f, "n1", "i3", "alpha", 1);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
}

static void a_quarantined_device_that_fails_its_check_comes_back_when_it_passes(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    quarantine_n1(f);
    struct rec_node *failing = node_of("n1", "i1", "ready", "alpha", 1, 1);
    struct rec_failing_device *device = rec_list_failing_device_push(&failing->failing);
    rec_set(&device->id, "dev0");
    rec_set(&device->target, "alpha");
    rec_device_done(&failing->devices.items[0]);
    failing->devices.count = 0;
    says(f, failing);
    time_passes(f, 10, n1);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 1); /* of the node: whatever it has */
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 2));
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
}

static void quarantine_and_failures_outlive_a_restart_of_the_coordinator(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    joins(f, "n1", "i1", "alpha", 1);
    one_failure(f, "driver error -5");
    one_failure(f, "driver error -5");
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    must(nodes_on_link(f->core, false, &err), &err);
    fixture_beat(f, "n1", "i1", NULL, NULL);
    one_failure(f, "driver error -5"); /* the third */
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    must(nodes_on_link(f->core, false, &err), &err);
    fixture_beat(f, "n1", "i1", NULL, NULL);
    take(f, &taken);
    assert_string_equal(last_desired(&taken, "n1"), "quarantined");
    assert_int_equal(taken.task_count, 0);
    assert_int_equal(health_left_ms(f->core, core_node(f->core, "n1")->health), 10000); /* in full again */
    time_passes(f, 10, n1);
    take(f, &taken);
    assert_int_equal(checks_asked(&taken), 1);
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 2));
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
}

static void an_operator_lifts_it_by_force_only(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    joins(f, "n1", "i1", "alpha", 1);
    quarantine_n1(f);
    assert_int_equal(node_act(f->core, "n1", NODE_RESUME, NULL, false, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_non_null(strstr(err.text, "portolan node resume n1 --force"));
    must(node_act(f->core, "n1", NODE_RESUME, NULL, true, &err), &err);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
    assert_int_equal(health_of(f, "n1", "")->row.streak, 0);
}

/* --- lost nodes ------------------------------------------------------------------------------- */
static void three_agents_lost_in_a_row_quarantine_the_node_and_each_counts_once(void **state) {
    struct fixture *f = *state;
    char incarnation[8];
    joins(f, "n1", "i0", "alpha", 2);
    for (int i = 0; i < 3; i++) {
        snprintf(incarnation, sizeof incarnation, "i%d", i);
        assert_int_equal(health_of(f, "n1", "")->row.streak, i);
        submit_tasks(f, 2, "[alpha]", NULL);
        take(f, &taken);
        for (size_t k = 0; k < taken.task_count; k++)
            fixture_beat(f, "n1", incarnation, taken.tasks[k].attempt_id, "running");
        snprintf(incarnation, sizeof incarnation, "i%d", i + 1);
        joins(f, "n1", incarnation, "alpha", 2);
        f->mono_ms += 120000;
        f->core->schedule_wanted = true;
    }
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    assert_int_equal(health_of(f, "n1", "dev0")->row.streak, 0);
}

static void a_silent_node_counts_once_however_much_it_ran(void **state) {
    struct fixture *f = *state;
    static const char *const only2[] = {"n2", NULL};
    joins(f, "n1", "i1", "alpha", 2);
    submit_tasks(f, 2, "[alpha]", NULL);
    take(f, &taken);
    joins(f, "n2", "i2", "alpha", 2);
    assert_int_equal(taken.task_count, 2);
    for (size_t k = 0; k < 2; k++) fixture_beat(f, "n1", "i1", taken.tasks[k].attempt_id, "running");
    time_passes(f, 31, only2);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_ABSENT);
    assert_int_equal(f->core->metrics.lapses, 2);
    assert_int_equal(health_of(f, "n1", "")->row.streak, 1);
    joins(f, "n1", "i9", "alpha", 2);
    assert_int_equal(health_of(f, "n1", "")->row.streak, 1);
}

/* --- poison ----------------------------------------------------------------------------------- */
static void a_task_that_fails_on_three_nodes_is_a_dead_letter_and_they_are_not_to_blame(void **state) {
    struct fixture *f = *state;
    for (int i = 0; all4[i]; i++) joins(f, all4[i], "i1", "alpha", 2);
    struct campaign *poison = fixture_submit(f, "[alpha]");
    char seen[3][64];
    for (int i = 0; i < 3; i++) {
        take(f, &taken);
        assert_int_equal(taken.task_count, 1);
        snprintf(seen[i], sizeof seen[i], "%s", taken.tasks[0].node);
        fixture_report(f, &taken.tasks[0], "infrastructure", "the runner was killed");
        if (i < 2) assert_int_equal(health_of(f, seen[i], "")->row.streak, 1);
        f->mono_ms += 120000;
        f->core->schedule_wanted = true;
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < i; k++) assert_string_not_equal(seen[i], seen[k]);
    assert_int_equal(poison->tasks[0]->row.state, TASK_GAVE_UP);
    assert_non_null(strstr(poison->tasks[0]->row.reason, "poison: it failed on 3 nodes"));
    assert_int_equal(fixture_outbox_count(f, TOPIC_DEADLETTER, NULL), 1);
    for (int i = 0; all4[i]; i++) {
        assert_int_equal(health_of(f, all4[i], "")->row.streak, 0);
        assert_int_equal(health_of(f, all4[i], "dev0")->row.streak, 0);
        assert_int_equal(health_of(f, all4[i], "dev1")->row.streak, 0);
        assert_int_equal(node_service(core_node(f->core, all4[i])), SERVICE_IN_SERVICE);
    }
}

static void a_quarantine_that_rests_on_a_poison_task_is_lifted(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    joins(f, "n1", "i1", "alpha", 1);
    one_failure(f, "driver error -5");
    one_failure(f, "driver error -5");
    struct campaign *poison = fixture_submit(f, "[alpha]");
    take(f, &taken);
    assert_string_equal(taken.tasks[0].task_id, poison->tasks[0]->row.id);
    fixture_report(f, &taken.tasks[0], "infrastructure", "the runner was killed");
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_QUARANTINED);
    must(health_pardon(f->core, poison->tasks[0]->row.id, &err), &err);
    assert_int_equal(node_service(core_node(f->core, "n1")), SERVICE_IN_SERVICE);
    assert_int_equal(health_of(f, "n1", "")->row.streak, 2); /* what others did stays */
    assert_int_equal(health_of(f, "n1", "")->row.rounds, 0);
}

static void a_task_that_kills_agents_is_poison_too(void **state) {
    struct fixture *f = *state;
    char next[8];
    for (int i = 0; i < 3; i++) joins(f, all4[i], "i1", "alpha", 1);
    struct campaign *poison = fixture_submit(f, "[alpha]");
    for (int i = 0; i < 3; i++) {
        take(f, &taken);
        assert_int_equal(taken.task_count, 1);
        char node[64];
        snprintf(node, sizeof node, "%s", taken.tasks[0].node);
        fixture_beat(f, node, taken.tasks[0].incarnation, taken.tasks[0].attempt_id, "running");
        snprintf(next, sizeof next, "j%d", i);
        joins(f, node, next, "alpha", 1);
        f->mono_ms += 120000;
        f->core->schedule_wanted = true;
    }
    assert_int_equal(poison->tasks[0]->row.state, TASK_GAVE_UP);
    for (int i = 0; i < 3; i++) assert_int_equal(health_of(f, all4[i], "")->row.streak, 0);
}

/* Its node is gone before a heartbeat says that it runs; what only waited behind it is not counted. */
static void a_task_that_kills_agents_at_once_is_poison_too(void **state) {
    struct fixture *f = *state;
    char next[16];
    for (int i = 0; i < 3; i++) joins(f, all4[i], "i1", "alpha", 1);
    struct campaign *poison = fixture_submit(f, "[alpha]");
    take(f, &taken);
    for (int i = 0; i < 3; i++) {
        char node[LABEL_SIZE];
        assert_non_null(poison->tasks[0]->attempts); /* there is no back-off: it is out again */
        snprintf(node, sizeof node, "%s", poison->tasks[0]->attempts->row.node);
        snprintf(next, sizeof next, "j%d", i);
        joins(f, node, next, "alpha", 1);
    }
    assert_int_equal(poison->tasks[0]->row.state, TASK_GAVE_UP);
    for (int i = 0; i < 3; i++) assert_int_equal(health_of(f, all4[i], "")->row.streak, 0);
}

static void what_waited_behind_the_first_is_not_counted(void **state) {
    struct fixture *f = *state;
    int failures = 0;
    joins(f, "n1", "i1", "alpha", 1);
    struct campaign *c[3];
    submit_tasks(f, 3, "[alpha]", c);
    take(f, &taken);
    assert_true(taken.task_count >= 2);
    joins(f, "n1", "i2", "alpha", 1);
    for (int i = 0; i < 3; i++) failures += c[i]->tasks[0]->row.failures;
    assert_int_equal(failures, 1);
    assert_string_equal(c[0]->tasks[0]->row.avoid, "n1/dev0");
}

static void with_fewer_nodes_three_attempts_are_all_there_are(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    joins(f, "n2", "i1", "alpha", 1);
    struct campaign *c = fixture_submit(f, "[alpha]");
    for (int i = 0; i < 3; i++) {
        take(f, &taken);
        assert_int_equal(taken.task_count, 1);
        fixture_report(f, &taken.tasks[0], "infrastructure", "the runner was killed");
        time_passes(f, 8, n1n2);
        f->core->schedule_wanted = true;
    }
    assert_int_equal(c->tasks[0]->row.state, TASK_GAVE_UP);
    assert_int_equal(health_of(f, "n1", "")->row.streak + health_of(f, "n2", "")->row.streak, 3);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(three_failures_in_a_row_quarantine_a_node_of_one_device_and_say_why),
        T(a_verdict_between_begins_the_count_anew),
        T(a_busy_machine_and_a_result_that_cannot_be_kept_count_against_nobody),
        T(one_bad_device_is_quarantined_alone_and_its_node_goes_on),
        T(a_bad_node_causes_three_failures_in_all_and_one_of_each_task),
        T(a_node_that_turns_bad_with_full_mailboxes_is_stopped_at_three),
        T(a_new_incarnation_is_on_probation_again),
        T(after_the_back_off_a_passed_check_lifts_it_and_none_before),
        T(a_check_that_is_not_answered_is_asked_for_again),
        T(the_back_off_doubles_up_to_ten_minutes_and_a_success_ends_that),
        T(the_back_off_stands_still_while_lease_time_does),
        T(an_agent_that_counts_no_checks_is_tried_again_after_the_back_off),
        T(the_check_of_a_new_agent_counts_once_the_back_off_is_over),
        T(a_quarantined_device_that_fails_its_check_comes_back_when_it_passes),
        T(quarantine_and_failures_outlive_a_restart_of_the_coordinator),
        T(an_operator_lifts_it_by_force_only),
        T(three_agents_lost_in_a_row_quarantine_the_node_and_each_counts_once),
        T(a_silent_node_counts_once_however_much_it_ran),
        T(a_task_that_fails_on_three_nodes_is_a_dead_letter_and_they_are_not_to_blame),
        T(a_quarantine_that_rests_on_a_poison_task_is_lifted),
        T(a_task_that_kills_agents_is_poison_too),
        T(a_task_that_kills_agents_at_once_is_poison_too),
        T(what_waited_behind_the_first_is_not_counted),
        T(with_fewer_nodes_three_attempts_are_all_there_are),
    };
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    taken_done(&taken);
    return status;
}
