/* What a sweep calls slower: single series, a device as a whole, causes; and sixty nights of real noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/nights.h"

#define DAY INT64_C(86400)
#define COUNT(x) (sizeof(x) / sizeof *(x))

/* Noise of one per cent that follows no pattern and needs no seed. */
static double noise(int i) {
    static const double step[] = {0.3, -0.8, 0.6, -0.2, 1.1, -0.5, 0.1, -1.2, 0.7, -0.1, 0.9, -0.6, 0.2};
    return 0.01 * step[(i * 5 + i / 13) % (int)COUNT(step)];
}

static size_t fill(struct sweep_point *points, size_t count, double base) {
    for (size_t i = 0; i < count; i++)
        points[i] = (struct sweep_point){.night_s = (int64_t)i * DAY,
                                         .device = "n/d",
                                         .kernel = "k",
                                         .time_ns = base * (1 + noise((int)i)),
                                         .driver = "1",
                                         .text_hash = "h"};
    return count;
}

static struct judge_result judged(const struct sweep_point *points, size_t count) {
    struct judge_result result;
    judge_series(points, count, &judge_defaults, &result);
    return result;
}

static void a_quiet_series_is_no_suspect(void **state) {
    (void)state;
    struct sweep_point p[30];
    for (size_t n = fill(p, 30, 1e6); n > 11; n--) assert_int_equal(judged(p, n).verdict, JUDGE_NONE);
}

static void too_few_nights_are_said_to_be_too_few(void **state) {
    (void)state;
    struct sweep_point p[30];
    fill(p, 30, 1e6);
    assert_int_equal(judged(p, 0).verdict, JUDGE_TOO_FEW);
    assert_int_equal(judged(p, 1).verdict, JUDGE_TOO_FEW);
    assert_int_equal(judged(p, (size_t)judge_defaults.min_nights).verdict, JUDGE_TOO_FEW);
    assert_int_equal(judged(p, (size_t)judge_defaults.min_nights + 1).verdict, JUDGE_NONE);
}

static void ten_per_cent_slower_is_a_suspect_the_same_night(void **state) {
    (void)state;
    struct sweep_point p[30];
    fill(p, 30, 1e6);
    p[29].time_ns *= 1.10;
    struct judge_result r = judged(p, 30);
    assert_int_equal(r.verdict, JUDGE_SUSPECT_SLOWER);
    assert_int_equal(r.recent, 1);
    assert_true(r.effect > 0.07 && r.effect < 0.13);
    assert_true(r.norm_ns > 0.98e6 && r.norm_ns < 1.02e6);
    p[29].time_ns /= 1.21;
    assert_int_equal(judged(p, 30).verdict, JUDGE_SUSPECT_FASTER);
}

static void a_change_below_the_least_effect_is_not_told_however_sure(void **state) {
    (void)state;
    struct sweep_point p[40];
    fill(p, 40, 1e6);
    for (int i = 0; i < 40; i++) p[i].time_ns = 1e6 * (1 + noise(i) / 20);
    for (int i = 30; i < 40; i++) p[i].time_ns *= 1.012;
    assert_int_equal(judged(p, 40).verdict, JUDGE_NONE);
}

static void a_small_change_shows_when_it_has_lasted(void **state) {
    (void)state;
    struct sweep_point p[40];
    fill(p, 40, 1e6);
    for (int i = 30; i < 40; i++) p[i].time_ns *= 1.03;
    struct judge_result r = judged(p, 40);
    assert_int_equal(r.verdict, JUDGE_SUSPECT_SLOWER);
    assert_true(r.recent > 1);
}

static void one_bad_measurement_is_taken_back_by_the_second(void **state) {
    (void)state;
    struct sweep_point p[31];
    fill(p, 30, 1e6);
    p[29].time_ns *= 1.2;
    assert_int_equal(judged(p, 30).verdict, JUDGE_SUSPECT_SLOWER);
    p[30] = p[29];
    p[30].time_ns = 1.004e6;
    p[30].flags = POINT_AGAIN;
    assert_int_equal(judged(p, 31).verdict, JUDGE_NONE);
}

static void what_was_over_before_tonight_is_not_told(void **state) {
    (void)state;
    struct sweep_point p[30];
    fill(p, 30, 1e6);
    for (int i = 24; i < 29; i++) p[i].time_ns *= 1.1;
    assert_int_equal(judged(p, 29).verdict, JUDGE_SUSPECT_SLOWER);
    assert_int_equal(judged(p, 30).verdict, JUDGE_NONE);
}

static void a_level_that_begins_leaves_out_what_was_before(void **state) {
    (void)state;
    struct sweep_point p[40];
    fill(p, 40, 1e6);
    for (int i = 20; i < 40; i++) p[i].time_ns *= 1.2;
    assert_int_equal(judged(p, 22).verdict, JUDGE_SUSPECT_SLOWER);
    p[20].flags = POINT_LEVEL;
    for (size_t n = 21; n <= 40; n++) assert_true(judged(p, n).verdict <= JUDGE_TOO_FEW);
    /* and a change of the new level shows soon: how noisy the series is, is known */
    p[26].time_ns *= 1.1;
    assert_int_equal(judged(p, 27).verdict, JUDGE_SUSPECT_SLOWER);
}

static void busy_nights_are_neither_norm_nor_judged(void **state) {
    (void)state;
    struct sweep_point p[30];
    fill(p, 30, 1e6);
    p[29].time_ns *= 2;
    p[29].flags = POINT_BUSY;
    assert_int_equal(judged(p, 30).verdict, JUDGE_TOO_FEW);
    p[20] = p[29];
    p[20].night_s = 20 * DAY;
    assert_int_equal(judged(p, 29).verdict, JUDGE_NONE);
}

static void impossible_times_are_left_out(void **state) {
    (void)state;
    struct sweep_point p[30];
    fill(p, 30, 1e6);
    p[5].time_ns = NAN;
    p[6].time_ns = 0;
    p[7].time_ns = -1;
    p[8].time_ns = INFINITY;
    assert_int_equal(judged(p, 30).verdict, JUDGE_NONE);
}

static void many_series_of_noise_need_more_proof(void **state) {
    (void)state;
    struct judge_result results[100];
    for (int i = 0; i < 100; i++) results[i] = (struct judge_result){.verdict = JUDGE_NONE, .p_value = 1};
    results[3] = (struct judge_result){.verdict = JUDGE_SUSPECT_SLOWER, .p_value = 0.01, .recent = 1};
    assert_int_equal(judge_night(results, 100, &judge_defaults), 0);
    assert_int_equal(results[3].verdict, JUDGE_NONE);
    results[3] = (struct judge_result){.verdict = JUDGE_SUSPECT_SLOWER, .p_value = 1e-5, .recent = 1};
    assert_int_equal(judge_night(results, 100, &judge_defaults), 1);
    assert_int_equal(results[3].verdict, JUDGE_SUSPECT_SLOWER);
}

static void settings_that_make_no_sense_are_refused(void **state) {
    (void)state;
    struct judge_config config = judge_defaults;
    assert_null(judge_config_check(&config));
    config.min_effect = NAN;
    assert_non_null(judge_config_check(&config));
    config = judge_defaults;
    config.window = JUDGE_WINDOW_MAX + 1;
    assert_non_null(judge_config_check(&config));
    config = judge_defaults;
    config.alpha = 0;
    assert_non_null(judge_config_check(&config));
}

/* --- nights ----------------------------------------------------------------------------------- */
#define DEVICES 3
#define KERNELS 8
#define SOME (DEVICES * KERNELS)

struct fleet {
    struct series series[SOME];
    struct sweep_point points[SOME][40];
    struct series_set set;
};

/* Three nodes with a device of the same kind, eight kernels each, thirty nights, and then one more. */
static void set_up_fleet(struct fleet *fleet) {
    memset(fleet, 0, sizeof *fleet);
    for (int s = 0; s < SOME; s++) {
        struct series *series = &fleet->series[s];
        snprintf(series->key.node, sizeof series->key.node, "node-%d", s / KERNELS);
        snprintf(series->key.device, sizeof series->key.device, "gpu");
        snprintf(series->key.target, sizeof series->key.target, "some-gpu");
        snprintf(series->key.problem, sizeof series->key.problem, "problem-%d", s % KERNELS);
        snprintf(series->key.kernel, sizeof series->key.kernel, "kernel-%d", s % KERNELS);
        strcpy(series->key.size, "full");
        strcpy(series->key.role, s % KERNELS == 7 ? "baseline" : "candidate");
        series->points = fleet->points[s];
        series->count = fill(series->points, 31, 1e6);
        for (int i = 0; i < 31; i++) series->points[i].time_ns = 1e6 * (1 + noise(i + 3 * s));
    }
    fleet->set = (struct series_set){fleet->series, SOME};
}

static void slow_on(struct fleet *fleet, int night, int device, int kernel, double factor) {
    for (int s = 0; s < SOME; s++)
        if ((device < 0 || s / KERNELS == device) && (kernel < 0 || s % KERNELS == kernel))
            fleet->points[s][night].time_ns *= factor;
}

static void slow(struct fleet *fleet, int device, int kernel, double factor) {
    slow_on(fleet, 30, device, kernel, factor);
}

/* The second device has been slow with all its kernels for as many nights as it takes to be told. */
static void set_up_slow_device(struct fleet *fleet) {
    set_up_fleet(fleet);
    slow_on(fleet, 28, 1, -1, 1.15);
    slow_on(fleet, 29, 1, -1, 1.15);
    slow(fleet, 1, -1, 1.15);
}

/* Judge, measure the suspects again with the same outcome, judge. */
static void night(struct fleet *fleet, struct night_findings *ret) {
    night_first(&fleet->set, 30 * DAY, &judge_defaults, SOME);
    for (int s = 0; s < SOME; s++) {
        struct series *series = &fleet->series[s];
        if (!series->again) continue;
        series->points[31] = series->points[30];
        series->points[31].time_ns *= 1.002;
        series->points[31].flags |= POINT_AGAIN;
        series->count = 32;
    }
    night_conclude(&fleet->set, 30 * DAY, &judge_defaults, ret);
}

static void expect_one(struct fleet *fleet, enum cause cause, size_t series) {
    struct night_findings findings;
    night(fleet, &findings);
    assert_int_equal(findings.count, 1);
    assert_string_equal(cause_name(findings.items[0].cause), cause_name(cause));
    assert_int_equal(findings.items[0].series_count, series);
    night_findings_done(&findings);
}

static void a_night_like_all_others_finds_nothing(void **state) {
    (void)state;
    static struct fleet fleet;
    struct night_findings findings;
    set_up_fleet(&fleet);
    night(&fleet, &findings);
    assert_int_equal(findings.count, 0);
    night_findings_done(&findings);
}

static void a_kernel_slow_on_all_devices_is_one_finding(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_fleet(&fleet);
    slow(&fleet, -1, 2, 1.12);
    expect_one(&fleet, CAUSE_KERNEL, DEVICES);
}

static void a_kernel_slow_on_one_of_three_alike_nodes_is_the_nodes(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_fleet(&fleet);
    slow(&fleet, 1, 2, 1.12);
    expect_one(&fleet, CAUSE_NODE, 1);
}

static void a_whole_device_is_one_finding_and_not_eight(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_slow_device(&fleet);
    expect_one(&fleet, CAUSE_NODE, KERNELS);
    set_up_slow_device(&fleet);
    for (int s = 0; s < SOME; s++) snprintf(fleet.series[s].key.target, TARGET_SIZE, "kind-%d", s / KERNELS);
    expect_one(&fleet, CAUSE_DEVICE, KERNELS);
}

static void a_device_that_is_slow_for_one_night_is_not_told(void **state) {
    (void)state;
    static struct fleet fleet;
    struct night_findings findings;
    set_up_fleet(&fleet);
    slow(&fleet, 1, -1, 1.15);
    night(&fleet, &findings);
    assert_int_equal(findings.count, 0);
    night_findings_done(&findings);
}

static void a_new_driver_is_named_before_all_else(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_fleet(&fleet);
    slow(&fleet, 1, -1, 1.15);
    for (int s = KERNELS; s < 2 * KERNELS; s++) fleet.points[s][30].driver = "2";
    expect_one(&fleet, CAUSE_DRIVER, KERNELS);
}

static void low_clocks_are_named(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_slow_device(&fleet);
    for (int s = KERNELS; s < 2 * KERNELS; s++) {
        for (int i = 0; i < 30; i++) fleet.points[s][i].clocks = CLOCKS_NORMAL;
        fleet.points[s][30].clocks = CLOCKS_LOW;
    }
    expect_one(&fleet, CAUSE_CLOCKS, KERNELS);
}

/* Without a reason for it: a governor, a power limit that somebody set. */
static void a_clock_that_is_lower_than_before_is_named(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_slow_device(&fleet);
    for (int s = KERNELS; s < 2 * KERNELS; s++) {
        for (int i = 0; i < 28; i++) fleet.points[s][i].clock_mhz = 1755 + i % 3;
        fleet.points[s][28].clock_mhz = fleet.points[s][29].clock_mhz = fleet.points[s][30].clock_mhz = 1500;
    }
    expect_one(&fleet, CAUSE_CLOCKS, KERNELS);
}

static void a_clock_that_strays_by_two_per_cent_is_no_cause(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_slow_device(&fleet);
    for (int s = KERNELS; s < 2 * KERNELS; s++)
        for (int i = 0; i < 31; i++) fleet.points[s][i].clock_mhz = i < 28 ? 1755 : 1720;
    expect_one(&fleet, CAUSE_NODE, KERNELS);
}

static void a_baseline_that_moves_everywhere_is_the_baseline(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_fleet(&fleet);
    slow(&fleet, -1, 7, 1.12);
    expect_one(&fleet, CAUSE_BASELINE, DEVICES);
}

static void a_suspect_that_was_not_measured_again_is_not_told(void **state) {
    (void)state;
    static struct fleet fleet;
    struct night_findings findings;
    set_up_fleet(&fleet);
    slow(&fleet, -1, 2, 1.12);
    assert_true(night_first(&fleet.set, 30 * DAY, &judge_defaults, SOME) >= 3);
    night_conclude(&fleet.set, 30 * DAY, &judge_defaults, &findings);
    assert_int_equal(findings.count, 0);
    night_findings_done(&findings);
}

static void no_more_is_measured_again_than_allowed(void **state) {
    (void)state;
    static struct fleet fleet;
    set_up_fleet(&fleet);
    slow(&fleet, -1, 2, 1.12);
    assert_int_equal(night_first(&fleet.set, 30 * DAY, &judge_defaults, 2), 2);
}

static void a_new_level_is_told_once(void **state) {
    (void)state;
    static struct fleet fleet;
    struct night_findings findings;
    set_up_fleet(&fleet);
    slow(&fleet, -1, 2, 1.12);
    night(&fleet, &findings);
    assert_int_equal(findings.count, 1);
    night_findings_done(&findings);
    for (int s = 0; s < SOME; s++) {
        struct series *series = &fleet.series[s];
        double level = s % KERNELS == 2 ? 1.12e6 : 1e6;
        series->points[series->count] = series->points[30];
        series->points[series->count].flags = 0;
        series->points[series->count].night_s = 31 * DAY;
        series->points[series->count++].time_ns = level * (1 + noise(31 + 3 * s));
    }
    night_first(&fleet.set, 31 * DAY, &judge_defaults, SOME);
    night_conclude(&fleet.set, 31 * DAY, &judge_defaults, &findings);
    assert_int_equal(findings.count, 0);
    night_findings_done(&findings);
}

/* --- sixty nights of what real drivers did (tests/data/aa) ------------------------------------ */
static void real_noise_and_no_change_gives_hardly_an_alarm(void **state) {
    (void)state;
    static struct nights w;
    assert_int_equal(nights_load(&w, "tests/data/aa/recorded.txt"), 0);
    nights_make(&w, 1001, false);
    nights_run(&w, &judge_defaults);
    /* 4,800 judgements */
    assert_true(w.alarm_count <= 12);
}

static void real_noise_and_changes_are_told_apart(void **state) {
    (void)state;
    static struct nights w;
    struct nights_score score = {0};
    assert_int_equal(nights_load(&w, "tests/data/aa/recorded.txt"), 0);
    nights_make(&w, 1002, true);
    nights_run(&w, &judge_defaults);
    nights_score(&w, &score);
    int found = 0, missed = 0;
    for (int k = 0; k < 4; k++) found += score.kind_found[k], missed += score.kind_missed[k];
    print_message("found %d, missed %d, false alarms %d\n", found, missed, score.false_alarms);
    assert_true(2 * found >= 3 * missed);
    assert_true(10 * score.false_alarms <= 2 * found);
    assert_true(score.found[NIGHTS_SIZES - 1] > score.missed[NIGHTS_SIZES - 1]);
    assert_true(score.kind_found[NIGHTS_DRIFT] > score.kind_missed[NIGHTS_DRIFT]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_series_is_no_suspect),
        cmocka_unit_test(too_few_nights_are_said_to_be_too_few),
        cmocka_unit_test(ten_per_cent_slower_is_a_suspect_the_same_night),
        cmocka_unit_test(a_change_below_the_least_effect_is_not_told_however_sure),
        cmocka_unit_test(a_small_change_shows_when_it_has_lasted),
        cmocka_unit_test(one_bad_measurement_is_taken_back_by_the_second),
        cmocka_unit_test(what_was_over_before_tonight_is_not_told),
        cmocka_unit_test(a_level_that_begins_leaves_out_what_was_before),
        cmocka_unit_test(busy_nights_are_neither_norm_nor_judged),
        cmocka_unit_test(impossible_times_are_left_out),
        cmocka_unit_test(many_series_of_noise_need_more_proof),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(a_night_like_all_others_finds_nothing),
        cmocka_unit_test(a_kernel_slow_on_all_devices_is_one_finding),
        cmocka_unit_test(a_kernel_slow_on_one_of_three_alike_nodes_is_the_nodes),
        cmocka_unit_test(a_whole_device_is_one_finding_and_not_eight),
        cmocka_unit_test(a_device_that_is_slow_for_one_night_is_not_told),
        cmocka_unit_test(a_new_driver_is_named_before_all_else),
        cmocka_unit_test(low_clocks_are_named),
        cmocka_unit_test(a_clock_that_is_lower_than_before_is_named),
        cmocka_unit_test(a_clock_that_strays_by_two_per_cent_is_no_cause),
        cmocka_unit_test(a_baseline_that_moves_everywhere_is_the_baseline),
        cmocka_unit_test(a_suspect_that_was_not_measured_again_is_not_told),
        cmocka_unit_test(no_more_is_measured_again_than_allowed),
        cmocka_unit_test(a_new_level_is_told_once),
        cmocka_unit_test(real_noise_and_no_change_gives_hardly_an_alarm),
        cmocka_unit_test(real_noise_and_changes_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
