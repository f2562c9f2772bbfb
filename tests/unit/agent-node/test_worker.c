/* The judge, from task to attempt, over a runner that computes in this very process and makes up its times. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/worker.h"
#include "common/fileio.h"
#include "fake_runner.c"

static const char PROBLEM[] =
    "problem: toy\n"
    "level: 1\n"
    "origin: test\n"
    "sizes:\n"
    "  small: {N: 8, D: 64}\n"
    "  held1: {N: 3, D: 101}\n"
    "  check: {N: 2, D: 17}\n"
    "inputs:\n"
    "  x: {dtype: f32, shape: [N, D], fill: 'normal(0, 2)'}\n"
    "graph:\n"
    "  - y = gelu(x, approximate=none)\n"
    "outputs: [y]\n";
static const char KERNEL[] =
    "kernel: toy-kernel\n"
    "problem: toy\n"
    "language: opencl-c\n"
    "source: toy.cl\n"
    "launches:\n"
    "  - {kernel: k, args: [x, y, N, D], global: [N * D]}\n";
static const char SOURCE[] =
    "__kernel void k(__global float *x, __global float *y, int N, int D) { y[get_global_id(0)] = x[0]; }\n";

static char folder[] = "/tmp/portolan-test-XXXXXX";
static struct worker *worker;
static struct rec_task task;
static struct rec_attempt attempt;

static void make_worker(bool event_times, double fma_gflops) {
    struct worker_config c = {.oracle_threads = 2, .quiet_ms = -1, .load = &fake_load};
    struct error err = ERROR_INIT;
    fake_device(&c.device);
    c.device.event_times = event_times;
    c.device.fma_gflops = fma_gflops;
    worker = worker_new(&c, &err);
    assert_non_null(worker);
    rec_device_done(&c.device);
}

static int start(void **state) {
    (void)state;
    fake_reset();
    unsetenv("PORTOLAN_TEST_HOOKS");
    make_worker(false, 0);
    fake_task(&task, PROBLEM, KERNEL);
    task.policy.sets = 3;
    task.policy.quads = 4;
    task.policy.window_ms = 0.02; /* of made-up time */
    rec_attempt_init(&attempt);
    return 0;
}

static int end(void **state) {
    (void)state;
    rec_attempt_done(&attempt);
    rec_task_done(&task);
    worker_free(worker);
    assert_int_equal(fake_counts.alive, 0);
    return 0;
}

/* Runs the toy kernel with this behaviour. */
static void run_as(const char *behaviour) {
    struct error err = ERROR_INIT;
    char source[1024];
    snprintf(source, sizeof source, "// fake: %s\n%s", behaviour, SOURCE);
    rec_set(&task.kernel_source, source);
    rec_attempt_done(&attempt);
    assert_int_equal(worker_run(worker, &task, NULL, &attempt, &err), 0);
}

static void expect_verdict(const char *name, const char *evidence) {
    if (strcmp(attempt.outcome, "verdict") != 0)
        fail_msg("%s: %s", attempt.outcome, attempt.infrastructure ? attempt.infrastructure : attempt.evidence);
    if (strcmp(attempt.verdict, name) != 0) fail_msg("%s, not %s: %s", attempt.verdict, name, attempt.evidence);
    if (!strstr(attempt.evidence, evidence)) fail_msg("no \"%s\" in: %s", evidence, attempt.evidence);
}

static void expect_infrastructure(const char *text) {
    assert_string_equal(attempt.outcome, "infrastructure");
    assert_null(attempt.verdict);
    if (!strstr(attempt.infrastructure, text)) fail_msg("no \"%s\" in: %s", text, attempt.infrastructure);
}

static const struct rec_measured *row(const char *role, const char *kernel) {
    for (size_t i = 0; i < attempt.measured.count; i++) {
        const struct rec_measured *m = &attempt.measured.items[i];
        if (strcmp(m->role, role) == 0 && (!kernel || strcmp(m->kernel, kernel) == 0)) return m;
    }
    return NULL;
}

/* --- correct ---------------------------------------------------------------------------------- */
static void an_honest_kernel_is_correct_and_its_speedup_is_exact(void **state) {
    (void)state;
    run_as("cost=1000");
    expect_verdict("correct", "");
    const struct rec_measured *m = row("candidate", NULL), *b = row("baseline", m->baseline);
    assert_non_null(b);
    assert_true(m->has_speedup && fabs(m->speedup - 2) < 1e-6);
    assert_true(fabs(m->time_ns_p50 - 1000) < 1 && fabs(b->time_ns_p50 - 2000) < 1);
    assert_int_equal(m->sets, 3);
    assert_int_equal(m->windows, 3 * 4 * 2);
    assert_true(m->speedup_low <= m->speedup && m->speedup <= m->speedup_high);
    assert_true(m->speedup_confidence > 0.7 && m->speedup_confidence < 0.8); /* three sets allow no more than 1 - 2/8 */
    assert_string_equal(attempt.generality, "general");
    assert_int_equal(attempt.sizes_checked.count, 3);
    assert_non_null(strstr(attempt.samples, "\"sets\""));
    assert_string_equal(attempt.sandbox, "fake");
}

static void the_slower_baseline_is_reported_too(void **state) {
    (void)state;
    run_as("cost=1000");
    assert_non_null(row("baseline", "plain"));
    assert_non_null(row("baseline", "fused"));
    assert_false(row("baseline", "plain")->has_speedup);
}

static void each_set_has_fresh_runners_and_never_more_than_two(void **state) {
    (void)state;
    run_as("cost=1000");
    expect_verdict("correct", "");
    /* compile, verify, compile of baselines, two for the self-test, screening, two in each of three sets */
    assert_int_equal(fake_counts.started, 6 + 2 * 3);
    assert_int_equal(fake_counts.most_alive, 2);
    assert_true(fake_counts.pauses > fake_counts.started);
}

static void without_sets_nothing_is_timed(void **state) {
    (void)state;
    task.policy.sets = 0;
    run_as("");
    expect_verdict("correct", "");
    assert_false(row("candidate", NULL)->has_time_ns_p50);
    assert_null(row("baseline", NULL));
    assert_true(row("candidate", NULL)->has_error_max);
}

static void phases_add_up_to_the_duration(void **state) {
    (void)state;
    run_as("cost=1000");
    double sum = 0;
    for (size_t i = 0; i < attempt.phases.count; i++)
        if (!strchr(attempt.phases.items[i].name, '/')) sum += attempt.phases.items[i].ms;
    assert_true(fabs(sum - attempt.duration_ms) < 1);
}

static void identity_is_copied_from_the_task(void **state) {
    (void)state;
    run_as("");
    assert_string_equal(attempt.task_id, "t1");
    assert_string_equal(attempt.attempt_id, "t1.1");
    assert_string_equal(attempt.fingerprint, "f00d");
}

/* --- verdicts --------------------------------------------------------------------------------- */
static void each_misdeed_has_its_verdict(void **state) {
    (void)state;
    static const struct {
        const char *as, *verdict, *evidence;
    } cases[] = {
        {"WRONG", "wrong_output", "1 of "},
        {"PARTIAL", "incomplete_write", "never written"},
        {"OOB", "out_of_bounds", "byte 2 behind its end"}, /* of the float 1.0 the first changed byte is that */
        {"BEFORE", "out_of_bounds", "in front of its start"},
        {"MODIFY", "input_modified", "x[0, 1] was"},
        {"NAN", "not_finite", "is nan, expected"},
        {"COARSE", "reduced_precision", "less precise than float32"},
        {"STALE", "stale_state", "earlier data set's answer"},
        {"FLAKY", "nondeterministic", "run twice"},
        {"CRASH", "crashed", "signal 11"},
        {"HANG", "timeout", "60000 ms"},
        {"BROKE", "crashed", "protocol"},
        {"REFUSE", "launch_error", "CL_INVALID_WORK_GROUP_SIZE"},
        {"NO_COMPILE", "compile_error", "kernel.cl:3:5: error: no such thing"},
        {"SLOW_COMPILE", "compile_timeout", "60000 ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_as(cases[i].as);
        if (strcmp(cases[i].as, "OOB") == 0)
            expect_verdict("out_of_bounds", "behind its end");
        else
            expect_verdict(cases[i].verdict, cases[i].evidence);
        assert_null(row("baseline", NULL));
    }
}

/* The made-up kernel rounds its input and its answer to bfloat16. */
static void declared_precision_is_judged_in_its_tier_and_recorded(void **state) {
    (void)state;
    char yaml[sizeof KERNEL + 32];
    snprintf(yaml, sizeof yaml, "%sprecision: bf16\n", KERNEL);
    rec_set(&task.kernel_yaml, yaml);
    run_as("COARSE cost=1000");
    expect_verdict("correct", "");
    assert_string_equal(attempt.precision, "bf16");
    assert_string_equal(row("candidate", NULL)->precision, "bf16");
    assert_string_equal(row("baseline", NULL)->precision, "");
    run_as("WRONG");
    expect_verdict("wrong_output", "1 of ");
    snprintf(yaml, sizeof yaml, "%sprecision: f16\n", KERNEL);
    rec_set(&task.kernel_yaml, yaml);
    run_as("COARSE");
    expect_verdict("reduced_precision", "less precise than f16");
}

static void a_problem_that_accepts_trivial_answers_gets_no_verdict(void **state) {
    (void)state;
    static const char sound[] = "gelu(x, approximate=none)", trivial[] = "mul(x, 0.0)",
                      exempt[] = "exempt: a fixture\n";
    char yaml[sizeof PROBLEM + sizeof exempt];
    const char *at = strstr(PROBLEM, sound);
    int before = (int)(at - PROBLEM);
    snprintf(yaml, sizeof yaml, "%.*s%s%s", before, PROBLEM, trivial, at + strlen(sound));
    rec_set(&task.problem_yaml, yaml);
    run_as("");
    assert_string_equal(attempt.outcome, "refused");
    assert_null(attempt.verdict);
    assert_non_null(strstr(attempt.evidence, "`toy` accepts trivial answers"));
    assert_non_null(strstr(attempt.evidence, "a product with 0 is 0 for any data"));
    assert_non_null(strstr(attempt.evidence, "`portolan problem check`"));
    assert_int_equal(fake_counts.started, 0);
    snprintf(yaml, sizeof yaml, "%s%.*s%s%s", exempt, before, PROBLEM, trivial, at + strlen(sound));
    rec_set(&task.problem_yaml, yaml);
    run_as("");
    assert_string_equal(attempt.outcome, "verdict");
}

static void the_most_severe_of_several_misdeeds_is_named(void **state) {
    (void)state;
    run_as("WRONG NAN OOB MODIFY");
    expect_verdict("out_of_bounds", "");
    run_as("WRONG NAN MODIFY");
    expect_verdict("input_modified", "");
    run_as("WRONG NAN");
    expect_verdict("not_finite", "");
    run_as("WRONG FLAKY");
    expect_verdict("wrong_output", "");
}

static void evidence_names_size_data_element_and_both_values(void **state) {
    (void)state;
    run_as("WRONG");
    expect_verdict("wrong_output", "size held1 (N=3, D=101), data declared");
    expect_verdict("wrong_output", "y[1, 50] is ");
    expect_verdict("wrong_output", "expected ");
    assert_non_null(row("candidate", NULL));
    assert_string_equal(row("candidate", NULL)->verdict, "wrong_output");
}

static void a_kernel_that_cheats_only_when_timed_is_caught(void **state) {
    (void)state;
    run_as("cost=1000 wrong_after=40");
    expect_verdict("wrong_output", "timed launch");
}

static void a_launch_that_computes_for_the_others_of_its_window_is_out_of_bounds(void **state) {
    (void)state;
    task.policy.sets = 1;
    run_as("cost=1000 AHEAD");
    expect_verdict("out_of_bounds", "a set of buffers that it was not launched on");
}

static void a_kernel_that_dawdles_in_its_warm_up_is_implausible(void **state) {
    (void)state;
    task.policy.window_ms = 1;
    run_as("cost=10000 DAWDLE");
    expect_verdict("implausible", "longer while warming up");
    fake_baseline = "cost=20000 DAWDLE"; /* the machine, not the kernel */
    run_as("cost=10000 DAWDLE");
    expect_verdict("correct", "");
}

static void what_was_copied_from_scratch_is_not_called_unwritten(void **state) {
    (void)state;
    char yaml[sizeof KERNEL + 128];
    snprintf(yaml, sizeof yaml, "%sscratch: {kept: {dtype: f32, shape: [N, D]}}\n", KERNEL);
    char *args = strstr(yaml, "[x, y, N, D]");
    assert_non_null(args);
    memcpy(args, "[x,kept,y,N]", strlen("[x,kept,y,N]"));
    rec_set(&task.kernel_yaml, yaml);
    run_as("SCRATCH");
    expect_verdict("not_finite", "what scratch `kept` held before anything was written to it");
}

static void a_candidate_is_built_before_there_are_data(void **state) {
    (void)state;
    run_as("NO_COMPILE");
    expect_verdict("compile_error", "");
    for (size_t i = 0; i < attempt.phases.count; i++)
        assert_string_not_equal(attempt.phases.items[i].name, "oracle"); /* which comes right after the data */
    run_as("cost=1000");
    expect_verdict("correct", "");
    assert_int_equal(fake_counts.compilers_with_memory, 0);
}

static void processor_time_used_while_stopped_is_implausible(void **state) {
    (void)state;
    run_as("BUSY");
    expect_verdict("implausible", "while it was stopped");
}

static void a_claim_far_from_the_workers_clock_is_implausible(void **state) {
    (void)state;
    worker_free(worker);
    make_worker(true, 0);
    task.policy.window_ms = 1;
    run_as("cost=1000 claim=0.01");
    expect_verdict("implausible", "the worker's clock says");
    run_as("cost=1000 claim=1.5");
    expect_verdict("implausible", "claims");
    run_as("cost=1000 claim=0.98");
    expect_verdict("correct", "");
}

static void what_beats_the_measured_peak_by_far_is_implausible(void **state) {
    (void)state;
    worker_free(worker);
    make_worker(false, 0.001); /* GFLOP/s: thousands of operations take milliseconds */
    run_as("cost=10");
    expect_verdict("implausible", "needs at least");
}

static void a_launch_in_no_time_is_implausible(void **state) {
    (void)state;
    task.policy.sets = 1;
    run_as("cost=0");
    expect_verdict("implausible", "less time than asking");
}

static void a_copy_that_beats_the_memory_is_implausible_unless_the_cache_holds_its_sets(void **state) {
    (void)state;
    task.policy.sets = 1;
    run_as("cost=2"); /* for 4 KiB */
    expect_verdict("correct", "");
    worker_free(worker);
    struct worker_config c = {.oracle_threads = 2, .quiet_ms = -1, .load = &fake_load};
    struct error err = ERROR_INIT;
    fake_device(&c.device);
    c.device.cache_bytes = 1 << 16; /* a window's sets are many times that */
    worker = worker_new(&c, &err);
    rec_device_done(&c.device);
    run_as("cost=2");
    expect_verdict("implausible", "bytes at");
}

static void atomics_may_change_the_last_bit_when_declared(void **state) {
    (void)state;
    char yaml[sizeof KERNEL + 64];
    snprintf(yaml, sizeof yaml, "%snondeterministic: atomics\n", KERNEL);
    rec_set(&task.kernel_yaml, yaml);
    run_as("FLAKY cost=1000");
    expect_verdict("correct", "");
}

static void run_in_place(const char *behaviour) {
    char yaml[sizeof KERNEL + 64];
    snprintf(yaml, sizeof yaml, "%sin_place: {y: x}\n", KERNEL);
    rec_set(&task.kernel_yaml, yaml);
    run_as(behaviour);
}

static void a_kernel_that_works_in_place_gets_its_input_anew_for_every_run(void **state) {
    (void)state;
    run_in_place("cost=1000"); /* gelu of its own result would be wrong, when verified and when timed */
    expect_verdict("correct", "");
    assert_true(row("candidate", NULL)->has_speedup);
    assert_true(fabs(row("candidate", NULL)->speedup - 2) < 1e-6);
}

static void what_works_in_place_is_judged_like_any_other(void **state) {
    (void)state;
    run_in_place("IDLE");
    expect_verdict("wrong_output", "");
    run_in_place("WRONG");
    expect_verdict("wrong_output", "");
    run_in_place("OOB");
    expect_verdict("out_of_bounds", "`y`");
    run_in_place("FLAKY");
    expect_verdict("nondeterministic", "");
    run_in_place("COARSE");
    expect_verdict("reduced_precision", "");
    run_in_place("cost=1000 wrong_after=40");
    expect_verdict("wrong_output", "timed launch");
    run_in_place("cost=1000 SPILL");
    expect_verdict("out_of_bounds", "wrote into `y` of a set of buffers that it was not launched on");
}

/* --- kernel files ----------------------------------------------------------------------------- */
static void a_size_that_constraints_forbid_is_moved_to_the_next_that_they_allow(void **state) {
    (void)state;
    char yaml[sizeof KERNEL + 64];
    snprintf(yaml, sizeof yaml, "%sconstraints: [\"D %% 16 == 0\"]\n", KERNEL);
    rec_set(&task.kernel_yaml, yaml);
    task.policy.sets = 0;
    run_as("");
    expect_verdict("correct", "");
    assert_string_equal(attempt.generality, "constrained");
    assert_true(rec_list_string_has(&attempt.sizes_checked, "check (D=32)"));
    assert_true(rec_list_string_has(&attempt.sizes_checked, "held1 (D=112)"));
}

static void a_kernel_for_one_size_only_is_specialised(void **state) {
    (void)state;
    char yaml[sizeof KERNEL + 64];
    snprintf(yaml, sizeof yaml, "%sspecialised: {D: 64}\n", KERNEL);
    rec_set(&task.kernel_yaml, yaml);
    task.policy.sets = 0;
    run_as("");
    expect_verdict("correct", "");
    assert_string_equal(attempt.generality, "specialised");
}

static void a_malformed_kernel_file_is_a_verdict_and_a_malformed_problem_is_not(void **state) {
    (void)state;
    rec_set(&task.kernel_yaml, "kernel: [");
    run_as("");
    expect_verdict("bad_kernel_file", "");
    rec_set(&task.kernel_yaml, KERNEL);
    rec_set(&task.problem_yaml, "problem: [");
    run_as("");
    expect_infrastructure("problem");
}

static void a_work_group_over_the_devices_is_over_a_limit(void **state) {
    (void)state;
    rec_set(&task.kernel_yaml,
            "kernel: k\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\nlaunches:\n"
            "  - {kernel: k, args: [x, y, N, D], global: [4096 * N], local: [4096]}\n");
    run_as("");
    expect_verdict("limit_exceeded", "the work-group");
}

static void what_the_device_lacks_is_unsupported(void **state) {
    (void)state;
    char yaml[sizeof KERNEL + 64];
    snprintf(yaml, sizeof yaml, "%srequires: {extensions: [cl_khr_fp16]}\n", KERNEL);
    rec_set(&task.kernel_yaml, yaml);
    run_as("");
    expect_verdict("unsupported", "cl_khr_fp16");
}

static void source_rules_are_off_only_where_tests_say_so(void **state) {
    (void)state;
    char source[1024];
    struct error err = ERROR_INIT;
    task.policy.sets = 0;
    snprintf(source, sizeof source, "__global int kept;\n%s", SOURCE);
    rec_set(&task.kernel_source, source);
    rec_attempt_done(&attempt);
    worker_run(worker, &task, NULL, &attempt, &err);
    expect_verdict("refused_source", "kept");
    task.policy.source_rules = false;
    rec_attempt_done(&attempt);
    worker_run(worker, &task, NULL, &attempt, &err);
    assert_string_equal(attempt.outcome, "refused");
    setenv("PORTOLAN_TEST_HOOKS", "1", 1);
    rec_attempt_done(&attempt);
    worker_run(worker, &task, NULL, &attempt, &err);
    expect_verdict("correct", "");
}

/* --- not the kernel's fault ------------------------------------------------------------------- */
static void a_runner_that_does_not_start_is_infrastructure(void **state) {
    (void)state;
    fake_fail_starts = 1;
    run_as("");
    expect_infrastructure("does not load");
}

static void a_baseline_that_fails_is_infrastructure(void **state) {
    (void)state;
    static const char *const ways[] = {"WRONG", "CRASH", "NO_COMPILE", "OOB", "HANG"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        fake_baseline = ways[i];
        run_as("cost=1000");
        expect_infrastructure("baseline");
    }
}

static bool cancelled;
static void cancel_when_timing(void *context, const char *phase, double done, const char *detail) {
    (void)context, (void)done, (void)detail;
    if (strcmp(phase, "time") == 0) cancelled = true;
}

static void a_cancel_ends_a_task_between_two_runners(void **state) {
    (void)state;
    struct worker_hooks hooks = {.progress = cancel_when_timing, .cancel = &cancelled};
    struct error err = ERROR_INIT;
    rec_set(&task.kernel_source, SOURCE);
    rec_attempt_done(&attempt);
    worker_run(worker, &task, &hooks, &attempt, &err);
    assert_string_equal(attempt.outcome, "cancelled");
    assert_null(attempt.verdict);
}

static void a_device_that_answers_right_is_healthy_and_one_that_does_not_is_named(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    /* The fake knows gelu only, so the known answer is wrong here. */
    assert_int_equal(worker_health_check(worker, &err), -1);
    assert_int_equal(err.code, ERR_DEVICE);
    assert_non_null(strstr(err.text, "known-answer"));
}

/* --- search ----------------------------------------------------------------------------------- */
static void a_search_finds_the_fastest_correct_configuration_and_counts_the_others(void **state) {
    (void)state;
    rec_set(&task.kind, "search");
    rec_set(&task.kernel_yaml,
            "kernel: toy-kernel\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\n"
            "tune:\n  COST: [3000, 1500, 666, 500, 777, 1200]\n"
            "launches:\n  - {kernel: k, args: [x, y, N, D], global: [N * D]}\n");
    run_as("cost=@");
    expect_verdict("correct", "");
    assert_string_equal(attempt.config, "{\"COST\":500}");
    assert_true(fabs(row("candidate", NULL)->speedup - 4) < 1e-6);
    long long correct = 0, wrong = 0, uncompiled = 0;
    for (size_t i = 0; i < attempt.counts.count; i++) {
        const struct rec_verdict_count *c = &attempt.counts.items[i];
        if (strcmp(c->verdict, "correct") == 0) correct = c->n;
        if (strcmp(c->verdict, "wrong_output") == 0) wrong = c->n;
        if (strcmp(c->verdict, "compile_error") == 0) uncompiled = c->n;
    }
    assert_int_equal(correct, 4);
    assert_int_equal(wrong, 1);
    assert_int_equal(uncompiled, 1);
}

static void a_search_without_a_correct_configuration_gives_the_defaults_verdict(void **state) {
    (void)state;
    rec_set(&task.kind, "search");
    rec_set(&task.kernel_yaml,
            "kernel: toy-kernel\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\n"
            "tune:\n  COST: [666, 777]\n"
            "launches:\n  - {kernel: k, args: [x, y, N, D], global: [N * D]}\n");
    run_as("cost=@");
    expect_verdict("wrong_output", "");
    assert_string_equal(attempt.config, "{\"COST\":666}");
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    return setenv("PORTOLAN_LOCK_DIR", folder, 1);
}

static int remove_folder(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(an_honest_kernel_is_correct_and_its_speedup_is_exact),
        T(the_slower_baseline_is_reported_too),
        T(each_set_has_fresh_runners_and_never_more_than_two),
        T(without_sets_nothing_is_timed),
        T(phases_add_up_to_the_duration),
        T(identity_is_copied_from_the_task),
        T(each_misdeed_has_its_verdict),
        T(declared_precision_is_judged_in_its_tier_and_recorded),
        T(a_problem_that_accepts_trivial_answers_gets_no_verdict),
        T(the_most_severe_of_several_misdeeds_is_named),
        T(evidence_names_size_data_element_and_both_values),
        T(a_kernel_that_cheats_only_when_timed_is_caught),
        T(a_launch_that_computes_for_the_others_of_its_window_is_out_of_bounds),
        T(a_kernel_that_dawdles_in_its_warm_up_is_implausible),
        T(what_was_copied_from_scratch_is_not_called_unwritten),
        T(a_candidate_is_built_before_there_are_data),
        T(a_launch_in_no_time_is_implausible),
        T(a_copy_that_beats_the_memory_is_implausible_unless_the_cache_holds_its_sets),
        T(processor_time_used_while_stopped_is_implausible),
        T(a_claim_far_from_the_workers_clock_is_implausible),
        T(what_beats_the_measured_peak_by_far_is_implausible),
        T(atomics_may_change_the_last_bit_when_declared),
        T(a_kernel_that_works_in_place_gets_its_input_anew_for_every_run),
        T(what_works_in_place_is_judged_like_any_other),
        T(a_size_that_constraints_forbid_is_moved_to_the_next_that_they_allow),
        T(a_kernel_for_one_size_only_is_specialised),
        T(a_malformed_kernel_file_is_a_verdict_and_a_malformed_problem_is_not),
        T(a_work_group_over_the_devices_is_over_a_limit),
        T(what_the_device_lacks_is_unsupported),
        T(source_rules_are_off_only_where_tests_say_so),
        T(a_runner_that_does_not_start_is_infrastructure),
        T(a_baseline_that_fails_is_infrastructure),
        T(a_cancel_ends_a_task_between_two_runners),
        T(a_device_that_answers_right_is_healthy_and_one_that_does_not_is_named),
        T(a_search_finds_the_fastest_correct_configuration_and_counts_the_others),
        T(a_search_without_a_correct_configuration_gives_the_defaults_verdict),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
