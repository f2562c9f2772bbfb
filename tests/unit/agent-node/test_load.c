/* The machine's processor time from each kind of counter, and which one is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/timing/load.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static char root[] = "/tmp/portolan-test-load-XXXXXX";

static void put(const char *path, const char *text) {
    CLEANUP_FREE char *full = path_join(root, path);
    CLEANUP_FREE char *folder = path_dirname(full);
    struct error err = ERROR_INIT;
    assert_int_equal(dir_make(folder, 0755, &err), 0);
    assert_int_equal(file_write_durable(full, text, strlen(text), 0644, &err), 0);
}

static int begin(void **state) {
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    assert_non_null(mkdtemp(root));
    return 0;
}

static int end(void **state) {
    (void)state;
    return dir_remove(root, NULL);
}

static void stat_counts_all_but_idle_and_waiting(void **state) {
    (void)state;
    /* user 100, nice 20, system 30, idle 999, iowait 888, irq 1, softirq 2, steal 3; guests are part of user */
    assert_int_equal(load_parse_stat("cpu  100 20 30 999 888 1 2 3 50 60\ncpu0 1 2 3\n", 100), 156 * 10000000LL);
    assert_int_equal(load_parse_stat("cpu  1 1 1 9 9 1 1\n", 1000), 5 * 1000000LL); /* old kernels: no steal */
    assert_int_equal(load_parse_stat("cpu0 1 2 3 4 5 6 7\n", 100), -1);
    assert_int_equal(load_parse_stat("", 100), -1);
}

static void schedstat_adds_the_processors_up(void **state) {
    (void)state;
    const char *text =
        "version 15\ntimestamp 4295\ncpu0 0 0 0 0 0 0 7000 8 9\ndomain0 3 1 2\ncpu1 0 0 0 0 0 0 500 8 9\n";
    assert_int_equal(load_parse_schedstat(text), 7500);
    assert_int_equal(load_parse_schedstat("version 14\ncpu0 0 0 0 0 0 0 7 8 9\n"), -1);
    assert_int_equal(load_parse_schedstat("version 15\ncpu0 1 2\n"), -1);
    assert_int_equal(load_parse_schedstat("version 15\n"), -1);
}

static void a_control_group_counts_nanoseconds(void **state) {
    (void)state;
    assert_int_equal(load_parse_cpuacct("17175114941509\n"), 17175114941509LL);
    assert_int_equal(load_parse_cpuacct("x\n"), -1);
    assert_int_equal(load_parse_cpuacct("-4\n"), -1);
}

static void the_group_is_taken_only_where_it_is_the_whole_machine(void **state) {
    (void)state;
    put("proc/stat", "cpu 100 0 0 5 5 0 0 0\n"); /* one second at 100 ticks a second */
    put("sys/fs/cgroup/cpuacct/cpuacct.usage", "1010000000\n");
    struct load_meter *m = load_meter_new(root);
    assert_string_equal(load_meter_name(m), "cpuacct");
    const struct load_source *s = load_meter_source(m);
    assert_int_equal(s->machine_ns(s->context), 1010000000);
    assert_true(s->grain_ns == 0);
    load_meter_free(m);
    put("sys/fs/cgroup/cpuacct/cpuacct.usage", "400000000\n"); /* a container's */
    m = load_meter_new(root);
    assert_string_equal(load_meter_name(m), "stat");
    s = load_meter_source(m);
    assert_int_equal(s->machine_ns(s->context), 1000000000);
    assert_true(s->grain_ns >= 1e7);
    load_meter_free(m);
}

static void what_the_host_took_is_the_eighth_number(void **state) {
    (void)state;
    assert_int_equal(load_parse_stolen("cpu 100 0 0 5 5 0 0 7 0 0\n", 100), 70000000);
    assert_int_equal(load_parse_stolen("cpu 100 0 0 5 5 0 0\n", 100), -1);
    assert_int_equal(load_parse_stolen("intr 1\n", 100), -1);
    put("proc/stat", "cpu 100 0 0 5 5 0 0 3\n");
    struct load_meter *m = load_meter_new(root);
    const struct load_source *s = load_meter_source(m);
    assert_true(s->stolen_ns(s->context) > 0);
    load_meter_free(m);
}

static void schedstat_is_finer_than_stat(void **state) {
    (void)state;
    put("proc/stat", "cpu 100 0 0 5 5 0 0 0\n");
    put("proc/schedstat", "version 16\ncpu0 0 0 0 0 0 0 123 8 9\n");
    struct load_meter *m = load_meter_new(root);
    assert_string_equal(load_meter_name(m), "schedstat");
    const struct load_source *s = load_meter_source(m);
    assert_int_equal(s->machine_ns(s->context), 123);
    load_meter_free(m);
}

static void without_counters_the_load_is_unknown(void **state) {
    (void)state;
    struct load_meter *m = load_meter_new(root);
    assert_string_equal(load_meter_name(m), "");
    const struct load_source *s = load_meter_source(m);
    assert_int_equal(s->machine_ns(s->context), -1);
    assert_true(s->cores >= 1);
    load_meter_free(m);
    load_meter_free(NULL);
}

static void this_machine_has_a_counter_that_grows(void **state) {
    (void)state;
    struct load_meter *m = load_meter_new("/");
    const struct load_source *s = load_meter_source(m);
    int64_t own = s->self_ns(s->context), from = s->machine_ns(s->context);
    volatile double x = 1;
    while (s->self_ns(s->context) - own < 60000000) x = x * 1.0000001;
    assert_true(from >= 0);
    assert_true(s->machine_ns(s->context) - from >= 20000000); /* two ticks at least, whatever the counter */
    load_meter_free(m);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(stat_counts_all_but_idle_and_waiting),    T(schedstat_adds_the_processors_up),
        T(a_control_group_counts_nanoseconds),      T(the_group_is_taken_only_where_it_is_the_whole_machine),
        T(what_the_host_took_is_the_eighth_number), T(schedstat_is_finer_than_stat),
        T(without_counters_the_load_is_unknown),    T(this_machine_has_a_counter_that_grows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
