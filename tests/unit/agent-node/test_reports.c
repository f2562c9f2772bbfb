/* Reports on their way, over the embedded broker: in memory while it answers, on disk as soon as it does not. */
#include "agent-node/daemon/reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/log.h"
#include "fleet/bus/topics.h"
#include "schemas/codec.h"
#include "tests/tools/under_tsan.h"

#define LIMIT_MS 20000

struct fixture {
    char folder[64];
    struct bus_embedded *broker;
    struct bus *bus;
    struct bus_producer *producer;
    struct jobs *jobs;
    struct spool *spool;
    struct duty *duty;
    struct reports *reports;
};

static void on_delivery(void *context, const struct bus_delivery *delivery) {
    const struct fixture *f = context;
    reports_delivered(f->reports, delivery);
}

/* An agent's start, as far as reports are concerned. */
static void start(struct fixture *f, const struct spool_limits *limits) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *folder = path_join(f->folder, "spool");
    f->duty = duty_new(NULL, NULL);
    f->jobs = jobs_new();
    f->spool = spool_open(folder, limits, &err);
    f->reports = f->spool ? reports_new(f->jobs, f->spool, f->duty, &err) : NULL;
    if (!f->reports) fail_msg("%s", err.text);
}

/* Ends the test in a TSan build, which sees what came before. */
static void connect(struct fixture *f) {
    if (UNDER_TSAN) skip();
    struct error err = ERROR_INIT;
    struct bus_config bus = {.bootstrap = bus_embedded_bootstrap(f->broker)};
    struct bus_producer_config producer = {.on_delivery = on_delivery, .context = f, .own_thread = true};
    f->bus = bus_new(&bus, &err);
    f->producer = f->bus ? bus_producer_new(f->bus, &producer, &err) : NULL;
    if (!f->producer) fail_msg("%s", err.text);
    reports_attach(f->reports, f->producer);
}

static void disconnect(struct fixture *f) {
    reports_attach(f->reports, NULL);
    bus_producer_free(f->producer);
    bus_free(f->bus);
    f->producer = NULL;
    f->bus = NULL;
}

static void stop(struct fixture *f) {
    if (f->bus) disconnect(f);
    reports_free(f->reports);
    spool_close(f->spool);
    jobs_free(f->jobs);
    duty_free(f->duty);
    f->reports = NULL;
}

static int setup(void **state) {
    struct fixture *f = xcalloc(1, sizeof *f);
    log_setup(LOG_ERROR + 1, false);
    signal(SIGXFSZ, SIG_IGN);
    strcpy(f->folder, "/tmp/portolan-reports-XXXXXX");
    f->broker = UNDER_TSAN ? NULL : bus_embedded_start(NULL);
    if (!mkdtemp(f->folder) || (!f->broker && !UNDER_TSAN)) return -1;
    start(f, NULL);
    *state = f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    if (f->reports) stop(f);
    bus_embedded_stop(f->broker);
    dir_remove(f->folder, NULL);
    free(f);
    return 0;
}

/* A job that is run and reported. `task` has one digit. */
static void report(struct fixture *f, int task) {
    struct rec_task given;
    struct rec_attempt attempt;
    rec_task_init(&given);
    rec_setf(&given.task_id, "%032d", task);
    rec_setf(&given.attempt_id, "%032d.1", task);
    rec_set(&given.device, "dev");
    assert_int_equal(jobs_add(f->jobs, &given, NULL), 0);
    rec_attempt_init(&attempt);
    rec_set(&attempt.task_id, given.task_id);
    rec_set(&attempt.attempt_id, given.attempt_id);
    rec_set(&attempt.incarnation, "the first");
    rec_set(&attempt.outcome, "verdict");
    reports_add(f->reports, jobs_take(f->jobs, "dev", false), &attempt);
    rec_attempt_done(&attempt);
    rec_task_done(&given);
}

static struct spool_usage usage(const struct fixture *f) {
    struct spool_usage u;
    spool_usage(f->spool, &u);
    return u;
}

#define await(condition)                                                                        \
    do {                                                                                        \
        int64_t until_ms = clock_mono_ms() + LIMIT_MS;                                          \
        while (!(condition) && clock_mono_ms() < until_ms) usleep(5000);                        \
        if (!(condition)) fail_msg("%d: not within %d ms: %s", __LINE__, LIMIT_MS, #condition); \
    } while (0)

/* Which tasks arrived, in the order of the topic's partitions; each with its incarnation's first word. */
static int note(void *context, const struct bus_record *record, struct error *err) {
    struct rec_attempt attempt;
    CLEANUP(cleanup_codec) struct codec *codec = codec_new();
    if (codec_decode_as(codec, record->value, record->len, &rec_attempt_desc, &attempt, err) != 0) return -1;
    assert_string_equal(record->key, attempt.task_id);
    assert_string_equal(attempt.incarnation, "the first");
    buf_printf(context, "%c", attempt.task_id[31]);
    rec_attempt_done(&attempt);
    return 0;
}
static size_t arrived(const struct fixture *f, const char *each_of) {
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    struct bus_config config = {.bootstrap = bus_embedded_bootstrap(f->broker)};
    CLEANUP(cleanup_bus) struct bus *bus = bus_new(&config, &err);
    if (!bus || bus_replay(bus, TOPIC_ATTEMPTS, false, LIMIT_MS, note, &text, &err)) fail_msg("%s", err.text);
    for (const char *c = each_of; *c; c++)
        if (!text.data || !strchr(text.data, *c))
            fail_msg("task %c is not among %s", *c, text.data ? text.data : "none");
    return text.len;
}

static void what_is_acknowledged_at_once_never_touches_the_disk(void **state) {
    struct fixture *f = *state;
    connect(f);
    for (int i = 0; i < 5; i++) report(f, i);
    await(reports_waiting(f->reports) == 0);
    assert_int_equal(jobs_held(f->jobs), 0);
    assert_int_equal(usage(f).segments, 0);
    assert_int_equal(arrived(f, "01234"), 5);
}

static void without_a_broker_reports_are_on_disk_and_leave_it_when_they_are_delivered(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) report(f, i);
    await(usage(f).records == 5);
    assert_int_equal(jobs_held(f->jobs), 5); /* heartbeats go on listing them */
    connect(f);
    await(reports_waiting(f->reports) == 0);
    assert_int_equal(usage(f).segments, 0);
    assert_int_equal(jobs_held(f->jobs), 0);
    assert_int_equal(arrived(f, "01234"), 5);
}

/* Without any bus, so that ThreadSanitizer looks at the thread that writes. */
static void reports_that_come_while_others_are_written_reach_the_disk_too(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 50; i++) {
        report(f, i);
        if (i % 10 == 0) await(usage(f).records > 0);
    }
    await(usage(f).records == 50);
    assert_int_equal(jobs_held(f->jobs), 50);
}

static void a_broker_that_goes_away_in_between_is_waited_for(void **state) {
    struct fixture *f = *state;
    connect(f);
    report(f, 0);
    await(reports_waiting(f->reports) == 0);
    assert_int_equal(bus_embedded_set_up(f->broker, false, NULL), 0);
    report(f, 1); /* nobody has noticed yet: on disk after a second */
    await(usage(f).records == 1);
    reports_away(f->reports, true);
    report(f, 2); /* at once */
    await(usage(f).records == 2);
    assert_int_equal(bus_embedded_set_up(f->broker, true, NULL), 0);
    reports_away(f->reports, false);
    reports_retry(f->reports);
    await(reports_waiting(f->reports) == 0);
    assert_int_equal(usage(f).records, 0);
    arrived(f, "012");
}

static void the_next_start_sends_what_the_last_one_could_not_unchanged(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) report(f, i);
    stop(f); /* at once: the end itself spools */
    start(f, NULL);
    assert_int_equal(reports_waiting(f->reports), 3);
    assert_int_equal(jobs_held(f->jobs), 0);
    stop(f);
    start(f, NULL); /* and once more, without having been connected */
    connect(f);
    report(f, 7);
    await(reports_waiting(f->reports) == 0);
    assert_int_equal(usage(f).segments, 0);
    assert_int_equal(arrived(f, "0127"), 4);
}

static bool in_trouble(struct duty *duty, const char *word) {
    CLEANUP_FREE char *text = duty_trouble(duty);
    return word ? strstr(text, word) != NULL : !*text;
}

static void a_full_spool_is_trouble_until_something_is_delivered(void **state) {
    struct fixture *f = *state;
    stop(f);
    start(f, &(struct spool_limits){.records = 2});
    for (int i = 0; i < 4; i++) report(f, i);
    await(usage(f).records == 2);
    await(in_trouble(f->duty, "full"));
    assert_int_equal(reports_waiting(f->reports), 4); /* the others wait in memory */
    connect(f);
    await(reports_waiting(f->reports) == 0);
    await(in_trouble(f->duty, NULL));
    assert_int_equal(arrived(f, "0123"), 4);
}

static void with_file_limit(rlim_t bytes) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_disk_that_cannot_be_written_is_trouble_until_it_can_and_nothing_is_lost(void **state) {
    struct fixture *f = *state;
    with_file_limit(0);
    for (int i = 0; i < 3; i++) report(f, i);
    await(in_trouble(f->duty, "cannot"));
    assert_int_equal(usage(f).records, 0);
    with_file_limit(RLIM_INFINITY);
    await(usage(f).records == 3); /* by itself */
    await(in_trouble(f->duty, NULL));
    stop(f);
    start(f, NULL);
    connect(f);
    await(reports_waiting(f->reports) == 0);
    assert_int_equal(arrived(f, "012"), 3);
}

static void reports_in_memory_survive_a_broken_disk_when_the_broker_is_there(void **state) {
    struct fixture *f = *state;
    with_file_limit(0);
    report(f, 1);
    await(in_trouble(f->duty, "cannot"));
    connect(f);
    await(reports_waiting(f->reports) == 0);
    with_file_limit(RLIM_INFINITY);
    await(in_trouble(f->duty, NULL)); /* a probe finds out: there is nothing to be written */
    assert_int_equal(arrived(f, "1"), 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_acknowledged_at_once_never_touches_the_disk),
        T(without_a_broker_reports_are_on_disk_and_leave_it_when_they_are_delivered),
        T(reports_that_come_while_others_are_written_reach_the_disk_too),
        T(a_broker_that_goes_away_in_between_is_waited_for),
        T(the_next_start_sends_what_the_last_one_could_not_unchanged),
        T(a_full_spool_is_trouble_until_something_is_delivered),
        T(a_disk_that_cannot_be_written_is_trouble_until_it_can_and_nothing_is_lost),
        T(reports_in_memory_survive_a_broken_disk_when_the_broker_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
