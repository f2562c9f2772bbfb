/* Deadlines, time in the queue, silence, and cancelling one task. */
#include "coordinator/clocks.h"
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/limits.h"
#include "tests/unit/coordinator/fixture.h"

#define FILE_HEAD "campaign: c\nproblems: [act]\ntargets: [alpha]\nsize: small\nkernels: ['*.yaml']\n"

static struct campaign *submit(struct fixture *f, const char *rest, size_t kernels) {
    static const char *const yaml[] = {KERNEL_YAML("one", ""), KERNEL_YAML("two", "")};
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    CLEANUP_FREE char *text = xasprintf(FILE_HEAD "%s", rest);
    must(fixture_try_submit(f, text, yaml, kernels, &summary, &err), &err);
    return core_campaign(f->core, summary.campaign);
}

/* `seconds` with the link up: ticks, and heartbeats of n1. */
static void pass(struct fixture *f, int seconds, const char *attempt) {
    struct error err = ERROR_INIT;
    for (int i = 0; i < seconds; i++) {
        fixture_ticks(f, 1, 1000);
        fixture_beat(f, "n1", "i1", attempt, "running");
        must(limits_check(f->core, &err), &err);
    }
}

static const char *result_text(const struct task *task) {
    assert_non_null(task->result);
    return task->result->evidence;
}

static void at_the_deadline_everything_that_has_not_ended_is_given_up_and_what_runs_is_revoked(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    struct error err = ERROR_INIT;
    f->core->config.window = 1;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, "deadline: 1h\n", 2), *open = submit(f, "", 1);
    assert_int_equal(fixture_settle(f, &sent), 1);
    fixture_beat(f, "n1", "i1", sent.attempt_id, "running");
    f->wall_ms += 7200000; /* a clock that jumps changes nothing */
    must(limits_check(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_RUNNING], 1);
    f->mono_ms += 3599000;
    must(limits_check(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_RUNNING], 1);
    f->mono_ms += 1000;
    must(limits_check(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_GAVE_UP], 2);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->row.exit_status, 1);
    assert_string_equal(result_text(c->tasks[0]),
                        "deadline passed: 3600 s after submission, `deadline` at c.yaml:6:11");
    struct row_attempt row;
    must(store_attempt_get(f->core->store, sent.task_id, 1, &row, &err), &err);
    assert_int_equal(row.state, ATTEMPT_REVOKED);
    size_t n = 0, cancels = 0;
    struct effect *effects = core_take_effects(f->core, &n);
    for (size_t i = 0; i < n; i++) {
        cancels += effects[i].kind == EFFECT_SEND && strcmp(effects[i].topic, "tasks.n1") == 0 && !effects[i].attempt;
        effect_done(&effects[i]);
    }
    free(effects);
    assert_int_equal(cancels, 1);
    fixture_report(f, &sent, "verdict", "correct"); /* too late */
    assert_string_equal(c->tasks[0]->result->outcome, "gave_up");
    assert_int_equal(open->counts[TASK_GAVE_UP], 0);
    rec_task_done(&sent);
}

static void the_deadline_counts_over_a_restart_without_the_time_between(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct campaign *c = submit(f, "deadline: 100s\n", 1);
    char id[CAMPAIGN_ID_SIZE];
    strcpy(id, c->row.id);
    f->mono_ms += 60000;
    must(clocks_save(f->core, &err), &err);
    must(store_commit(f->core->store, &err), &err);
    f->mono_ms += 1000000; /* nobody runs */
    fixture_crash(f);
    fixture_join(f, "n1", "i1", "alpha");
    must(limits_check(f->core, &err), &err);
    c = core_campaign(f->core, id);
    assert_int_equal(c->counts[TASK_GAVE_UP], 0);
    f->mono_ms += 41000;
    must(limits_check(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_GAVE_UP], 1);
}

static void a_task_waits_no_longer_in_the_queue_than_its_limit_while_there_is_a_link(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    struct error err = ERROR_INIT;
    f->core->config.window = 1;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, "limits: {queue: 20s}\n", 2), *other = submit(f, "", 1);
    assert_int_equal(fixture_settle(f, &sent), 1);
    pass(f, 19, sent.attempt_id);
    assert_int_equal(c->counts[TASK_QUEUED], 1);
    f->mono_ms += 3600000; /* the broker is away: no ticks */
    must(limits_check(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_QUEUED], 1);
    pass(f, 1, sent.attempt_id);
    assert_int_equal(c->counts[TASK_GAVE_UP], 1);
    assert_string_equal(result_text(c->tasks[1]), "in the queue for 20 s: `limits: queue` at c.yaml:6:17");
    assert_int_equal(c->counts[TASK_RUNNING], 1);
    assert_int_equal(other->counts[TASK_QUEUED], 1);
    /* One that comes back waits anew. */
    must(attempt_returned(f->core, c->tasks[0]->attempts, "test", &err), &err);
    f->core->schedule_wanted = false;
    pass(f, 19, NULL);
    assert_int_equal(c->counts[TASK_QUEUED], 1);
    pass(f, 1, NULL);
    assert_int_equal(c->counts[TASK_GAVE_UP], 2);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    rec_task_done(&sent);
}

static void the_limit_of_the_queue_counts_over_a_restart(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, "limits: {queue: 1m}\n", 1);
    f->core->linked = true;
    pass(f, 40, NULL);
    must(clocks_save(f->core, &err), &err);
    must(store_commit(f->core->store, &err), &err);
    char id[CAMPAIGN_ID_SIZE];
    strcpy(id, c->row.id);
    fixture_crash(f);
    fixture_join(f, "n1", "i1", "alpha");
    c = core_campaign(f->core, id);
    pass(f, 19, NULL);
    assert_int_equal(c->counts[TASK_QUEUED], 1);
    pass(f, 12, NULL); /* what was not saved is given, CLOCKS_SAVE_MS at most */
    assert_int_equal(c->counts[TASK_GAVE_UP], 1);
}

static void beat(struct fixture *f, const char *attempt, const char *phase, double progress, int64_t steps) {
    struct error err = ERROR_INIT;
    struct rec_heartbeat beat;
    rec_heartbeat_init(&beat);
    rec_set(&beat.node, "n1");
    rec_set(&beat.incarnation, "i1");
    struct rec_held *held = rec_list_held_push(&beat.attempts);
    rec_set(&held->attempt_id, attempt);
    rec_set(&held->state, "running");
    rec_set(&held->phase, phase);
    held->progress = progress;
    held->steps = steps;
    must(nodes_on_heartbeat(f->core, &beat, &err), &err);
    rec_heartbeat_done(&beat);
}

static void a_running_attempt_without_a_sign_of_life_is_revoked_and_counts_against_its_node(void **state) {
    struct fixture *f = *state;
    struct rec_task sent, again;
    fixture_join(f, "n1", "i1", "alpha");
    const struct campaign *c = submit(f, "limits: {silence: 30s}\n", 1);
    const struct task *task = c->tasks[0];
    assert_int_equal(fixture_settle(f, &sent), 1);
    int64_t steps = 0;
    for (int i = 0; i < 240;
         i++) { /* phase, progress or steps move, each alone for longer than the limit: that is life */
        fixture_ticks(f, 1, 1000);
        beat(f, sent.attempt_id, i < 80 && i % 40 < 20 ? "verify" : "time",
             i < 80    ? 0.25
             : i < 160 ? i * 0.005
                       : 0.8,
             i < 160 ? 0 : ++steps);
    }
    assert_int_equal(task->row.state, TASK_RUNNING);
    for (int i = 0; i < 29; i++) {
        fixture_ticks(f, 1, 1000);
        beat(f, sent.attempt_id, "time", 0.8, steps);
    }
    assert_int_equal(task->row.state, TASK_RUNNING);
    for (int i = 0; i < 2; i++) {
        fixture_ticks(f, 1, 1000);
        beat(f, sent.attempt_id, "time", 0.8, steps);
    }
    assert_int_equal(task->row.state, TASK_QUEUED);
    assert_int_equal(task->row.failures, 1);
    assert_non_null(strstr(task->row.reason, "silent for 30 s (`limits: silence` at c.yaml:6:19)"));
    fixture_report(f, &sent, "verdict", "correct"); /* revoked: not accepted */
    assert_null(task->result);
    f->mono_ms += 2000;
    assert_true(schedule_wait_ms(f->core) == 0);
    assert_int_equal(fixture_settle(f, &again), 1);
    fixture_report(f, &again, "verdict", "correct");
    assert_int_equal(task->row.state, TASK_DONE);
    rec_task_done(&sent);
    rec_task_done(&again);
}

static void silence_has_a_default_and_a_queued_attempt_is_not_silent(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    fixture_join(f, "n1", "i1", "alpha");
    const struct campaign *c = submit(f, "", 1);
    assert_int_equal(fixture_settle(f, &sent), 1);
    for (int i = 0; i < 300; i++) {
        fixture_ticks(f, 1, 1000);
        fixture_beat(f, "n1", "i1", sent.attempt_id, "queued");
    }
    assert_int_equal(c->tasks[0]->row.state, TASK_PUBLISHED);
    pass(f, 119, sent.attempt_id);
    assert_int_equal(c->tasks[0]->row.state, TASK_RUNNING);
    pass(f, 3, sent.attempt_id);
    assert_int_equal(c->tasks[0]->row.failures, 1);
    assert_non_null(strstr(c->tasks[0]->row.reason, "silent for 120 s (`limits: silence` at the default)"));
    rec_task_done(&sent);
}

static void limits_travel_to_the_worker(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    fixture_join(f, "n1", "i1", "alpha");
    submit(f, "limits: {compile: 5s, run: 10m, silence: 3m, queue: 1h}\n", 1);
    assert_int_equal(fixture_settle(f, &sent), 1);
    assert_int_equal(sent.policy.compile_timeout_ms, 5000);
    assert_int_equal(sent.policy.run_timeout_ms, 600000);
    assert_int_equal(sent.policy.silence_timeout_ms, 180000);
    assert_int_equal(sent.policy.queue_timeout_ms, 3600000);
    rec_task_done(&sent);
}

static void a_kernels_time_out_says_where_its_limit_is_set(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct record_source source = {.topic = "attempts"};
    static const struct {
        const char *verdict, *evidence, *expected;
    } cases[] = {
        {"timeout", "running took longer than 600000 ms and was killed (the campaign's `limits: run`)",
         "(the campaign's `limits: run`), set at c.yaml:6:15"},
        {"compile_timeout", "compiling took longer than 60000 ms and was killed (the campaign's `limits: compile`)",
         "(the campaign's `limits: compile`), set at the default"},
        {"wrong_output", "element 3", "element 3"},
    };
    fixture_join(f, "n1", "i1", "alpha");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rec_task sent;
        struct rec_attempt attempt;
        const struct campaign *c = submit(f, "limits: {run: 10m}\n", 1);
        assert_int_equal(fixture_settle(f, &sent), 1);
        fixture_outcome(&sent, "verdict", cases[i].verdict, &attempt);
        rec_set(&attempt.evidence, cases[i].evidence);
        must(accept_attempt(f->core, &attempt, &source, &err), &err);
        if (!strstr(result_text(c->tasks[0]), cases[i].expected)) fail_msg("%s", result_text(c->tasks[0]));
        rec_attempt_done(&attempt);
        rec_task_done(&sent);
    }
}

static void one_task_is_cancelled_and_the_others_go_on(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    struct error err = ERROR_INIT;
    f->core->config.window = 1;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, "", 2);
    assert_int_equal(fixture_settle(f, &sent), 1);
    must(task_cancel(f->core, c->tasks[0], "not this one", &err), &err);
    assert_int_equal(c->tasks[0]->row.state, TASK_CANCELLED);
    assert_string_equal(result_text(c->tasks[0]), "not this one");
    assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
    assert_int_equal(task_cancel(f->core, c->tasks[0], "again", &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    rec_task_done(&sent);
    assert_int_equal(fixture_settle(f, &sent), 1);
    fixture_report(f, &sent, "verdict", "correct");
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->row.exit_status, 1);
    rec_task_done(&sent);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(at_the_deadline_everything_that_has_not_ended_is_given_up_and_what_runs_is_revoked),
        T(the_deadline_counts_over_a_restart_without_the_time_between),
        T(a_task_waits_no_longer_in_the_queue_than_its_limit_while_there_is_a_link),
        T(the_limit_of_the_queue_counts_over_a_restart),
        T(a_running_attempt_without_a_sign_of_life_is_revoked_and_counts_against_its_node),
        T(silence_has_a_default_and_a_queued_attempt_is_not_silent),
        T(limits_travel_to_the_worker),
        T(a_kernels_time_out_says_where_its_limit_is_set),
        T(one_task_is_cancelled_and_the_others_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
