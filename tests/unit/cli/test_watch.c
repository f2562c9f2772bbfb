/* The live view, event by event, as a pipe sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/watch.h"
#include "tests/unit/cli/printed.h"

struct fixture {
    struct printed out, status;
    struct watch_view *view;
};

static void begin(struct fixture *f, bool json) {
    printed_begin(&f->out);
    printed_begin(&f->status);
    f->view = watch_view_new("c1", json, f->out.out, f->status.out);
}

static void end(struct fixture *f) {
    watch_view_free(f->view);
    printed_end(&f->out);
    printed_end(&f->status);
}

static int feed(struct fixture *f, const char *event) {
    json_t *json = json_of(event);
    int ended = watch_view_event(f->view, json);
    json_decref(json);
    return ended;
}

#define DONE                                                                                                        \
    "{'event': 'cell', 'cell': {'task': 't1', 'state': 'done', 'verdict': 'correct', 'problem': 'gelu', 'kernel': " \
    "'g',"                                                                                                          \
    " 'target': 'pocl-cpu', 'size': 'small', 'time_ns_p50': 1000.0, 'speedup': 1.5, 'baseline': 'fused'}}"
#define RUNNING                                                                                                 \
    "{'event': 'cell', 'cell': {'task': 't2', 'state': 'running', 'phase': 'verify', 'kernel': 'h', 'target': " \
    "'intel-cpu',"                                                                                              \
    " 'problem': 'gelu', 'size': 'small'}}"
#define LINE "correct            pocl-cpu  g small  1.00 us  1.50x vs fused\n"

static void a_cell_that_ended_is_printed_once_however_often_the_snapshot_comes(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false);
    assert_int_equal(feed(&f, DONE), 0);
    assert_int_equal(feed(&f, DONE), 0);
    assert_string_equal(printed_text(&f.out), LINE);
    end(&f);
}

static void a_cell_that_runs_prints_nothing(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false);
    feed(&f, RUNNING);
    assert_string_equal(printed_text(&f.out), "");
    end(&f);
}

static void a_pipe_hears_of_progress_every_ten_seconds_and_of_what_runs(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false);
    feed(&f, "{'event': 'campaign', 'campaign': {'elapsed_ms': 100, 'counts': {'cells': 2, 'done': 0}}}");
    feed(&f, RUNNING);
    feed(&f, "{'event': 'summary', 'elapsed_ms': 9900, 'counts': {'cells': 2, 'done': 0}}");
    assert_string_equal(printed_text(&f.status), "");
    feed(&f, "{'event': 'summary', 'elapsed_ms': 10900, 'counts': {'cells': 2, 'done': 0, 'gave_up': 1}}");
    feed(&f, "{'event': 'summary', 'elapsed_ms': 11900, 'counts': {'cells': 2, 'done': 1}}");
    assert_string_equal(printed_text(&f.status), "c1 1/2 after 10.9 s  intel-cpu: verify h\n");
    assert_string_equal(printed_text(&f.out), "");
    end(&f);
}

static void a_cell_that_ended_runs_no_more(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false);
    feed(&f, RUNNING);
    feed(&f, "{'event': 'cell', 'cell': {'task': 't2', 'state': 'queued', 'kernel': 'h', 'target': 'intel-cpu'}}");
    feed(&f, "{'event': 'summary', 'elapsed_ms': 12000, 'counts': {'cells': 2, 'done': 0}}");
    assert_string_equal(printed_text(&f.status), "c1 0/2 after 12.0 s\n");
    end(&f);
}

static void the_end_gives_the_exit_status_and_a_closing_line(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false);
    assert_int_equal(
        feed(&f,
             "{'event': 'end', 'state': 'complete', 'exit_status': 1, 'elapsed_ms': 9001,"
             " 'counts': {'cells': 3, 'done': 2, 'no_device': 1}, 'verdicts': {'correct': 1, 'timeout': 1}}"),
        1);
    assert_int_equal(watch_view_exit_status(f.view), 1);
    assert_string_equal(printed_text(&f.out),
                        "campaign c1 is complete after 9.0 s: 2 of 3 cells; correct 1, timeout 1\n");
    end(&f);
}

static void as_json_every_event_is_a_line_and_nothing_else_is_printed(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, true);
    feed(&f, "{'event': 'summary', 'elapsed_ms': 20000}");
    feed(&f, "{'event': 'unheard-of'}");
    assert_int_equal(feed(&f, "{'event': 'end', 'exit_status': 16}"), 1);
    assert_string_equal(printed_text(&f.out),
                        "{\"event\":\"summary\",\"elapsed_ms\":20000}\n{\"event\":\"unheard-of\"}\n"
                        "{\"event\":\"end\",\"exit_status\":16}\n");
    assert_string_equal(printed_text(&f.status), "");
    assert_int_equal(watch_view_exit_status(f.view), 16);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_that_ended_is_printed_once_however_often_the_snapshot_comes),
        cmocka_unit_test(a_cell_that_runs_prints_nothing),
        cmocka_unit_test(a_pipe_hears_of_progress_every_ten_seconds_and_of_what_runs),
        cmocka_unit_test(a_cell_that_ended_runs_no_more),
        cmocka_unit_test(the_end_gives_the_exit_status_and_a_closing_line),
        cmocka_unit_test(as_json_every_event_is_a_line_and_nothing_else_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
