/* The scores against values computed by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka last */
#include <cmocka.h>

#include "coordinator/api/scores.h"

static struct score_cell correct(double speedup, double low, double light) {
    return (struct score_cell){.measured = true,
                               .correct = true,
                               .has_speedup = true,
                               .speedup = speedup,
                               .speedup_low = low,
                               .has_light = true,
                               .light = light};
}

static void scores_fall_back_to_the_baseline_and_the_unclipped_value_stands_beside(void **state) {
    (void)state;
    /* 2x, 0.5x (falls back to 1), a wrong kernel (1), 8x */
    struct score_cell cells[] = {
        correct(2, 1.9, 0.25), correct(0.5, 0.4, 1.0), {.measured = true}, correct(8, 7, 0.25)};
    struct scores s;
    scores_compute(cells, 4, &s);
    assert_int_equal(s.planned, 4);
    assert_int_equal(s.measured, 4);
    assert_int_equal(s.correct, 3);
    assert_int_equal(s.faster, 2);
    assert_float_equal(s.geomean, 2.0, 1e-12);         /* (2 * 1 * 1 * 8)^(1/4) */
    assert_float_equal(s.geomean_correct, 2.0, 1e-12); /* (2 * 0.5 * 8)^(1/3) */
    assert_float_equal(s.median, 1.5, 1e-12);          /* of 1, 1, 2, 8 */
    assert_float_equal(s.light, cbrt(0.0625), 1e-12);
    assert_float_equal(s.coverage, 1.0, 0);
    assert_float_equal(s.fast_p[0], 0.5, 0);  /* > 0.5: 2 and 8 */
    assert_float_equal(s.fast_p[2], 0.5, 0);  /* > 1 */
    assert_float_equal(s.fast_p[4], 0.25, 0); /* > 2 */
}

static void missing_is_not_zero(void **state) {
    (void)state;
    struct score_cell cells[] = {correct(4, 3, 0.5), {0}, {0}, {0}};
    struct scores s;
    scores_compute(cells, 4, &s);
    assert_float_equal(s.geomean, 4.0, 1e-12);
    assert_float_equal(s.coverage, 0.25, 0);
    assert_float_equal(s.fast_p[4], 1.0, 0);
}

static void weak_baselines_are_counted_and_averaged_nowhere(void **state) {
    (void)state;
    struct score_cell weak = correct(100, 90, 0.9);
    weak.weak = true;
    struct score_cell cells[] = {correct(2, 1.9, 0.5), weak};
    struct scores s;
    scores_compute(cells, 2, &s);
    assert_int_equal(s.weak, 1);
    assert_int_equal(s.measured, 2);
    assert_float_equal(s.geomean, 2.0, 1e-12);
    assert_int_equal(s.faster, 1);
}

static void nothing_measured_gives_no_figures(void **state) {
    (void)state;
    struct score_cell cells[] = {{0}};
    struct scores s;
    scores_compute(cells, 1, &s);
    assert_true(isnan(s.geomean) && isnan(s.median) && isnan(s.geomean_correct) && isnan(s.light) &&
                isnan(s.fast_p[0]));
    assert_float_equal(s.coverage, 0, 0);
    scores_compute(cells, 0, &s);
    assert_true(isnan(s.coverage));
}

static void faster_means_that_the_whole_interval_is_beyond_half_a_per_cent(void **state) {
    (void)state;
    struct score_cell cell = correct(1.2, 1.004, 0.5);
    assert_false(score_is_faster(&cell));
    cell.speedup_low = 1.006;
    assert_true(score_is_faster(&cell));
    cell.correct = false;
    assert_false(score_is_faster(&cell));
    assert_float_equal(score_of(&cell), 1.0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_fall_back_to_the_baseline_and_the_unclipped_value_stands_beside),
        cmocka_unit_test(missing_is_not_zero),
        cmocka_unit_test(weak_baselines_are_counted_and_averaged_nowhere),
        cmocka_unit_test(nothing_measured_gives_no_figures),
        cmocka_unit_test(faster_means_that_the_whole_interval_is_beyond_half_a_per_cent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
