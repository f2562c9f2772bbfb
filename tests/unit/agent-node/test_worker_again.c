/* What a task leaves so that it can be run again, running it again, and the audit: the judge over a made-up runner. */
#include <jansson.h>
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
    "problem: toy\nlevel: 1\norigin: test\nsizes:\n  small: {N: 8, D: 64}\n  check: {N: 2, D: 17}\n"
    "inputs:\n  x: {dtype: f32, shape: [N, D], fill: 'normal(0, 2)'}\n"
    "graph:\n  - y = gelu(x, approximate=none)\noutputs: [y]\n";
static const char KERNEL[] =
    "kernel: toy-kernel\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\ntune:\n  COST: [3000, 1000]\n"
    "launches:\n  - {kernel: k, args: [x, y, N, D], global: [N * D]}\n";
static const char SOURCE[] =
    "__kernel void k(__global float *x, __global float *y, int N, int D) { y[get_global_id(0)] = x[0]; }\n";

static char folder[] = "/tmp/portolan-test-XXXXXX";
static struct worker *worker;
static struct rec_task task;
static struct rec_attempt attempt;

static struct worker *make_worker(const char *state_dir) {
    struct worker_config c = {.oracle_threads = 2, .quiet_ms = -1, .state_dir = state_dir};
    struct rec_device *d = &c.device;
    fake_device(d);
    rec_set(&d->name, "A fake device");
    rec_set(&d->driver_version, "1.0");
    struct worker *w = worker_new(&c, NULL);
    rec_device_done(d);
    assert_non_null(w);
    return w;
}

static int start(void **state) {
    (void)state;
    fake_reset();
    worker = make_worker(NULL);
    fake_task(&task, PROBLEM, KERNEL);
    task.policy.sets = 0;
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

static void run_as(const char *behaviour) {
    struct error err = ERROR_INIT;
    char source[1024];
    snprintf(source, sizeof source, "// fake: %s\n%s", behaviour, SOURCE);
    rec_set(&task.kernel_source, source);
    rec_attempt_done(&attempt);
    assert_int_equal(worker_run(worker, &task, NULL, &attempt, &err), 0);
}

static void expect(const char *verdict) {
    if (strcmp(attempt.outcome, "verdict") != 0)
        fail_msg("%s: %s", attempt.outcome, attempt.infrastructure ? attempt.infrastructure : attempt.evidence);
    if (strcmp(attempt.verdict, verdict) != 0) fail_msg("%s, not %s: %s", attempt.verdict, verdict, attempt.evidence);
}

/* How many sets of a record have `key`. */
static size_t sets_with(const char *seeds, const char *key) {
    json_t *root = json_loads(seeds, 0, NULL), *set;
    size_t i, n = 0;
    json_array_foreach(json_object_get(root, "sets"), i, set) n += json_object_get(set, key) != NULL;
    json_decref(root);
    return n;
}

static bool same_sets(const char *a, const char *b) {
    json_t *x = json_loads(a, 0, NULL), *y = json_loads(b, 0, NULL);
    bool same = json_equal(json_object_get(x, "sets"), json_object_get(y, "sets"));
    json_decref(x);
    json_decref(y);
    return same;
}

/* --- the record ------------------------------------------------------------------------------- */
static void a_record_names_the_device_and_every_set_of_data_but_no_seed_in_use(void **state) {
    (void)state;
    run_as("");
    expect("correct");
    assert_string_equal(attempt.device_name, "A fake device");
    assert_string_equal(attempt.driver_version, "1.0");
    assert_true(sets_with(attempt.seeds, "seal") >= 5);
    assert_int_equal(sets_with(attempt.seeds, "seed"), 0);
    assert_int_equal(sets_with(attempt.seeds, "answer"), sets_with(attempt.seeds, "seal"));
}

static void the_seed_of_what_was_seen_is_told_and_never_drawn_from_again(void **state) {
    (void)state;
    run_as("WRONG");
    expect("wrong_output");
    size_t told = sets_with(attempt.seeds, "seed");
    assert_true(told > 0);
    char *before = xstrdup(attempt.seeds);
    run_as("");
    assert_int_equal(sets_with(attempt.seeds, "seed"), 0);
    assert_false(same_sets(before, attempt.seeds));
    free(before);
}

static void a_promotion_draws_its_own_data_and_tells_them(void **state) {
    (void)state;
    run_as("");
    char *before = xstrdup(attempt.seeds);
    rec_set(&task.purpose, "promotion");
    run_as("");
    expect("correct");
    assert_int_equal(sets_with(attempt.seeds, "seal"), 0);
    assert_true(sets_with(attempt.seeds, "seed") >= 5);
    rec_set(&task.purpose, "campaign");
    run_as("");
    assert_true(same_sets(before, attempt.seeds)); /* the pool has kept its own */
    free(before);
}

static void a_task_is_measured_in_the_configuration_that_it_names(void **state) {
    (void)state;
    task.policy.sets = 3;
    task.policy.quads = 2;
    task.policy.window_ms = 0.02;
    rec_set(&task.config, "{\"COST\":1000}");
    run_as("cost=@");
    expect("correct");
    assert_string_equal(attempt.config, "{\"COST\":1000}");
    rec_set(&task.config, "{\"COST\":17}");
    run_as("cost=@");
    expect("bad_kernel_file");
    assert_non_null(strstr(attempt.evidence, "17"));
}

static void a_search_tells_the_data_of_the_configuration_that_it_reports(void **state) {
    (void)state;
    rec_set(&task.kind, "search");
    run_as("cost=@");
    expect("correct");
    size_t sets = sets_with(attempt.seeds, "data");
    assert_true(sets >= 5);
    rec_set(&task.kind, "measure");
    rec_set(&task.config, attempt.config);
    rec_set(&task.seeds, attempt.seeds);
    run_as("cost=@");
    assert_int_equal(sets_with(attempt.seeds, "data"), sets_with(task.seeds, "answer"));
    rec_set(&task.kind, "search");
    rec_set(&task.seeds, "");
    run_as("cost=@ WRONG");
    expect("wrong_output");
    assert_int_equal(sets_with(attempt.seeds, "data"), 0);
}

/* --- again ------------------------------------------------------------------------------------ */
static void a_replay_of_a_correct_kernel_has_the_same_data_and_answers(void **state) {
    (void)state;
    run_as("");
    rec_set(&task.seeds, attempt.seeds);
    run_as("");
    expect("correct");
    assert_true(same_sets(task.seeds, attempt.seeds));
}

static void a_replay_of_a_refused_kernel_finds_the_same_in_the_same_place(void **state) {
    (void)state;
    run_as("WRONG");
    char *evidence = xstrdup(attempt.evidence);
    rec_set(&task.seeds, attempt.seeds);
    run_as("WRONG");
    expect("wrong_output");
    assert_string_equal(attempt.evidence, evidence);
    rec_set(&task.seeds, "");
    run_as("WRONG");
    assert_string_not_equal(attempt.evidence, evidence); /* other data, other values */
    free(evidence);
}

static void another_process_opens_its_own_seals_and_nobody_elses(void **state) {
    (void)state;
    struct worker *with_key = make_worker(folder), *ephemeral = worker;
    worker = with_key;
    run_as("");
    worker_free(with_key);
    rec_set(&task.seeds, attempt.seeds);
    worker = with_key = make_worker(folder); /* the node's agent, started again */
    run_as("");
    assert_true(same_sets(task.seeds, attempt.seeds));
    worker_free(with_key);
    worker = ephemeral;
    run_as("");
    expect("correct");
    assert_false(same_sets(task.seeds, attempt.seeds));
}

static void seeds_that_are_no_record_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"nonsense", "{}", "{\"sets\": 3}", "[1]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rec_set(&task.seeds, bad[i]);
        run_as("");
        assert_string_equal(attempt.outcome, "infrastructure");
        assert_non_null(strstr(attempt.infrastructure, "seeds"));
    }
}

/* --- audit ------------------------------------------------------------------------------------ */
static void an_audit_that_finds_nothing_says_so(void **state) {
    (void)state;
    run_as("");
    assert_string_equal(attempt.audit, ""); /* not asked for */
    task.policy.audit = true;
    run_as("");
    expect("correct");
    assert_non_null(strstr(attempt.audit, "clean: Oclgrind found no race"));
    assert_non_null(strstr(attempt.audit, "size check"));
}

static void what_an_audit_finds_is_a_verdict_with_place_and_line(void **state) {
    (void)state;
    task.policy.audit = true;
    run_as("READS_OUTSIDE");
    expect("out_of_bounds");
    assert_non_null(strstr(attempt.evidence, "under Oclgrind, size check (N=2, D=17)"));
    assert_non_null(strstr(attempt.evidence, "reads outside its buffers"));
    assert_non_null(strstr(attempt.evidence, "work-item Global(3,0,0)"));
    if (!strstr(attempt.evidence, "line 2 (column 5): __kernel void k")) fail_msg("%s", attempt.evidence);
    assert_true(strncmp(attempt.audit, "found: ", 7) == 0);
    assert_non_null(strstr(attempt.log, "Invalid read of size 4"));
    run_as("RACES");
    expect("nondeterministic");
    assert_non_null(strstr(attempt.evidence, "has a data race"));
    run_as("UNWRITTEN");
    expect("nondeterministic");
    assert_non_null(strstr(attempt.evidence, "never written"));
}

static void an_audit_takes_part_in_the_order_of_verdicts(void **state) {
    (void)state;
    task.policy.audit = true;
    run_as("RACES READS_OUTSIDE");
    expect("out_of_bounds");
    run_as("WRONG RACES");
    expect("wrong_output");
    assert_non_null(strstr(attempt.audit, "found: "));
    run_as("WRONG READS_OUTSIDE");
    expect("out_of_bounds");
    run_as("CRASH READS_OUTSIDE");
    expect("crashed");
    assert_non_null(strstr(attempt.audit, "not audited"));
}

static void where_the_simulator_falls_over_it_looks_for_less_and_says_so(void **state) {
    (void)state;
    task.policy.audit = true;
    static const char *const falls[] = {"SIM_FAINTS", "SIM_FATAL"};
    for (size_t i = 0; i < sizeof falls / sizeof *falls; i++) {
        run_as(falls[i]);
        expect("correct");
        assert_non_null(strstr(attempt.audit, "clean: Oclgrind found no race and no access"));
        assert_non_null(strstr(attempt.audit, "unwritten values were not looked for"));
    }
    run_as("SIM_FATAL RACES");
    expect("nondeterministic");
    run_as("SIM_DIES");
    expect("correct");
    assert_non_null(strstr(attempt.audit, "not audited: Oclgrind could not run"));
}

static void an_audit_that_could_not_be_made_is_no_pass_and_no_fault(void **state) {
    (void)state;
    static const struct {
        const char *as, *says;
    } cases[] = {{"SIM_REJECTS", "does not take the source: error: half what?"},
                 {"SIM_SLOW", "took longer than"},
                 {"SIM_RIDDLE", "not understood: "}};
    task.policy.audit = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_as(cases[i].as);
        expect("correct");
        assert_true(strncmp(attempt.audit, "not audited: ", 13) == 0);
        if (!strstr(attempt.audit, cases[i].says)) fail_msg("no \"%s\" in: %s", cases[i].says, attempt.audit);
    }
    fake_no_simulator = true;
    run_as("READS_OUTSIDE");
    expect("correct");
    assert_string_equal(attempt.audit,
                        "not audited: Oclgrind is not installed on this node hint: apt install oclgrind");
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
        T(a_record_names_the_device_and_every_set_of_data_but_no_seed_in_use),
        T(the_seed_of_what_was_seen_is_told_and_never_drawn_from_again),
        T(a_promotion_draws_its_own_data_and_tells_them),
        T(a_task_is_measured_in_the_configuration_that_it_names),
        T(a_search_tells_the_data_of_the_configuration_that_it_reports),
        T(a_replay_of_a_correct_kernel_has_the_same_data_and_answers),
        T(a_replay_of_a_refused_kernel_finds_the_same_in_the_same_place),
        T(another_process_opens_its_own_seals_and_nobody_elses),
        T(seeds_that_are_no_record_are_refused),
        T(an_audit_that_finds_nothing_says_so),
        T(what_an_audit_finds_is_a_verdict_with_place_and_line),
        T(an_audit_takes_part_in_the_order_of_verdicts),
        T(where_the_simulator_falls_over_it_looks_for_less_and_says_so),
        T(an_audit_that_could_not_be_made_is_no_pass_and_no_fault),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
