/* The port matrix: whatever it holds, it must be legible at 100 columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/render.h"
#include "common/cleanup.h"
#include "tests/unit/cli/printed.h"

static json_t *matrix_new(void) {
    return json_of("{'problems': [], 'targets': [], 'cells': [], 'scores': [], 'verdicts': {}}");
}

static void add_name(json_t *matrix, const char *key, const char *name) {
    json_array_append_new(json_object_get(matrix, key), json_string(name));
}

static json_t *add_cell(json_t *matrix, const char *problem, const char *target, const char *size,
                        const char *verdict) {
    json_t *cell = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "problem", problem, "target", target, "size", size,
                             "state", "done", "outcome", "verdict", "verdict", verdict);
    json_array_append_new(json_object_get(matrix, "cells"), cell);
    return cell;
}

static void add_correct(json_t *matrix, const char *problem, const char *target, const char *size, double speedup,
                        bool faster) {
    json_t *cell = add_cell(matrix, problem, target, size, "correct");
    json_object_set_new(cell, "speedup", json_real(speedup));
    json_object_set_new(cell, "speedup_low", json_real(speedup - 0.02));
    json_object_set_new(cell, "speedup_high", json_real(speedup + 0.02));
    json_object_set_new(cell, "baseline", json_string("fused"));
    json_object_set_new(cell, "faster", json_boolean(faster));
    json_object_set_new(cell, "weak_baseline", json_boolean(!faster));
}

static void declared_precision_stands_beside_the_strict_one(void **state) {
    (void)state;
    json_t *m = matrix_new();
    add_name(m, "problems", "gelu");
    add_name(m, "problems", "mlp");
    add_name(m, "targets", "pocl-cpu");
    add_correct(m, "gelu", "pocl-cpu", "small", 1.76, true);
    json_t *cell = json_array_get(json_object_get(m, "cells"), 0);
    json_object_set_new(cell, "reduced", json_pack("[{s:s, s:f}]", "precision", "bf16", "speedup", 3.2));
    add_correct(m, "mlp", "pocl-cpu", "small", 2.5, false);
    cell = json_array_get(json_object_get(m, "cells"), 1);
    json_object_set_new(cell, "precision", json_string("f16"));
    json_object_set_new(cell, "reduced", json_pack("[{s:s, s:f}]", "precision", "f16", "speedup", 2.5));
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    assert_string_equal(printed_text(&p),
                        "problem (size small)  pocl-cpu\n"
                        "gelu                  1.76x [1.74, 1.78] vs fused (bf16 3.20x ~)\n"
                        "mlp                   f16 2.50x ~\n"
                        "over the fastest baseline [interval: 94 % from 5 fresh sets of runners, 99 % from 8 on]\n"
                        "~  by kernels that declare less precision: held to that, ranked apart\n"
                        "\nverdicts: none yet\n");
    printed_end(&p);
    json_decref(m);
}

static void a_matrix_that_fits_has_one_line_a_problem(void **state) {
    (void)state;
    json_t *m = matrix_new();
    add_name(m, "problems", "gelu");
    add_name(m, "problems", "softmax");
    add_name(m, "targets", "mesa-llvmpipe");
    add_name(m, "targets", "pocl-cpu");
    add_correct(m, "gelu", "mesa-llvmpipe", "small", 1.76, true);
    add_correct(m, "gelu", "pocl-cpu", "small", 1.0, false);
    add_cell(m, "softmax", "pocl-cpu", "small", "wrong_output");
    json_object_set_new(json_object_get(m, "verdicts"), "correct", json_integer(2));
    json_object_set_new(json_object_get(m, "verdicts"), "wrong_output", json_integer(1));
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    assert_string_equal(printed_text(&p),
                        "problem (size small)  mesa-llvmpipe                pocl-cpu\n"
                        "gelu                  1.76x [1.74, 1.78] vs fused  1.00x [0.98, 1.02] vs fused = *\n"
                        "softmax                                            wrong_output\n"
                        "over the fastest baseline [interval: 94 % from 5 fresh sets of runners, 99 % from 8 on]\n"
                        "=  not proven faster: the interval does not clear 1.005\n"
                        "*  weak baseline: below 25 % of the speed of light; left out of the scores\n"
                        "\nverdicts: correct 2, wrong_output 1\n");
    printed_end(&p);
    json_decref(m);
}

#define LONG_NAME "conv-transpose2d-softmax-bias-scale-sigmoid"
static void three_targets_and_a_long_problem_fit_100_columns_in_two_lines(void **state) {
    (void)state;
    json_t *m = matrix_new();
    static const char *const targets[] = {"intel-cpu", "mesa-llvmpipe", "pocl-cpu"};
    add_name(m, "problems", LONG_NAME);
    for (size_t i = 0; i < 3; i++) {
        add_name(m, "targets", targets[i]);
        add_correct(m, LONG_NAME, targets[i], "small", 1.5, i != 1);
    }
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    const char *text = printed_text(&p);
    assert_true(widest(text) <= 100);
    const char *expected =
        "problem (size small)            intel-cpu       mesa-llvmpipe       pocl-cpu\n"
        "conv-transpose2d-softmax-bias-  1.50x vs fused  1.50x vs fused = *  1.50x vs fused\n"
        "scale-sigmoid                   [1.48, 1.52]    [1.48, 1.52]        [1.48, 1.52]\n";
    assert_memory_equal(text, expected, strlen(expected));
    printed_end(&p);
    json_decref(m);
}

static void targets_that_do_not_fit_get_a_table_of_their_own(void **state) {
    (void)state;
    json_t *m = matrix_new();
    add_name(m, "problems", "softmax");
    for (int i = 0; i < 9; i++) {
        CLEANUP_FREE char *target = xasprintf("target-%d-of-many", i);
        add_name(m, "targets", target);
        add_correct(m, "softmax", target, "small", 1.5, true);
    }
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    assert_true(widest(printed_text(&p)) <= 100);
    for (int i = 0; i < 9; i++) {
        char target[32];
        snprintf(target, sizeof target, "target-%d-of-many", i);
        assert_non_null(strstr(printed_text(&p), target));
    }
    printed_end(&p);
    json_decref(m);
}

static void sizes_that_differ_are_shown_in_the_cells_and_none_is_lost(void **state) {
    (void)state;
    json_t *m = matrix_new();
    add_name(m, "problems", "softmax");
    add_name(m, "targets", "pocl-cpu");
    add_correct(m, "softmax", "pocl-cpu", "full", 1.2, true);
    add_correct(m, "softmax", "pocl-cpu", "small", 1.5, true);
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    const char *expected =
        "problem  pocl-cpu\n"
        "softmax  1.20x [1.18, 1.22] vs fused full\n"
        "         1.50x [1.48, 1.52] vs fused small\n";
    assert_memory_equal(printed_text(&p), expected, strlen(expected));
    printed_end(&p);
    json_decref(m);
}

static void a_speedup_without_interval_stands_alone(void **state) {
    (void)state;
    json_t *m = matrix_new();
    add_name(m, "problems", "softmax");
    add_name(m, "targets", "pocl-cpu");
    add_correct(m, "softmax", "pocl-cpu", "small", 1.2, false);
    json_t *cell = json_array_get(json_object_get(m, "cells"), 0);
    json_object_set_new(cell, "speedup_low", json_null());
    json_object_set_new(cell, "speedup_high", json_null());
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    assert_non_null(strstr(printed_text(&p), "softmax               1.20x vs fused = *\n"));
    printed_end(&p);
    json_decref(m);
}

static void scores_of_one_size_are_shown_once_and_those_of_nothing_as_dashes(void **state) {
    (void)state;
    json_t *m = matrix_new();
    json_object_set_new(
        m, "scores",
        json_of(
            "[{'target': 'pocl-cpu', 'size': 'small', 'planned': 9, 'measured': 8, 'correct': 7, 'faster': 6, "
            "'geomean': 1.31,"
            "  'geomean_correct': 1.36, 'median': 1.22, 'fast_p': {'1': 0.78, '1.5': 0.33}, 'speed_of_light': 0.41},"
            " {'target': 'pocl-cpu', 'size': null, 'planned': 9, 'measured': 8, 'correct': 7, 'faster': 6},"
            " {'target': 'intel-cpu', 'size': 'small', 'planned': 1, 'measured': 0, 'correct': 0, 'faster': 0, "
            "'geomean': null},"
            " {'target': 'intel-cpu', 'size': 'full', 'planned': 1, 'measured': 0, 'correct': 0, 'faster': 0},"
            " {'target': 'intel-cpu', 'size': null, 'planned': 2, 'measured': 0, 'correct': 0, 'faster': 0}]"));
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    const char *expected =
        "no cells yet\n\n"
        "target     size   covered  correct  faster  geomean  unclipped  median  fast_1  fast_1.5  light\n"
        "pocl-cpu   small      8/9        7       6    1.31x      1.36x   1.22x    0.78      0.33   41 %\n"
        "intel-cpu  small      0/1        0       0        -          -       -       -         -      -\n"
        "intel-cpu  full       0/1        0       0        -          -       -       -         -      -\n"
        "intel-cpu  all        0/2        0       0        -          -       -       -         -      -\n"
        "geomean, median: ";
    assert_memory_equal(printed_text(&p), expected, strlen(expected));
    assert_true(widest(printed_text(&p)) <= 100);
    printed_end(&p);
    json_decref(m);
}

static void an_empty_matrix_says_so(void **state) {
    (void)state;
    json_t *m = matrix_new();
    struct printed p;
    printed_begin(&p);
    render_matrix(m, 100, p.out);
    assert_string_equal(printed_text(&p), "no cells yet\n\nverdicts: none yet\n");
    printed_end(&p);
    json_decref(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_precision_stands_beside_the_strict_one),
        cmocka_unit_test(a_matrix_that_fits_has_one_line_a_problem),
        cmocka_unit_test(three_targets_and_a_long_problem_fit_100_columns_in_two_lines),
        cmocka_unit_test(targets_that_do_not_fit_get_a_table_of_their_own),
        cmocka_unit_test(sizes_that_differ_are_shown_in_the_cells_and_none_is_lost),
        cmocka_unit_test(a_speedup_without_interval_stands_alone),
        cmocka_unit_test(scores_of_one_size_are_shown_once_and_those_of_nothing_as_dashes),
        cmocka_unit_test(an_empty_matrix_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
