#include "agent-node/daemon/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/life.h"

static int add(struct jobs *jobs, const char *attempt, const char *purpose, int priority, struct error *err) {
    struct rec_task task;
    rec_task_init(&task);
    rec_set(&task.attempt_id, attempt);
    rec_setf(&task.task_id, "%.1s", attempt);
    rec_set(&task.device, "dev");
    rec_set(&task.purpose, purpose);
    task.priority = priority;
    int rc = jobs_add(jobs, &task, err);
    rec_task_done(&task);
    return rc;
}

static void an_attempt_given_twice_is_refused(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    struct error err = ERROR_INIT;
    assert_int_equal(add(jobs, "a.1", "campaign", 0, &err), 0);
    assert_int_equal(add(jobs, "a.1", "campaign", 0, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    jobs_remove(jobs, jobs_take(jobs, "dev", false));
    assert_int_equal(add(jobs, "a.1", "campaign", 0, &err), -1); /* even after it is gone */
    assert_int_equal(jobs_held(jobs), 0);
}

static void tries_come_first_then_priority_then_arrival(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    add(jobs, "a.1", "campaign", 0, NULL);
    add(jobs, "b.1", "campaign", 5, NULL);
    add(jobs, "c.1", "campaign", 5, NULL);
    add(jobs, "d.1", "try", 0, NULL);
    add(jobs, "e.1", "sweep", 9, NULL);
    static const char *const order[] = {"d.1", "b.1", "c.1", "a.1", "e.1"};
    for (size_t i = 0; i < 5; i++) {
        struct job *job = jobs_take(jobs, "dev", false);
        assert_string_equal(job->task.attempt_id, order[i]);
        assert_int_equal(job->state, JOB_RUNNING);
    }
    assert_null(jobs_take(jobs, "dev", false));
    assert_int_equal(jobs_held(jobs), 5);
}

static void a_heartbeat_tells_the_steps_of_what_runs(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    struct rec_heartbeat beat;
    atomic_llong steps = 0;
    add(jobs, "a.1", "campaign", 0, NULL);
    add(jobs, "b.1", "campaign", 0, NULL);
    struct job *job = jobs_take(jobs, "dev", false);
    jobs_watch(jobs, job, &steps);
    life_count_in(&steps);
    for (int i = 0; i < 7; i++) life_sign();
    assert_ptr_equal(life_count_in(NULL), &steps);
    life_sign();
    rec_heartbeat_init(&beat);
    jobs_list(jobs, &beat.attempts);
    assert_int_equal(beat.attempts.items[0].steps, 7);
    assert_int_equal(beat.attempts.items[1].steps, 0);
    rec_heartbeat_done(&beat);
}

static bool is_served(void *context, const char *device) {
    return strcmp(device, context) == 0;
}

static void what_waits_for_a_device_that_is_gone_is_given_back(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    add(jobs, "a.1", "campaign", 0, NULL);
    add(jobs, "b.1", "campaign", 0, NULL);
    assert_string_equal(jobs_take(jobs, "dev", false)->task.attempt_id, "a.1");
    char here[] = "dev", other[] = "other";
    assert_null(jobs_unserved(jobs, is_served, here));
    struct job *job = jobs_unserved(jobs, is_served, other);
    assert_string_equal(job->task.attempt_id, "b.1"); /* what runs ends by itself */
    assert_int_equal(job->state, JOB_REPORTING);
    assert_null(jobs_unserved(jobs, is_served, other));
    assert_null(jobs_take(jobs, "dev", false));
}

static void a_search_in_between_takes_tries_only(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    add(jobs, "a.1", "campaign", 9, NULL);
    assert_null(jobs_take(jobs, "dev", true));
    assert_int_equal(jobs_taken(jobs), 0);
    assert_false(jobs_have_try(jobs));
    add(jobs, "b.1", "try", 0, NULL);
    assert_true(jobs_have_try(jobs));
    assert_string_equal(jobs_take(jobs, "dev", true)->task.attempt_id, "b.1");
    assert_int_equal(jobs_taken(jobs), 1);
}

static void another_device_does_not_get_the_job(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    add(jobs, "a.1", "campaign", 0, NULL);
    assert_null(jobs_take(jobs, "other", false));
}

static void cancel_flags_running_and_returns_queued_jobs(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    add(jobs, "a.1", "campaign", 0, NULL);
    struct job *running = jobs_take(jobs, "dev", false);
    add(jobs, "a.2", "campaign", 0, NULL);
    int flagged = 0;
    struct job *queued = jobs_cancel(jobs, "", "a", &flagged);
    assert_string_equal(queued->task.attempt_id, "a.2");
    assert_int_equal(queued->state, JOB_REPORTING);
    assert_int_equal(flagged, 1);
    assert_true(running->cancel && running->cancel_asked);
    assert_null(jobs_cancel(jobs, "", "a", NULL));
    assert_null(jobs_cancel(jobs, "", "unknown", &flagged));
    assert_int_equal(flagged, 0);
}

static void closing_interrupts_without_blaming_a_cancel_and_hands_out_nothing(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    add(jobs, "a.1", "campaign", 0, NULL);
    struct job *running = jobs_take(jobs, "dev", false);
    add(jobs, "b.1", "campaign", 0, NULL);
    assert_string_equal(jobs_close(jobs)->task.attempt_id, "b.1");
    assert_null(jobs_close(jobs));
    assert_true(running->cancel);
    assert_false(running->cancel_asked);
    static const atomic_bool never;
    assert_null(jobs_wait(jobs, "dev", INT64_MAX, &never)); /* would wait for ever otherwise */
    struct error err = ERROR_INIT;
    assert_int_equal(add(jobs, "c.1", "campaign", 0, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
}

static void every_held_attempt_is_listed_with_its_state(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    add(jobs, "a.1", "campaign", 0, NULL);
    struct job *running = jobs_take(jobs, "dev", false);
    jobs_progress(jobs, running, "verify", 0.5);
    add(jobs, "b.1", "campaign", 0, NULL);
    struct rec_heartbeat beat;
    rec_heartbeat_init(&beat);
    jobs_list(jobs, &beat.attempts);
    assert_int_equal(beat.attempts.count, 2);
    assert_string_equal(beat.attempts.items[0].state, "running");
    assert_string_equal(beat.attempts.items[0].phase, "verify");
    assert_string_equal(beat.attempts.items[1].state, "queued");
    rec_heartbeat_done(&beat);
}

static void more_than_the_limit_is_refused(void **state) {
    (void)state;
    CLEANUP(cleanup_jobs) struct jobs *jobs = jobs_new();
    struct error err = ERROR_INIT;
    char id[32];
    for (int i = 0; i < JOBS_QUEUED_MAX; i++) {
        snprintf(id, sizeof id, "t%d.1", i);
        assert_int_equal(add(jobs, id, "campaign", 0, &err), 0);
    }
    assert_int_equal(add(jobs, "over.1", "campaign", 0, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attempt_given_twice_is_refused),
        cmocka_unit_test(tries_come_first_then_priority_then_arrival),
        cmocka_unit_test(a_heartbeat_tells_the_steps_of_what_runs),
        cmocka_unit_test(what_waits_for_a_device_that_is_gone_is_given_back),
        cmocka_unit_test(a_search_in_between_takes_tries_only),
        cmocka_unit_test(another_device_does_not_get_the_job),
        cmocka_unit_test(cancel_flags_running_and_returns_queued_jobs),
        cmocka_unit_test(closing_interrupts_without_blaming_a_cancel_and_hands_out_nothing),
        cmocka_unit_test(every_held_attempt_is_listed_with_its_state),
        cmocka_unit_test(more_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
