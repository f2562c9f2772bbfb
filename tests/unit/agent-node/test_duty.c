/* Whether a node takes work; when devices are checked; when an agent ends by itself; storage in trouble. */
#include "agent-node/daemon/duty.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent-node/daemon/health.h"
#include "agent-node/daemon/lifetime.h"
#include "agent-node/daemon/storage.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "common/log.h"

static void assert_refusal(struct duty *duty, const char *expected) {
    CLEANUP_FREE char *text = duty_refusal(duty);
    if (expected)
        assert_string_equal(text, expected);
    else
        assert_null(text);
}
static void assert_trouble(struct duty *duty, const char *expected) {
    CLEANUP_FREE char *text = duty_trouble(duty);
    assert_string_equal(text, expected);
}

static void count(void *context) {
    ++*(int *)context;
}

/* --- duty ------------------------------------------------------------------------------------- */
static void the_desired_state_decides_whether_queued_work_goes_back(void **state) {
    (void)state;
    static const struct {
        const char *state, *refusal;
    } rows[] = {{"in_service", NULL},
                {"cordoned", NULL}, /* what was given is done */
                {"draining", "the node is draining"},
                {"drained", "the node is draining"},
                {"maintenance", "the node is in maintenance"},
                {"quarantined", "the node is in quarantine"},
                {"pending", "the node is not approved"},
                {"something new", NULL},
                {"in_service", NULL}};
    CLEANUP(cleanup_duty) struct duty *duty = duty_new(NULL, NULL);
    assert_refusal(duty, NULL); /* before the coordinator said anything */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        duty_set_desired(duty, rows[i].state, "");
        assert_refusal(duty, rows[i].refusal);
    }
}

static void trouble_refuses_work_until_all_of_it_is_over(void **state) {
    (void)state;
    int changes = 0;
    CLEANUP(cleanup_duty) struct duty *duty = duty_new(count, &changes);
    duty_set_trouble(duty, TROUBLE_SPOOL, "no space");
    duty_set_trouble(duty, TROUBLE_SPOOL, "no space");
    assert_int_equal(changes, 1); /* published once */
    duty_set_trouble(duty, TROUBLE_CACHE, "read-only");
    assert_trouble(duty, "no space; read-only");
    assert_refusal(duty, "no space; read-only");
    duty_set_trouble(duty, TROUBLE_SPOOL, NULL);
    assert_refusal(duty, "read-only");
    duty_set_trouble(duty, TROUBLE_CACHE, NULL);
    duty_set_trouble(duty, TROUBLE_LOG, NULL);
    assert_trouble(duty, "");
    assert_refusal(duty, NULL);
    assert_int_equal(changes, 4);
}

/* --- health ----------------------------------------------------------------------------------- */
static void a_device_is_checked_before_its_first_work_and_when_idle(void **state) {
    (void)state;
    struct health h;
    health_init(&h, 600000);
    assert_false(h.healthy);
    assert_true(health_is_due(&h, 1000));
    health_passed(&h, 1000);
    assert_true(h.healthy);
    assert_int_equal(h.checks, 1);
    assert_false(health_is_due(&h, 600999));
    assert_true(health_is_due(&h, 601000));
    health_worked(&h, 500000); /* busy: not idle */
    assert_false(health_is_due(&h, 601000));
    assert_true(health_is_due(&h, 1100000));
}

static void no_schedule_is_kept_where_none_is_wanted(void **state) {
    (void)state;
    struct health h;
    health_init(&h, 0);
    health_passed(&h, 1000);
    assert_false(health_is_due(&h, INT64_MAX - 1));
    health_doubt(&h);
    assert_true(health_is_due(&h, 1001));
}

static void after_a_crash_no_schedule_helps(void **state) {
    (void)state;
    struct health h;
    health_init(&h, 600000);
    health_passed(&h, 1000);
    health_doubt(&h);
    health_worked(&h, 1500); /* a job that ended well in between proves nothing of what the other left behind */
    assert_true(health_is_due(&h, 1500));
    health_passed(&h, 2000);
    assert_false(health_is_due(&h, 2000));
    assert_int_equal(h.checks, 2);
}

static void failures_back_off_from_ten_seconds_to_ten_minutes(void **state) {
    (void)state;
    static const int64_t pauses_s[] = {10, 20, 40, 80, 160, 320, 600, 600};
    struct health h;
    int64_t now_ms = 5000;
    health_init(&h, 600000);
    for (size_t i = 0; i < sizeof pauses_s / sizeof *pauses_s; i++) {
        health_failed(&h, "no device", now_ms, 77 + (int64_t)i);
        assert_false(h.healthy);
        assert_false(health_is_due(&h, now_ms + pauses_s[i] * 1000 - 1));
        now_ms += pauses_s[i] * 1000;
        assert_true(health_is_due(&h, now_ms));
    }
    assert_int_equal(h.since_ms, 77); /* of the first in the row */
    assert_string_equal(h.reason, "no device");
    health_passed(&h, now_ms);
    assert_string_equal(h.reason, "");
    health_failed(&h, "again", now_ms, 99);
    assert_int_equal(h.since_ms, 99);
    assert_int_equal(h.due_ms, now_ms + 10000); /* from the beginning */
}

/* --- lifetime --------------------------------------------------------------------------------- */
static void an_agent_without_an_end_stays(void **state) {
    (void)state;
    struct lifetime l;
    lifetime_init(&l, 0, 0, 1000);
    assert_int_equal(lifetime_phase(&l, 0, INT64_MAX / 2, INT64_MAX / 2), LIFETIME_WORKING);
}

static void near_its_end_it_takes_no_work_and_at_the_end_it_leaves(void **state) {
    (void)state;
    struct lifetime l;
    int64_t start = 1000, hours = 4 * 3600000;
    lifetime_init(&l, hours, 0, start);
    assert_int_equal(lifetime_phase(&l, 3, 0, start + hours - 600001), LIFETIME_WORKING);
    assert_int_equal(lifetime_phase(&l, 3, 0, start + hours - 600000), LIFETIME_ENDING);
    assert_int_equal(lifetime_phase(&l, 1, 0, start + hours - 15001), LIFETIME_ENDING);
    assert_int_equal(lifetime_phase(&l, 1, 0, start + hours - 15000), LIFETIME_OVER); /* time to hand back */
}

static void what_is_done_early_leaves_early(void **state) {
    (void)state;
    struct lifetime l;
    lifetime_init(&l, 600000, 0, 0);
    assert_int_equal(lifetime_phase(&l, 0, 50000, 539999), LIFETIME_WORKING);
    assert_int_equal(lifetime_phase(&l, 0, 50000, 540000), LIFETIME_ENDING); /* a task may be on its way */
    assert_int_equal(lifetime_phase(&l, 1, 0, 541000), LIFETIME_ENDING);
    assert_int_equal(lifetime_phase(&l, 0, 1, 541500), LIFETIME_ENDING);
    assert_int_equal(lifetime_phase(&l, 0, 1900, 543400), LIFETIME_ENDING);
    assert_int_equal(lifetime_phase(&l, 0, 2000, 543500), LIFETIME_OVER);
}

static void a_very_short_life_is_over_in_time_all_the_same(void **state) {
    (void)state;
    struct lifetime l;
    lifetime_init(&l, 3000, 0, 0);
    assert_int_equal(lifetime_phase(&l, 1, 0, 0), LIFETIME_ENDING);
    assert_int_equal(lifetime_phase(&l, 1, 0, 1500), LIFETIME_OVER);
}

static void idle_is_who_could_have_had_work(void **state) {
    (void)state;
    struct lifetime l;
    lifetime_init(&l, 0, 60000, 0);
    int64_t idle = lifetime_idle_ms(&l, false, 100000, 100000); /* not registered yet */
    assert_int_equal(idle, 0);
    assert_int_equal(lifetime_idle_ms(&l, true, 100500, 100500), 0);
    idle = lifetime_idle_ms(&l, true, 160499, 160499);
    assert_int_equal(idle, 59999);
    assert_int_equal(lifetime_phase(&l, 0, idle, 160499), LIFETIME_WORKING);
    idle = lifetime_idle_ms(&l, true, 5, 160500); /* something came and is done */
    assert_int_equal(lifetime_phase(&l, 0, idle, 160500), LIFETIME_WORKING);
    idle = lifetime_idle_ms(&l, true, 60000, 220500);
    assert_int_equal(lifetime_phase(&l, 1, idle, 220500), LIFETIME_WORKING); /* a report is not delivered */
    assert_int_equal(lifetime_phase(&l, 0, idle, 220500), LIFETIME_OVER);
    assert_int_equal(lifetime_idle_ms(&l, false, 60001, 220501), 0); /* the broker is away: nobody can send */
    assert_int_equal(lifetime_idle_ms(&l, true, 60002, 220502), 0);
}

/* --- storage ---------------------------------------------------------------------------------- */
static void with_file_limit(rlim_t bytes) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_cache_that_cannot_be_written_is_trouble_until_it_can(void **state) {
    (void)state;
    char folder[] = "/tmp/portolan-duty-XXXXXX";
    struct storage s;
    signal(SIGXFSZ, SIG_IGN);
    assert_non_null(mkdtemp(folder));
    CLEANUP(cleanup_duty) struct duty *duty = duty_new(NULL, NULL);
    storage_init(&s, folder, duty);
    storage_tick(&s, false, 1000);
    assert_refusal(duty, NULL);
    with_file_limit(0);
    storage_tick(&s, true, 1100); /* a failure is looked into at once */
    with_file_limit(RLIM_INFINITY);
    CLEANUP_FREE char *why = duty_refusal(duty);
    assert_non_null(strstr(why, folder));
    storage_tick(&s, true, 2000); /* not yet again */
    assert_non_null(strstr(why, "cannot write"));
    storage_tick(&s, true, 3200);
    assert_refusal(duty, NULL); /* it can be written, though the worker has not tried since */
    dir_remove(folder, NULL);
}

static void a_log_on_a_full_disk_is_trouble_and_one_without_a_reader_is_not(void **state) {
    (void)state;
    struct storage s;
    int keep = dup(STDERR_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC), pipes[2];
    CLEANUP(cleanup_duty) struct duty *duty = duty_new(NULL, NULL);
    signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_INFO, false);
    storage_init(&s, "/tmp", duty);
    dup2(full, STDERR_FILENO);
    log_info("lost");
    storage_tick(&s, false, 1000);
    CLEANUP_FREE char *why = duty_refusal(duty);
    storage_tick(&s, false, 3100);
    CLEANUP_FREE char *still = duty_refusal(duty);
    assert_int_equal(pipe(pipes), 0);
    close(pipes[0]);
    dup2(pipes[1], STDERR_FILENO); /* nobody reads */
    close(pipes[1]);
    storage_tick(&s, false, 6000);
    storage_tick(&s, false, 9000);
    CLEANUP_FREE char *broken_pipe = duty_refusal(duty);
    dup2(keep, STDERR_FILENO);
    close(keep);
    close(full);
    log_setup(LOG_ERROR + 1, false);
    assert_string_equal(why, "the log cannot be written: No space left on device");
    assert_string_equal(still, why);
    assert_null(broken_pipe);
}

int main(void) {
    log_setup(LOG_ERROR + 1, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_desired_state_decides_whether_queued_work_goes_back),
        cmocka_unit_test(trouble_refuses_work_until_all_of_it_is_over),
        cmocka_unit_test(a_device_is_checked_before_its_first_work_and_when_idle),
        cmocka_unit_test(no_schedule_is_kept_where_none_is_wanted),
        cmocka_unit_test(after_a_crash_no_schedule_helps),
        cmocka_unit_test(failures_back_off_from_ten_seconds_to_ten_minutes),
        cmocka_unit_test(an_agent_without_an_end_stays),
        cmocka_unit_test(near_its_end_it_takes_no_work_and_at_the_end_it_leaves),
        cmocka_unit_test(what_is_done_early_leaves_early),
        cmocka_unit_test(a_very_short_life_is_over_in_time_all_the_same),
        cmocka_unit_test(idle_is_who_could_have_had_work),
        cmocka_unit_test(a_cache_that_cannot_be_written_is_trouble_until_it_can),
        cmocka_unit_test(a_log_on_a_full_disk_is_trouble_and_one_without_a_reader_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
