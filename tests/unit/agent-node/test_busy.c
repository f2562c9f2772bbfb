/* What becomes of a task on a machine that others use, on a device that is not what it was, and with a clock that is
 * none: over runners with made-up times and a made-up machine around them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/timing/selftest.h"
#include "agent-node/worker/worker.h"
#include "common/fileio.h"
#include "fake_runner.c"

static const char PROBLEM[] =
    "problem: toy\nlevel: 1\norigin: test\nsizes:\n  small: {N: 2, D: 32}\n  check: {N: 2, D: 17}\n"
    "inputs:\n  x: {dtype: f32, shape: [N, D], fill: 'normal(0, 2)'}\n"
    "graph:\n  - y = gelu(x, approximate=none)\noutputs: [y]\n";
static const char KERNEL[] =
    "kernel: toy-kernel\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\n"
    "launches:\n  - {kernel: k, args: [x, y, N, D], global: [N * D]}\n";

static char folder[] = "/tmp/portolan-test-busy-XXXXXX";
static struct rec_task task;
static struct rec_attempt attempt;
static bool notes_load;
static const struct load_source *load;

static int begin(void **state) {
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder)) return -1;
    setenv("PORTOLAN_LOCK_DIR", folder, 1);
    fake_reset();
    notes_load = false;
    load = &fake_load;
    fake_task(&task, PROBLEM, KERNEL);
    task.policy.sets = 3;
    task.policy.quads = 8;
    task.policy.window_ms = 0.02; /* of made-up time */
    rec_attempt_init(&attempt);
    return 0;
}

static int end(void **state) {
    (void)state;
    rec_attempt_done(&attempt);
    rec_task_done(&task);
    assert_int_equal(fake_counts.alive, 0);
    return dir_remove(folder, NULL);
}

static int64_t unknown(void *context) {
    return (void)context, -1;
}
static const struct load_source no_counter = {.machine_ns = unknown, .self_ns = unknown, .now_ns = unknown, .cores = 2};

/* One attempt by a worker of its own. */
static void run_as(const char *candidate, const char *baseline) {
    struct worker_config c = {
        .oracle_threads = 2, .quiet_ms = -1, .cache_dir = folder, .load = load, .notes_load = notes_load};
    struct error err = ERROR_INIT;
    char source[512];
    fake_device(&c.device);
    struct worker *w = worker_new(&c, &err);
    assert_non_null(w);
    rec_device_done(&c.device);
    fake_baseline = baseline;
    snprintf(source, sizeof source,
             "// fake: %s\n__kernel void k(__global float *x, __global float *y, int N, int D) {}\n", candidate);
    rec_set(&task.kernel_source, source);
    rec_attempt_done(&attempt);
    assert_int_equal(worker_run(w, &task, NULL, &attempt, &err), 0);
    worker_free(w);
}

static const struct rec_measured *candidate(void) {
    for (size_t i = 0; i < attempt.measured.count; i++)
        if (strcmp(attempt.measured.items[i].role, "candidate") == 0) return &attempt.measured.items[i];
    fail_msg("no candidate: %s", attempt.infrastructure ? attempt.infrastructure : attempt.evidence);
    return NULL;
}

static void expect_correct(void) {
    if (!attempt.verdict || strcmp(attempt.verdict, "correct") != 0)
        fail_msg("%s: %s", attempt.verdict ? attempt.verdict : attempt.outcome,
                 attempt.infrastructure ? attempt.infrastructure : attempt.evidence);
}

static void contains(const char *text, const char *part) {
    if (!text || !strstr(text, part)) fail_msg("no \"%s\" in: %s", part, text ? text : "(nothing)");
}

static void a_quiet_machine_is_told_with_its_load(void **state) {
    (void)state;
    run_as("cost=1000 foreign=0.01", "foreign=0.01");
    expect_correct();
    assert_string_equal(attempt.busy, "");
    assert_true(candidate()->has_foreign_share && fabs(candidate()->foreign_share - 0.01) < 0.002);
    assert_int_equal(candidate()->quads_dropped, 0);
    contains(attempt.samples, "\"foreign_share\"");
}

static void a_busy_machine_gives_the_task_back_while_that_is_allowed(void **state) {
    (void)state;
    task.busy_left = 1;
    run_as("cost=1000 foreign=0.05", "foreign=0.05");
    assert_string_equal(attempt.outcome, "infrastructure");
    contains(attempt.infrastructure, "machine busy: others used 5.");
    assert_null(attempt.verdict);
}

static void in_the_end_the_verdict_stands_without_times(void **state) {
    (void)state;
    run_as("cost=1000 foreign=0.05", "foreign=0.05");
    expect_correct();
    contains(attempt.busy, "others used 5.");
    assert_false(candidate()->has_time_ns_p50);
    assert_false(candidate()->has_speedup);
    contains(attempt.samples, "\"sets\""); /* what was seen is kept */
}

static void or_with_times_that_say_so_where_the_policy_wants_them(void **state) {
    (void)state;
    rec_set(&task.policy.busy, "note");
    task.busy_left = 1;
    run_as("cost=1000 foreign=0.05", "foreign=0.05");
    contains(attempt.infrastructure, "machine busy");
    task.busy_left = 0;
    run_as("cost=1000 foreign=0.05", "foreign=0.05");
    expect_correct();
    contains(attempt.busy, "others used 5.");
    assert_true(candidate()->has_speedup && fabs(candidate()->speedup - 2) < 1e-6);
    assert_true(candidate()->foreign_share > 0.04);
}

static void a_machine_that_is_always_shared_never_gives_back(void **state) {
    (void)state;
    notes_load = true;
    task.busy_left = 10;
    run_as("cost=1000 foreign=0.3", "foreign=0.3");
    expect_correct();
    assert_true(candidate()->has_speedup && attempt.busy[0]);
}

static void a_wrong_kernel_is_wrong_on_a_busy_machine_too(void **state) {
    (void)state;
    task.busy_left = 3;
    run_as("WRONG foreign=0.3", "foreign=0.3");
    assert_string_equal(attempt.verdict, "wrong_output");
    run_as("cost=1000 foreign=0.3 wrong_after=60", "foreign=0.3");
    assert_string_equal(attempt.verdict, "wrong_output");
}

static void a_burst_costs_its_quads_only(void **state) {
    (void)state;
    run_as("cost=1000 foreign=0.2 every=16", "");
    expect_correct();
    assert_string_equal(attempt.busy, "");
    assert_true(candidate()->quads_dropped >= 1 && candidate()->quads_dropped <= 6);
    assert_int_equal(candidate()->windows, 2 * (3 * 8 - candidate()->quads_dropped));
    assert_true(fabs(candidate()->speedup - 2) < 1e-6);
}

static void a_runner_kept_from_the_processor_shows_without_any_counter(void **state) {
    (void)state;
    task.busy_left = 1;
    load = &no_counter;
    run_as("cost=1000 cpu=0.5 every=3", ""); /* every third window */
    contains(attempt.infrastructure, "kept from the processor");
}

static void a_search_goes_back_as_a_whole(void **state) {
    (void)state;
    rec_set(&task.kind, "search");
    rec_set(&task.kernel_yaml,
            "kernel: toy-kernel\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\ntune:\n  COST: [1500, 500]\n"
            "launches:\n  - {kernel: k, args: [x, y, N, D], global: [N * D]}\n");
    task.busy_left = 1;
    run_as("cost=@ foreign=0.2", "foreign=0.2");
    contains(attempt.infrastructure, "machine busy");
    task.busy_left = 0;
    run_as("cost=@ foreign=0.2", "foreign=0.2");
    expect_correct();
    assert_string_equal(attempt.config, "{\"COST\":500}");
    assert_true(attempt.busy[0] != 0);
}

static void a_baseline_that_drifted_from_its_history_is_told(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) run_as("cost=1000", "cost=2000");
    expect_correct();
    assert_string_equal(attempt.busy, "");
    task.busy_left = 1;
    run_as("cost=1000", "cost=2180"); /* 9 % */
    expect_correct();
    run_as("cost=1000", "cost=2300");
    contains(attempt.infrastructure, "machine busy: baseline ");
    contains(attempt.infrastructure, "% longer than in its last 4 runs");
    for (int i = 0; i < 5; i++) run_as("cost=1000", "cost=2300"); /* what lasts becomes the rule */
    expect_correct();
}

static void a_busy_machine_does_not_write_history(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) run_as("cost=1000 foreign=0.2", "cost=3000 foreign=0.2");
    run_as("cost=1000", "cost=2000");
    assert_string_equal(attempt.busy, "");
}

static void with_a_clock_that_is_none_nothing_is_timed(void **state) {
    (void)state;
    char text[64];
    fake_clock_lies = true;
    run_as("cost=1000", "");
    assert_string_equal(attempt.outcome, "infrastructure");
    contains(attempt.infrastructure, "fake-0 is not timed on");
    selftest_remembered(folder, "f00d", text, sizeof text);
    assert_string_equal(text, "");
    fake_clock_lies = false;
    run_as("cost=1000", "");
    expect_correct();
    selftest_remembered(folder, "f00d", text, sizeof text);
    assert_string_equal(text, "passed (2.000)");
    fake_clock_lies = true; /* this boot has had its test */
    run_as("cost=1000", "");
    expect_correct();
    selftest_remembered(folder, "beef", text, sizeof text); /* another driver has not */
    assert_string_equal(text, "");
}

static void the_clock_is_not_asked_where_nothing_is_timed(void **state) {
    (void)state;
    fake_clock_lies = true;
    task.policy.sets = 0;
    run_as("", "");
    expect_correct();
}

static void the_ratio_is_a_median_and_needs_rounds_that_make_sense(void **state) {
    (void)state;
    double ns[SELFTEST_ROUNDS][3];
    for (int i = 0; i < SELFTEST_ROUNDS; i++) {
        double noise = i % 4 == 0 ? 400 : 0; /* a quarter of the rounds are off by far */
        ns[i][0] = 100 + 1000 + noise;
        ns[i][1] = 100 + 2000;
        ns[i][2] = 100 + 4000;
    }
    double ratio = selftest_ratio((const double(*)[3])ns, SELFTEST_ROUNDS);
    assert_true(fabs(ratio - 2) < 1e-12 && selftest_passes(ratio));
    for (int i = 0; i < SELFTEST_ROUNDS; i++) ns[i][2] = 100 + 3800;
    assert_false(selftest_passes(selftest_ratio((const double(*)[3])ns, SELFTEST_ROUNDS)));
    for (int i = 0; i < SELFTEST_ROUNDS; i++) ns[i][1] = ns[i][0];
    assert_true(isnan(selftest_ratio((const double(*)[3])ns, SELFTEST_ROUNDS)));
    assert_false(selftest_passes((double)NAN));
    assert_true(selftest_passes(2.0999) && selftest_passes(1.9001) && !selftest_passes(2.11) && !selftest_passes(1.89));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {T(a_quiet_machine_is_told_with_its_load),
                                       T(a_busy_machine_gives_the_task_back_while_that_is_allowed),
                                       T(in_the_end_the_verdict_stands_without_times),
                                       T(or_with_times_that_say_so_where_the_policy_wants_them),
                                       T(a_machine_that_is_always_shared_never_gives_back),
                                       T(a_wrong_kernel_is_wrong_on_a_busy_machine_too),
                                       T(a_burst_costs_its_quads_only),
                                       T(a_runner_kept_from_the_processor_shows_without_any_counter),
                                       T(a_search_goes_back_as_a_whole),
                                       T(a_baseline_that_drifted_from_its_history_is_told),
                                       T(a_busy_machine_does_not_write_history),
                                       T(with_a_clock_that_is_none_nothing_is_timed),
                                       T(the_clock_is_not_asked_where_nothing_is_timed),
                                       T(the_ratio_is_a_median_and_needs_rounds_that_make_sense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
