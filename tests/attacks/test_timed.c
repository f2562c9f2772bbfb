/* Attacks on what is looked at: a runner that is honest while it is verified and lazy while it is timed, where it hopes
 * that nobody looks; and a search that is satisfied by its cheap check. Runners are made up here (fake_runner.c), since
 * a driver's kernels cannot be this sure of themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/timing/lane.h"
#include "agent-node/worker/worker.h"
#include "common/fileio.h"
#include "fake_runner.c"

#define PROBLEM                                                         \
    "problem: toy\nlevel: 1\norigin: test\n"                            \
    "sizes:\n  small: {N: 8, D: 64}\n  check: {N: 2, D: 17}\n"          \
    "inputs:\n  x: {dtype: f32, shape: [N, D], fill: 'normal(0, 2)'}\n" \
    "graph:\n  - y = gelu(x, approximate=none)\noutputs: [y]\n"
#define KERNEL(tune)                                                              \
    "kernel: toy-kernel\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\n" tune \
    "launches:\n  - {kernel: k, args: [x, y, N, D], global: [N * D]}\n"

static char folder[] = "/tmp/portolan-test-XXXXXX";
static struct worker *worker;
static struct rec_task task;
static struct rec_attempt attempt;

static int start(void **state) {
    (void)state;
    fake_reset();
    struct worker_config c = {.oracle_threads = 2, .quiet_ms = -1, .load = &fake_load};
    fake_device(&c.device);
    worker = worker_new(&c, NULL);
    assert_non_null(worker);
    rec_device_done(&c.device);
    fake_task(&task, PROBLEM, KERNEL(""));
    task.policy.sets = 2;
    task.policy.quads = 4;
    task.policy.window_ms = 0.02;
    rec_attempt_init(&attempt);
    return 0;
}

static int end(void **state) {
    (void)state;
    rec_attempt_done(&attempt);
    rec_task_done(&task);
    worker_free(worker);
    return 0;
}

static void run_as(const char *behaviour) {
    char source[512];
    snprintf(source, sizeof source,
             "// fake: %s\n__kernel void k(__global float *x, __global float *y, int N, int D) { y[0] = x[0]; }\n",
             behaviour);
    rec_set(&task.kernel_source, source);
    rec_attempt_done(&attempt);
    assert_int_equal(worker_run(worker, &task, NULL, &attempt, NULL), 0);
}

static void is_caught(const char *behaviour, const char *verdict) {
    run_as(behaviour);
    assert_string_equal(attempt.outcome, "verdict");
    if (strcmp(attempt.verdict, verdict) != 0) fail_msg("%s: %s: %s", behaviour, attempt.verdict, attempt.evidence);
    if (!strstr(attempt.evidence, "timed launch")) fail_msg("not by a timed launch: %s", attempt.evidence);
    for (size_t i = 0; i < attempt.measured.count; i++)
        if (strcmp(attempt.measured.items[i].role, "candidate") == 0)
            assert_false(attempt.measured.items[i].has_speedup);
}

static void computing_only_the_ends_of_a_window_is_found_out(void **state) {
    (void)state;
    is_caught("cost=1000 ends_after=60", "incomplete_write");
}

/* Sets with known answers would give themselves away if a process met them twice. */
static void computing_only_what_was_there_before_is_found_out(void **state) {
    (void)state;
    is_caught("cost=1000 seen_after=60", "incomplete_write");
}

/* Where an evaluation of the oracle is slow, two answers are all that is known: neither may have one place only. */
static void the_places_that_are_looked_at_are_not_known_beforehand(void **state) {
    (void)state;
    enum { WINDOWS = 16, N = 8, REPEATS = 2, TIMES = 400 };
    int first = 0, last = 0, middle[N] = {0};
    for (int i = 0; i < TIMES; i++) {
        struct lane l = {.pace = {.n = N, .repeats = REPEATS}};
        lane_choose_peeks(&l, WINDOWS);
        const struct peek *a = &l.peek[0], *b = &l.peek[1];
        first += a->window == 0 && a->repeat == 0 && a->position == 0;
        last += b->window == WINDOWS - 1 && b->repeat == REPEATS - 1 && b->position == N - 1;
        for (int k = 0; k < POOL_CHECKS; k++) {
            assert_in_range(l.peek[k].window, 0, WINDOWS - 1);
            assert_in_range(l.peek[k].repeat, 0, REPEATS - 1);
            assert_in_range(l.peek[k].position, 0, N - 1);
        }
        middle[a->position]++, middle[b->position]++;
    }
    assert_in_range(first, TIMES / 4, TIMES * 3 / 4); /* the ends are looked at often ... */
    assert_in_range(last, TIMES / 4, TIMES * 3 / 4);
    for (int p = 1; p < N - 1; p++) assert_true(middle[p] > 0); /* ... and every other place at times */
}

/* A configuration that passes the cheap check alone costs its own kernel a finalist and gains nothing: the whole
 * verification comes after it. */
static void the_cheap_check_of_a_search_decides_nothing(void **state) {
    (void)state;
    rec_set(&task.kind, "search");
    rec_set(&task.kernel_yaml, KERNEL("tune:\n  COST: [3000, 1500]\n"));
    run_as("cost=@ wrong_after=1");
    assert_string_equal(attempt.outcome, "verdict");
    assert_string_not_equal(attempt.verdict, "correct");
    run_as("cost=@");
    assert_string_equal(attempt.verdict, "correct");
    assert_string_equal(attempt.config, "{\"COST\":1500}");
}

/* Each task has processes of its own: verification, screening, and two in each set. What one remembers, the next has
 * not. */
static void no_process_serves_two_tasks(void **state) {
    (void)state;
    run_as("cost=1000");
    int once = fake_counts.started;
    run_as("cost=1000");
    assert_true(fake_counts.started >= once + 2 * task.policy.sets + 1); /* less what the cache of binaries saves */
    assert_int_equal(fake_counts.alive, 0);
    assert_string_equal(attempt.verdict, "correct");
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? setenv("PORTOLAN_LOCK_DIR", folder, 1) : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(computing_only_the_ends_of_a_window_is_found_out),
        T(computing_only_what_was_there_before_is_found_out),
        T(the_places_that_are_looked_at_are_not_known_beforehand),
        T(the_cheap_check_of_a_search_decides_nothing),
        T(no_process_serves_two_tasks),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
