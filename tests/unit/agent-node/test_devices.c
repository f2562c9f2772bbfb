/* Devices, their health and their mailbox, over workers that are made up here and write down what is asked of them. */
#include "agent-node/daemon/devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "agent-node/daemon/mailbox.h"
#include "agent-node/worker/worker.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/log.h"
#include "schemas/codec.h"

#define LIMIT_MS 20000

/* --- workers ---------------------------------------------------------------------------------- */
static struct {
    pthread_mutex_t mutex;
    struct buf log;               /* "check " and the tasks' ids, in order */
    atomic_bool ill;              /* checks fail */
    atomic_bool hold;             /* tasks run until they are cancelled or let go */
    _Atomic(const char *) answer; /* a verdict, or an infrastructure failure where it begins with '!' */
} made_up = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct worker {
    int unused;
};
struct worker *worker_new(const struct worker_config *c, struct error *err) {
    (void)c, (void)err;
    return xcalloc(1, sizeof(struct worker));
}
void worker_free(struct worker *w) {
    free(w);
}
bool worker_cache_failing(const struct worker *w) {
    return (void)w, false;
}
static void note(const char *what) {
    pthread_mutex_lock(&made_up.mutex);
    buf_printf(&made_up.log, "%s ", what);
    pthread_mutex_unlock(&made_up.mutex);
}
int worker_health_check(struct worker *w, struct error *err) {
    (void)w;
    note("check");
    return made_up.ill ? error_set(err, ERR_DEVICE, "the known-answer check failed: no driver") : 0;
}
int worker_self_test(struct worker *w, char *ret_text, size_t size, struct error *err) {
    (void)w, (void)err;
    snprintf(ret_text, size, "passed (2.000)");
    return 0;
}
int worker_run(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks, struct rec_attempt *ret,
               struct error *err) {
    (void)w, (void)err;
    note(task->attempt_id);
    while (made_up.hold && !*hooks->cancel) usleep(1000);
    rec_attempt_init(ret);
    rec_set(&ret->task_id, task->task_id);
    rec_set(&ret->attempt_id, task->attempt_id);
    const char *answer = made_up.answer;
    rec_set(&ret->outcome, answer[0] == '!' ? "infrastructure" : "verdict");
    rec_set(answer[0] == '!' ? &ret->infrastructure : &ret->verdict, answer + (answer[0] == '!'));
    return 0;
}
int worker_run_baselines(struct worker *w, const struct rec_task *task, const struct worker_hooks *hooks,
                         struct rec_attempt *ret, struct error *err) {
    return worker_run(w, task, hooks, ret, err);
}

static char *said(void) {
    pthread_mutex_lock(&made_up.mutex);
    char *text = xstrdup(made_up.log.data ? made_up.log.data : "");
    pthread_mutex_unlock(&made_up.mutex);
    return text;
}
static bool has_said(const char *expected) {
    CLEANUP_FREE char *text = said();
    return strcmp(text, expected) == 0;
}
#define await(condition)                                                                        \
    do {                                                                                        \
        int64_t until_ms = clock_mono_ms() + LIMIT_MS;                                          \
        while (!(condition) && clock_mono_ms() < until_ms) usleep(2000);                        \
        if (!(condition)) fail_msg("%d: not within %d ms: %s", __LINE__, LIMIT_MS, #condition); \
    } while (0)
#define await_said(expected)                                                    \
    do {                                                                        \
        int64_t until_ms = clock_mono_ms() + LIMIT_MS;                          \
        while (!has_said(expected) && clock_mono_ms() < until_ms) usleep(2000); \
        CLEANUP_FREE char *found = said();                                      \
        assert_string_equal(found, expected);                                   \
    } while (0)

/* --- an agent without a session --------------------------------------------------------------- */
struct agent {
    char folder[64];
    struct jobs *jobs;
    struct spool *spool;
    struct duty *duty;
    struct reports *reports;
    struct devices *devices;
    struct mailbox mailbox;
    atomic_int changes;
};

static void on_changed(void *context) {
    atomic_fetch_add((atomic_int *)context, 1);
}

static void start(struct agent *a, int64_t health_every_ms) {
    struct rec_list_device found = {0};
    struct error err = ERROR_INIT;
    struct rec_device *d = rec_list_device_push(&found);
    rec_set(&d->id, "dev");
    rec_set(&d->target, "made-up");
    struct devices_config config = {.found = &found,
                                    .health_every_ms = health_every_ms,
                                    .jobs = a->jobs,
                                    .reports = a->reports,
                                    .changed = on_changed,
                                    .context = &a->changes};
    a->devices = devices_start(&config, &err);
    if (!a->devices) fail_msg("%s", err.text);
    rec_device_done(d);
    free(found.items);
    mailbox_init(&a->mailbox, "n1", "i1", a->jobs, a->reports, a->devices, a->duty);
}

static int setup(void **state) {
    struct agent *a = xcalloc(1, sizeof *a);
    log_setup(LOG_ERROR + 1, false);
    buf_clear(&made_up.log);
    made_up.ill = false;
    made_up.hold = false;
    made_up.answer = "correct";
    strcpy(a->folder, "/tmp/portolan-devices-XXXXXX");
    if (!mkdtemp(a->folder)) return -1;
    a->jobs = jobs_new();
    a->duty = duty_new(NULL, NULL);
    a->spool = spool_open(a->folder, NULL, NULL);
    a->reports = reports_new(a->jobs, a->spool, a->duty, NULL);
    *state = a;
    return a->reports ? 0 : -1;
}

static void stop(struct agent *a) {
    while (jobs_close(a->jobs)) {
    }
    devices_stop(a->devices);
    a->devices = NULL;
    reports_free(a->reports);
    a->reports = NULL;
    spool_close(a->spool);
    a->spool = NULL;
}
static int teardown(void **state) {
    struct agent *a = *state;
    if (a->spool) stop(a);
    mailbox_done(&a->mailbox);
    jobs_free(a->jobs);
    duty_free(a->duty);
    dir_remove(a->folder, NULL);
    buf_done(&made_up.log);
    free(a);
    return 0;
}

static void give(struct agent *a, const char *attempt) {
    struct rec_task task;
    rec_task_init(&task);
    rec_set(&task.node, "n1");
    rec_set(&task.incarnation, "i1");
    rec_set(&task.device, "dev");
    rec_set(&task.attempt_id, attempt);
    rec_setf(&task.task_id, "%.1s", attempt);
    mailbox_task(&a->mailbox, &task);
    rec_task_done(&task);
}

static void command(struct agent *a, const char *name, const char *device) {
    struct rec_command c;
    rec_command_init(&c);
    rec_set(&c.node, "n1");
    rec_set(&c.incarnation, "i1");
    rec_set(&c.command, name);
    rec_set(&c.device, device);
    mailbox_command(&a->mailbox, &c);
    rec_command_done(&c);
}

static int64_t checks(const struct agent *a) {
    struct rec_list_device list = {0};
    devices_list(a->devices, &list);
    int64_t n = list.count ? list.items[0].health_checks : -1;
    for (size_t i = 0; i < list.count; i++) rec_device_done(&list.items[i]);
    free(list.items);
    return n;
}

static bool fails_with(const struct agent *a, const char *reason) {
    struct rec_list_failing_device list = {0};
    devices_failing(a->devices, &list);
    bool found = list.count && strstr(list.items[0].reason, reason) && !strcmp(list.items[0].id, "dev") &&
                 !strcmp(list.items[0].target, "made-up") && list.items[0].since_ms > 0;
    for (size_t i = 0; i < list.count; i++) rec_failing_device_done(&list.items[i]);
    free(list.items);
    return found;
}

/* "attempt outcome evidence; " of everything that was reported, as the next start would send it. */
static void note_report(void *context, const struct spool_record *record) {
    struct rec_attempt attempt;
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_codec) struct codec *codec = codec_new();
    if (codec_decode_as(codec, record->data, record->len, &rec_attempt_desc, &attempt, &err)) fail_msg("%s", err.text);
    buf_printf(context, "%s %s %s; ", attempt.attempt_id, attempt.outcome, attempt.evidence);
    rec_attempt_done(&attempt);
}
static char *reported(struct agent *a) {
    struct buf text = BUF_INIT;
    stop(a);
    struct spool *spool = spool_open(a->folder, NULL, NULL);
    spool_load(spool, note_report, &text, NULL);
    spool_close(spool);
    return buf_take(&text);
}

/* --- health ----------------------------------------------------------------------------------- */
static void a_device_is_checked_before_its_first_work_and_counted(void **state) {
    struct agent *a = *state;
    start(a, 0);
    assert_int_equal(checks(a), 1);
    give(a, "a.1");
    await_said("check a.1 ");
    assert_false(fails_with(a, ""));
}

static void after_a_crash_a_hang_or_a_failure_it_is_checked_before_the_next_job(void **state) {
    struct agent *a = *state;
    static const char *const answers[] = {"crashed", "timeout", "!driver lost"};
    start(a, 0);
    for (size_t i = 0; i < 3; i++) {
        char attempt[8];
        snprintf(attempt, sizeof attempt, "%c.1", (int)('a' + i));
        made_up.answer = answers[i];
        give(a, attempt);
        await(checks(a) == (int64_t)i + 2);
    }
    made_up.answer = "wrong_output"; /* the kernel's own fault */
    give(a, "d.1");
    give(a, "e.1");
    await_said("check a.1 check b.1 check c.1 check d.1 e.1 ");
}

static void a_busy_machine_says_nothing_against_the_device(void **state) {
    struct agent *a = *state;
    start(a, 0);
    made_up.answer = "!" WORKER_MACHINE_BUSY ": others used 50 %";
    give(a, "a.1");
    give(a, "b.1");
    await_said("check a.1 b.1 ");
}

static void an_idle_device_is_checked_on_a_schedule(void **state) {
    struct agent *a = *state;
    start(a, 20);
    await(checks(a) >= 4);
    await(atomic_load(&a->changes) >= 4); /* each is published */
}

static void who_asks_gets_a_check_of_that_device(void **state) {
    struct agent *a = *state;
    start(a, 0);
    command(a, "health_check", "another");
    command(a, "health_check", "dev");
    await(checks(a) == 2);
    command(a, "health_check", "");
    await(checks(a) == 3);
}

static void a_device_that_fails_gives_its_work_back_and_comes_again(void **state) {
    struct agent *a = *state;
    start(a, 0);
    made_up.hold = true;
    give(a, "a.1");
    await_said("check a.1 ");
    give(a, "b.1");
    made_up.ill = true;
    made_up.answer = "!driver lost";
    made_up.hold = false;
    await(fails_with(a, "no driver"));
    assert_false(devices_has(a->devices, "dev"));
    assert_int_equal(checks(a), -1);      /* it is not offered */
    mailbox_return_unserved(&a->mailbox); /* as the session does when it is told of the change */
    assert_true(has_said("check a.1 check "));
    made_up.ill = false;
    command(a, "health_check", "dev"); /* whatever its back-off */
    await(devices_has(a->devices, "dev"));
    assert_false(fails_with(a, ""));
    CLEANUP_FREE char *reports = reported(a);
    assert_non_null(strstr(reports, "b.1 infrastructure the device is not in working order"));
}

static void a_device_that_is_ill_at_the_start_is_listed_as_failing(void **state) {
    struct agent *a = *state;
    made_up.ill = true;
    start(a, 0);
    assert_true(fails_with(a, "the known-answer check failed: no driver"));
    assert_int_equal(checks(a), -1);
}

/* --- what is wanted of the node --------------------------------------------------------------- */
static void while_the_node_drains_only_what_runs_goes_on(void **state) {
    struct agent *a = *state;
    start(a, 0);
    made_up.hold = true;
    give(a, "a.1");
    await_said("check a.1 ");
    give(a, "b.1");
    duty_set_desired(a->duty, "draining", "a new driver");
    mailbox_return_refused(&a->mailbox);
    give(a, "c.1"); /* was on its way */
    made_up.hold = false;
    await(jobs_running(a->jobs) == 0);
    duty_set_desired(a->duty, "in_service", "");
    give(a, "d.1");
    await_said("check a.1 d.1 ");
    CLEANUP_FREE char *reports = reported(a);
    assert_non_null(strstr(reports, "a.1 verdict ;"));
    assert_non_null(strstr(reports, "b.1 cancelled the node is draining;"));
    assert_non_null(strstr(reports, "c.1 cancelled the node is draining;"));
}

static void a_cordoned_node_does_what_it_was_given(void **state) {
    struct agent *a = *state;
    start(a, 0);
    duty_set_desired(a->duty, "cordoned", "");
    give(a, "a.1");
    give(a, "b.1");
    await_said("check a.1 b.1 ");
}

static void in_trouble_queued_work_goes_back_without_blame(void **state) {
    struct agent *a = *state;
    start(a, 0);
    made_up.hold = true;
    give(a, "a.1");
    await_said("check a.1 ");
    give(a, "b.1");
    duty_set_trouble(a->duty, TROUBLE_CACHE, "the cache is full");
    mailbox_return_refused(&a->mailbox);
    made_up.hold = false;
    await(jobs_running(a->jobs) == 0);
    CLEANUP_FREE char *reports = reported(a);
    assert_non_null(strstr(reports, "a.1 verdict ;"));
    assert_non_null(strstr(reports, "b.1 cancelled the cache is full;"));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_device_is_checked_before_its_first_work_and_counted),
        T(after_a_crash_a_hang_or_a_failure_it_is_checked_before_the_next_job),
        T(a_busy_machine_says_nothing_against_the_device),
        T(an_idle_device_is_checked_on_a_schedule),
        T(who_asks_gets_a_check_of_that_device),
        T(a_device_that_fails_gives_its_work_back_and_comes_again),
        T(a_device_that_is_ill_at_the_start_is_listed_as_failing),
        T(while_the_node_drains_only_what_runs_goes_on),
        T(a_cordoned_node_does_what_it_was_given),
        T(in_trouble_queued_work_goes_back_without_blame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
