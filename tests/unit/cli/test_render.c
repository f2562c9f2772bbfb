/* How cells, lists and numbers look in a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "cli/render.h"
#include "common/cleanup.h"
#include "tests/unit/cli/printed.h"

static void times_have_three_digits_and_a_unit(void **state) {
    (void)state;
    static const struct {
        double ns;
        const char *text;
    } rows[] = {{812, "0.81 us"},      {4480, "4.48 us"}, {98760, "98.8 us"}, {925000, "925 us"}, {999600, "1.00 ms"},
                {30879313, "30.9 ms"}, {1.5e9, "1.50 s"}, {2.4e12, "2400 s"}, {NAN, "-"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[RENDER_SIZE];
        render_time_ns(rows[i].ns, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void durations_and_shares_are_written_as_people_say_them(void **state) {
    (void)state;
    char text[RENDER_SIZE];
    render_duration_ms(480.4, text);
    assert_string_equal(text, "480 ms");
    render_duration_ms(10850, text);
    assert_string_equal(text, "10.8 s");
    render_duration_ms(250000, text);
    assert_string_equal(text, "4 min 10 s");
    render_percent(0.61, text);
    assert_string_equal(text, "61 %");
    render_percent(0.0084, text);
    assert_string_equal(text, "0.8 %");
    render_percent(NAN, text);
    assert_string_equal(text, "-");
}

static void a_speedup_shows_its_interval_where_there_is_one(void **state) {
    (void)state;
    char text[RENDER_SIZE];
    json_t *cell = json_of("{'speedup': 1.761, 'speedup_low': 1.744, 'speedup_high': 1.779}");
    render_speedup(cell, text);
    assert_string_equal(text, "1.76x [1.74, 1.78]");
    json_object_set_new(cell, "speedup_low", json_null());
    render_speedup(cell, text);
    assert_string_equal(text, "1.76x");
    json_object_set_new(cell, "speedup", json_null());
    render_speedup(cell, text);
    assert_string_equal(text, "");
    json_decref(cell);
}

#define CORRECT                                                                                                     \
    "{'state': 'done', 'outcome': 'verdict', 'verdict': 'correct', 'problem': 'softmax', 'kernel': 'softmax-kept'," \
    " 'target': 'pocl-cpu', 'size': 'small', 'evidence': '', 'time_ns_p50': 925000.0, 'speedup': 1.5,"              \
    " 'speedup_low': 1.4, 'speedup_high': 1.6, 'baseline': 'fused', 'node': 'lab1', 'speed_of_light': 0.31,"        \
    " 'config': '{\\\"WG\\\":64,\\\"VEC\\\":4}', 'weak_baseline': false}"
#define WRONG                                                                                                 \
    "{'state': 'done', 'outcome': 'verdict', 'verdict': 'wrong_output', 'problem': 'gelu', 'kernel': 'mine'," \
    " 'target': 'mesa-llvmpipe', 'size': 'small', 'evidence': 'y[3] is 2\\u001b[2J, expected 1\\nsecond line'}"

static void cells_stand_in_columns_with_figures_or_evidence_in_one_line(void **state) {
    (void)state;
    json_t *correct = json_of(CORRECT), *wrong = json_of(WRONG);
    struct cell_layout layout = {0};
    struct printed p;
    printed_begin(&p);
    cell_layout_fit(&layout, wrong);
    render_cell_line(correct, &layout, p.out);
    render_cell_line(wrong, &layout, p.out);
    assert_string_equal(printed_text(&p),
                        "correct            pocl-cpu       softmax-kept small   925 us  1.50x [1.40, 1.60] vs fused\n"
                        "wrong_output       mesa-llvmpipe  mine         small  y[3] is 2?[2J, expected 1\n");
    printed_end(&p);
    json_decref(correct);
    json_decref(wrong);
}

static void a_cell_without_a_verdict_shows_its_outcome_or_state(void **state) {
    (void)state;
    json_t *cell = json_of("{'state': 'gave_up', 'outcome': 'gave_up', 'verdict': null, 'evidence': 'node lost'}");
    assert_string_equal(cell_standing(cell), "gave_up");
    assert_true(cell_has_ended(cell));
    assert_false(cell_is_correct(cell));
    json_object_set_new(cell, "outcome", json_null());
    json_object_set_new(cell, "state", json_string("running"));
    assert_string_equal(cell_standing(cell), "running");
    assert_false(cell_has_ended(cell));
    json_decref(cell);
}

static void a_correct_cell_at_length_has_time_speedup_baselines_config_and_phases(void **state) {
    (void)state;
    json_t *cell = json_of(CORRECT);
    json_t *event = json_of(
        "{'result': {'gflops': 13.6, 'gbps': 9.07}, 'log': 'a warning',"
        " 'phases': [{'name': 'lock', 'ms': 42215}, {'name': 'time/start', 'ms': 99}, {'name': 'time', 'ms': 3700}],"
        " 'measured': [{'role': 'candidate', 'kernel': 'softmax-kept', 'sets': 5, 'speedup_confidence': 0.9375},"
        "  {'role': 'baseline', 'kernel': 'plain', 'time_ns_p50': 30879313},"
        "  {'role': 'baseline', 'kernel': 'fused', 'time_ns_p50': 1387500}]}");
    struct printed p;
    printed_begin(&p);
    render_cell_whole(cell, event, false, p.out);
    assert_string_equal(printed_text(&p),
                        "correct  softmax-kept on pocl-cpu (node lab1), size small\n"
                        "  time       925 us a run, 13.6 GFLOP/s, 9.07 GB/s, 31 % of the speed of light\n"
                        "  speedup    1.50x [1.40, 1.60] vs fused (93.8 % interval, 5 sets): faster\n"
                        "  baselines  plain 30.9 ms, fused 1.39 ms\n"
                        "  config     WG=64 VEC=4\n"
                        "  took       waiting for the device 42.2 s, time 3.7 s\n");
    printed_end(&p);
    json_decref(cell);
    json_decref(event);
}

static void a_wrong_cell_at_length_has_the_whole_evidence_and_nothing_that_steers_a_terminal(void **state) {
    (void)state;
    json_t *cell = json_of(WRONG), *event = json_of("{'log': 'quiet'}");
    struct printed p;
    printed_begin(&p);
    render_cell_whole(cell, event, false, p.out);
    assert_string_equal(printed_text(&p),
                        "wrong_output  mine (gelu) on mesa-llvmpipe, size small\n"
                        "  y[3] is 2?[2J, expected 1\n"
                        "  second line\n");
    printed_end(&p);
    json_decref(cell);
    json_decref(event);
}

static void a_compile_error_shows_the_log_and_its_first_message_once(void **state) {
    (void)state;
    json_t *cell = json_of(
        "{'verdict': 'compile_error', 'problem': 'gelu', 'kernel': 'gelu-x', 'target': 'pocl-cpu',"
        " 'evidence': 'error: 2:16: expected expression'}");
    json_t *event = json_of("{'log': 'error: 2:16: expected expression\\n1 error generated.\\n'}");
    struct printed p;
    printed_begin(&p);
    render_cell_whole(cell, event, false, p.out);
    assert_string_equal(printed_text(&p),
                        "compile_error  gelu-x on pocl-cpu\n"
                        "  error: 2:16: expected expression\n"
                        "  1 error generated.\n");
    printed_end(&p);
    json_decref(cell);
    json_decref(event);
}

static void nodes_show_each_device_with_what_it_runs_or_why_it_does_not(void **state) {
    (void)state;
    json_t *nodes = json_of(
        "{'nodes': [{'node': 'lab1', 'state': 'in_service', 'heartbeat_age_ms': 400, 'reason': '', 'held': 2,"
        " 'agent_version': '0.2.0', 'devices': ["
        "  {'id': 'pocl-cpu', 'target': 'pocl-cpu', 'state': 'busy', 'held': 2, 'limit': 2, 'reason': '', 'runs': "
        "{'kernel': 'rows', 'problem': 'softmax', 'phase': 'time', 'progress': 0.4, 'for_ms': 12300, 'task': "
        "'9f86d081884c7d659a2f'}},"
        "  {'id': 'gpu-0', 'target': 'mesa-llvmpipe', 'state': 'quarantined', 'held': 0, 'limit': 0, 'runs': null,"
        "   'quarantine': {}, 'reason': 'for 8 s more: 3 failures in a row'}],"
        " 'failing': [{'id': 'gpu-1', 'target': 'mesa-llvmpipe', 'reason': 'wrong answer\\nat 3'}]},"
        " {'node': 'lab2', 'state': 'maintenance', 'heartbeat_age_ms': null, 'reason': 'new disk', 'held': 0,"
        " 'agent_version': '0.1.0', 'devices': []}]}");
    struct printed p;
    printed_begin(&p);
    render_nodes(nodes, p.out);
    assert_string_equal(
        printed_text(&p),
        "node / device  is           agent / target  held  runs / why\n"
        "lab1           in_service   agent 0.2.0        2  heard 400 ms ago\n"
        "  pocl-cpu     busy         pocl-cpu         2/2  rows of softmax: time 40 %, for 12.3 s, task 9f86d081884c\n"
        "  gpu-0        quarantined  mesa-llvmpipe    0/0  for 8 s more: 3 failures in a row\n"
        "  gpu-1        failing      mesa-llvmpipe      -  wrong answer\n"
        "lab2           maintenance  agent 0.1.0        0  new disk\n"
        "2 nodes: 1 in_service, 1 maintenance; 2 devices, 1 quarantined, 1 failing\n");
    printed_end(&p);
    json_decref(nodes);
}

static void campaigns_count_what_is_done_runs_and_waits(void **state) {
    (void)state;
    json_t *list = json_of(
        "{'campaigns': [{'campaign': 'c3f09a1b2c4d', 'name': 'port', 'state': 'running', 'elapsed_ms': 8123, "
        "'problems': 4,"
        " 'targets': 2, 'counts': {'cells': 13, 'waiting': 1, 'queued': 4, 'published': 2, 'running': 2, 'done': "
        "4}}]}");
    struct printed p;
    printed_begin(&p);
    render_campaigns(list, p.out);
    assert_string_equal(printed_text(&p),
                        "campaign      name  state    done  running  waiting  problems  targets   took\n"
                        "c3f09a1b2c4d  port  running  4/13        2        7         4        2  8.1 s\n");
    printed_end(&p);
    json_decref(list);
}

static void a_campaign_lists_its_cells_with_what_they_do(void **state) {
    (void)state;
    json_t *campaign = json_of(
        "{'campaign': 'c3f09a1b2c4d', 'name': 'port', 'state': 'running', 'elapsed_ms': 8123, 'counts': {'done': 1,"
        " 'cells': 2}, 'verdicts': {'correct': 1}, 'cells': [" CORRECT
        ", {'task': '9f86d081884c7d659a2feaa0c55ad015', 'problem': 'gelu', 'target': 'pocl-cpu', 'size': 'small', "
        "'kernel': "
        "'mine', 'state': 'running', 'phase': 'verify', 'progress': 0.4, 'node': 'lab1', 'evidence': ''}]}");
    struct printed p;
    printed_begin(&p);
    render_campaign(campaign, p.out);
    assert_string_equal(
        printed_text(&p),
        "campaign c3f09a1b2c4d (port): running, 1 of 2 cells done after 8.1 s; correct 1\n"
        "task          problem  target    size   kernel        is         time  speedup / why\n"
        "              softmax  pocl-cpu  small  softmax-kept  correct  925 us  1.50x [1.40, 1.60] vs fused\n"
        "9f86d081884c  gelu     pocl-cpu  small  mine          running       -  verify 40 % on lab1\n");
    printed_end(&p);
    json_decref(campaign);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_have_three_digits_and_a_unit),
        cmocka_unit_test(durations_and_shares_are_written_as_people_say_them),
        cmocka_unit_test(a_speedup_shows_its_interval_where_there_is_one),
        cmocka_unit_test(cells_stand_in_columns_with_figures_or_evidence_in_one_line),
        cmocka_unit_test(a_cell_without_a_verdict_shows_its_outcome_or_state),
        cmocka_unit_test(a_correct_cell_at_length_has_time_speedup_baselines_config_and_phases),
        cmocka_unit_test(a_wrong_cell_at_length_has_the_whole_evidence_and_nothing_that_steers_a_terminal),
        cmocka_unit_test(a_compile_error_shows_the_log_and_its_first_message_once),
        cmocka_unit_test(nodes_show_each_device_with_what_it_runs_or_why_it_does_not),
        cmocka_unit_test(campaigns_count_what_is_done_runs_and_waits),
        cmocka_unit_test(a_campaign_lists_its_cells_with_what_they_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
