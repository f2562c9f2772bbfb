/* What a device's baselines took before, on disk and as a judgement. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/timing/history.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static char root[] = "/tmp/portolan-test-history-XXXXXX";
static char path[128];

static int begin(void **state) {
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/history/f00d/key.json", root);
    return 0;
}

static int end(void **state) {
    (void)state;
    return dir_remove(root, NULL);
}

static void times_come_back_from_the_file(void **state) {
    (void)state;
    struct history h = {0}, back;
    struct error err = ERROR_INIT;
    history_add(&h, 1000);
    history_add(&h, 1250.5);
    assert_int_equal(history_write(path, &h, &err), 0);
    history_read(path, &back);
    assert_int_equal(back.n, 2);
    assert_true(back.ns[0] == 1000 && back.ns[1] == 1250.5);
}

static void a_file_that_is_missing_or_broken_is_an_empty_history(void **state) {
    (void)state;
    static const char *const bad[] = {"", "{", "[]", "{\"version\": 2, \"ns\": [1]}",
                                      "{\"version\": 1, \"ns\": [0, -4, \"x\"]}"};
    struct history h;
    struct error err = ERROR_INIT;
    history_read(path, &h);
    assert_int_equal(h.n, 0);
    assert_int_equal(history_write(path, &h, &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(file_write_durable(path, bad[i], strlen(bad[i]), 0644, &err), 0);
        history_read(path, &h);
        assert_int_equal(h.n, 0);
    }
}

static void the_oldest_time_goes_first(void **state) {
    (void)state;
    struct history h = {0};
    for (int i = 1; i <= HISTORY_MAX + 3; i++) history_add(&h, i);
    assert_int_equal(h.n, HISTORY_MAX);
    assert_true(h.ns[0] == 4 && h.ns[HISTORY_MAX - 1] == HISTORY_MAX + 3);
}

static void what_is_no_time_is_not_added(void **state) {
    (void)state;
    struct history h = {0};
    history_add(&h, 0);
    history_add(&h, -1);
    history_add(&h, (double)NAN);
    history_add(&h, (double)INFINITY);
    assert_int_equal(h.n, 0);
}

static void drift_is_against_the_median_and_needs_a_few_times(void **state) {
    (void)state;
    struct history h = {0};
    history_add(&h, 100);
    history_add(&h, 100);
    assert_true(history_drift(&h, 500) == 0);
    history_add(&h, 900); /* one outlier does not move it */
    assert_true(fabs(history_drift(&h, 112) - 0.12) < 1e-12);
    assert_true(fabs(history_drift(&h, 85) + 0.15) < 1e-12);
}

/* A new driver setting, a new clock: what lasts is accepted after some runs, and until then it is told. */
static void what_lasts_becomes_the_rule(void **state) {
    (void)state;
    struct history h = {0};
    int told = 0;
    for (int i = 0; i < HISTORY_MAX; i++) history_add(&h, 100);
    while (fabs(history_drift(&h, 150)) > DRIFT_MAX && told < 100) {
        told++;
        history_add(&h, 150);
    }
    assert_int_equal(told, (HISTORY_MAX + 1) / 2);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {T(times_come_back_from_the_file),
                                       T(a_file_that_is_missing_or_broken_is_an_empty_history),
                                       T(the_oldest_time_goes_first),
                                       T(what_is_no_time_is_not_added),
                                       T(drift_is_against_the_median_and_needs_a_few_times),
                                       T(what_lasts_becomes_the_rule)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
