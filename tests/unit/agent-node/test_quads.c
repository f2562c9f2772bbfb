/* Which quads are kept, what the machine is called, and what sets say: on made-up windows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/timing/quads.h"
#include "agent-node/worker/timing/span.h"

#define SETS 5
#define QUADS 8
static struct timing *m;
static char why[256];

static void fill(struct side *s, double ns) {
    s->n = SETS * QUADS * 2;
    for (size_t i = 0; i < s->n; i++) {
        s->ns[i] = ns;
        s->foreign[i] = 0.004;
        s->cpu[i] = 1.9;
    }
}

static int begin(void **state) {
    (void)state;
    m = calloc(1, sizeof *m);
    m->sets = SETS;
    m->quads = QUADS;
    fill(&m->baseline, 1000);
    fill(&m->candidate, 800);
    return 0;
}

static int end(void **state) {
    (void)state;
    free(m);
    return 0;
}

static void judge(void) {
    quads_judge(m, true, 0);
    quads_ratios(m);
}

static void on_a_quiet_machine_everything_is_kept(void **state) {
    (void)state;
    double kept[TIMING_WINDOWS_MAX];
    judge();
    assert_int_equal(m->load.quads, SETS * QUADS);
    assert_int_equal(m->load.dropped, 0);
    assert_true(m->load.known && fabs(m->load.foreign - 0.004) < 1e-12);
    assert_false(timing_busy(m, why, sizeof why));
    assert_int_equal(timing_kept(m, &m->candidate, kept), SETS * QUADS * 2);
    for (int i = 0; i < SETS; i++) assert_true(fabs(m->log_ratio[i] - log(1.25)) < 1e-12);
}

static void one_disturbed_window_costs_its_whole_quad_and_no_other(void **state) {
    (void)state;
    double kept[TIMING_WINDOWS_MAX];
    size_t at = 2 * (2 * QUADS + 3) + 1; /* set 2, quad 3, second window */
    m->candidate.foreign[at] = 0.4;
    m->candidate.ns[at] = 99999;
    judge();
    assert_int_equal(m->load.dropped, 1);
    assert_int_equal(m->load.foreign_dropped, 1);
    assert_true(m->dropped[2 * QUADS + 3]);
    assert_false(timing_busy(m, why, sizeof why));
    assert_int_equal(timing_kept(m, &m->candidate, kept), SETS * QUADS * 2 - 2);
    for (size_t i = 0; i < SETS * QUADS * 2 - 2; i++) assert_true(kept[i] == 800);
    assert_true(fabs(m->log_ratio[2] - log(1.25)) < 1e-12);
}

static void a_runner_that_was_kept_from_the_processor_costs_the_quad(void **state) {
    (void)state;
    m->baseline.cpu[0] = 1.9 * 0.89;
    m->baseline.cpu[9] = 1.9 * 0.91;
    judge();
    assert_int_equal(m->load.dropped, 1);
    assert_int_equal(m->load.foreign_dropped, 0);
    assert_true(m->dropped[0]);
}

static void where_processor_time_varies_by_nature_it_takes_more_to_be_kept_from_it(void **state) {
    (void)state;
    for (size_t i = 0; i < m->baseline.n; i++) m->baseline.cpu[i] = 1.7 + 0.01 * (double)(i % 21); /* 1.7 to 1.9 */
    m->baseline.cpu[0] = 1.8 * 0.85;
    m->baseline.cpu[9] = 1.8 * 0.69;
    judge();
    assert_int_equal(m->load.dropped, 1);
    assert_true(m->dropped[4]);
}

static void on_a_gpu_the_runners_processor_time_says_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 16; i++) m->baseline.cpu[i] = 0.01;
    quads_judge(m, false, 0);
    assert_int_equal(m->load.dropped, 0);
}

static void over_3_percent_in_all_is_busy(void **state) {
    (void)state;
    for (size_t i = 0; i < m->baseline.n; i++)
        m->baseline.foreign[i] = 0.055; /* with 0.004: just below 3 % in the mean */
    judge();
    assert_false(timing_busy(m, why, sizeof why));
    for (size_t i = 0; i < m->baseline.n; i++) m->baseline.foreign[i] = 0.057;
    judge();
    assert_true(timing_busy(m, why, sizeof why));
    assert_non_null(strstr(why, "others used 3."));
}

static void over_a_quarter_of_the_quads_dropped_is_busy(void **state) {
    (void)state;
    for (int q = 0; q < 10; q++) m->candidate.foreign[2 * (4 * q)] = 0.16;
    judge();
    assert_int_equal(m->load.dropped, 10);
    assert_false(timing_busy(m, why, sizeof why));
    m->candidate.foreign[2] = 0.16;
    judge();
    assert_true(timing_busy(m, why, sizeof why));
    assert_non_null(strstr(why, "11 of 40 quads"));
}

static void who_is_kept_from_the_processor_by_nobody_was_not_disturbed(void **state) {
    (void)state;
    for (int q = 0; q < 11; q++) m->candidate.cpu[2 * (3 * q)] = 0.5;
    judge();
    assert_int_equal(m->load.dropped, 11); /* left out all the same */
    assert_false(timing_busy(m, why, sizeof why));
    quads_judge(m, true, 0.5); /* a counter that would not have seen anybody */
    assert_int_equal(m->load.dropped, 11);
    assert_true(timing_busy(m, why, sizeof why));
    assert_non_null(strstr(why, "11 by a runner that was kept from the processor"));
}

static void what_a_virtual_machines_host_takes_is_busy(void **state) {
    (void)state;
    m->load.stolen = 0.029;
    judge();
    assert_false(timing_busy(m, why, sizeof why));
    m->load.stolen = 0.031;
    judge();
    assert_true(timing_busy(m, why, sizeof why));
    assert_non_null(strstr(why, "host used 3.1 %"));
}

static void a_set_without_a_quad_is_busy_and_still_has_a_ratio(void **state) {
    (void)state;
    for (int q = 0; q < QUADS; q++) m->candidate.foreign[2 * q] = 0.16;
    judge();
    assert_int_equal(m->load.dropped, QUADS);
    assert_true(timing_busy(m, why, sizeof why));
    assert_non_null(strstr(why, "none left"));
    assert_true(isfinite(m->log_ratio[0]));
}

static void unknown_load_is_no_load(void **state) {
    (void)state;
    for (size_t i = 0; i < m->baseline.n; i++) {
        m->baseline.foreign[i] = m->candidate.foreign[i] = (double)NAN;
        m->baseline.cpu[i] = m->candidate.cpu[i] = (double)NAN;
    }
    judge();
    assert_false(m->load.known);
    assert_int_equal(m->load.dropped, 0);
    assert_false(timing_busy(m, why, sizeof why));
}

static void readings_that_are_off_both_ways_add_up_to_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < m->baseline.n; i++) m->baseline.foreign[i] = i % 2 ? 0.1 : -0.1;
    judge();
    assert_true(fabs(m->load.foreign - 0.002) < 1e-12);
}

static void a_coarse_counter_accuses_no_single_window(void **state) {
    (void)state;
    m->candidate.foreign[5] = 0.6; /* one tick of 10 ms on each of two processors */
    quads_judge(m, true, 1.0);
    assert_int_equal(m->load.dropped, 0);
    quads_judge(m, true, 0);
    assert_int_equal(m->load.dropped, 1);
}

/* --- the device's clock ----------------------------------------------------------------------- */
static enum verdict span_says(double baseline, double candidate, bool event_times) {
    static struct worker worker;
    struct trial t = {.worker = &worker};
    struct finding f = FINDING_INIT;
    worker.device.event_times = event_times;
    m->baseline.pace = m->candidate.pace = (struct pace){.n = 1000, .repeats = 20};
    for (size_t i = 0; i < m->baseline.n; i++) {
        m->baseline.claimed_ns[i] = baseline * m->baseline.ns[i];
        m->candidate.claimed_ns[i] = candidate * m->candidate.ns[i];
    }
    judge();
    return span_check(&t, m, &f) == 0 ? VERDICT_CORRECT : f.verdict;
}

static void spans_agree_within_5_percent_or_are_implausible(void **state) {
    (void)state;
    assert_int_equal(span_says(0.99, 0.98, true), VERDICT_CORRECT);
    assert_int_equal(span_says(0.99, 0.951, true), VERDICT_CORRECT);
    assert_int_equal(span_says(0.99, 0.94, true), VERDICT_CORRECT); /* 5 %, and two gaps of the baseline's 1 % */
    assert_int_equal(span_says(0.99, 0.92, true), VERDICT_IMPLAUSIBLE);
    assert_int_equal(span_says(1, 0.94, true), VERDICT_IMPLAUSIBLE);
    assert_int_equal(span_says(0.99, 1.06, true), VERDICT_IMPLAUSIBLE);
}

/* Seen: a kernel of 0.3 ms in runs of 2 ms, whose baseline's runs take 10 ms; each leaves 0.18 ms. */
static void a_short_runs_gap_is_a_large_part_of_it(void **state) {
    (void)state;
    for (size_t i = 0; i < m->candidate.n; i++) {
        m->candidate.ns[i] = m->baseline.ns[i];
        m->baseline.ns[i] *= 5;
    }
    assert_int_equal(span_says(0.982, 0.917, true), VERDICT_CORRECT);
    assert_int_equal(span_says(0.982, 0.75, true), VERDICT_IMPLAUSIBLE);
}

static void spans_prove_nothing_where_the_baselines_do_not_fit_either(void **state) {
    (void)state;
    assert_int_equal(span_says(0.9, 0.8, true), VERDICT_CORRECT);
    assert_int_equal(span_says(0.99, 0.5, false), VERDICT_CORRECT); /* no events */
    assert_int_equal(span_says(0, 0, true), VERDICT_CORRECT);
    for (size_t i = 0; i < m->baseline.n; i++) m->baseline.foreign[i] = 0.2;
    assert_int_equal(span_says(0.99, 0.5, true), VERDICT_CORRECT); /* busy */
}

static void a_single_bad_claim_is_not_the_median(void **state) {
    (void)state;
    span_says(1, 1, true);
    m->candidate.claimed_ns[3] = 0.2 * m->candidate.ns[3];
    assert_true(fabs(span_ratio(m, &m->candidate) - 1) < 1e-12);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {T(on_a_quiet_machine_everything_is_kept),
                                       T(one_disturbed_window_costs_its_whole_quad_and_no_other),
                                       T(a_runner_that_was_kept_from_the_processor_costs_the_quad),
                                       T(where_processor_time_varies_by_nature_it_takes_more_to_be_kept_from_it),
                                       T(on_a_gpu_the_runners_processor_time_says_nothing),
                                       T(over_3_percent_in_all_is_busy),
                                       T(over_a_quarter_of_the_quads_dropped_is_busy),
                                       T(who_is_kept_from_the_processor_by_nobody_was_not_disturbed),
                                       T(what_a_virtual_machines_host_takes_is_busy),
                                       T(a_set_without_a_quad_is_busy_and_still_has_a_ratio),
                                       T(unknown_load_is_no_load),
                                       T(readings_that_are_off_both_ways_add_up_to_nothing),
                                       T(a_coarse_counter_accuses_no_single_window),
                                       T(spans_agree_within_5_percent_or_are_implausible),
                                       T(a_short_runs_gap_is_a_large_part_of_it),
                                       T(spans_prove_nothing_where_the_baselines_do_not_fit_either),
                                       T(a_single_bad_claim_is_not_the_median)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
