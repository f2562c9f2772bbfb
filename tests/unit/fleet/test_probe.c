/* What a probed host answers, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "fleet/probe/probe.h"

static json_t *parse(const char *text) {
    struct error err = ERROR_INIT;
    json_t *probe = probe_parse(text, strlen(text), &err);
    if (!probe) fail_msg("%s", err.text);
    return probe;
}

static void expect_devices(const char *answer, const char *wanted) {
    json_t *probe = parse(answer);
    CLEANUP_FREE char *text = probe_devices_text(probe);
    assert_string_equal(text, wanted);
    json_decref(probe);
}

static void expect_agent(const char *answer, const char *wanted) {
    json_t *probe = parse(answer);
    CLEANUP_FREE char *text = probe_agent_text(probe);
    assert_string_equal(text, wanted);
    json_decref(probe);
}

static void an_agents_devices_stand_before_what_files_promise(void **state) {
    (void)state;
    expect_devices(
        "portolan-probe 1\nicd pocl.icd libpocl.so.2\nagent /usr/bin/portolan-agent\ndevices_status 0\n"
        "devices [\ndevices {\"name\": \"cpu\", \"driver_version\": \"3.1\"}]\nend\n",
        "cpu (3.1)");
}

static void without_an_agent_drivers_nodes_and_bare_cards_are_told(void **state) {
    (void)state;
    expect_devices(
        "portolan-probe 1\ncuda NVIDIA H100 PCIe, 550.54.15, 81559\nicd pocl.icd libpocl.so.2\nicd intel.icd "
        "x.so\nnode 660 root render /dev/dri/renderD128\npci 0000:01:00.0 0x10de 0x2331 nvidia\n"
        "pci 0000:02:00.0 0x1002 0x7 \nend\n",
        "NVIDIA H100 PCIe (550.54.15); OpenCL drivers pocl.icd, intel.icd; /dev/dri/renderD128; 1 PCI display "
        "device without a driver");
    expect_devices("portolan-probe 1\nend\n", "none seen");
}

static void the_agent_is_told_by_version_and_state(void **state) {
    (void)state;
    expect_agent(
        "portolan-probe 1\nagent_state active\nagent /usr/bin/portolan-agent\nagent_version portolan-agent "
        "0.1.0\nend\n",
        "0.1.0 active");
    expect_agent("portolan-probe 1\nagent_state inactive\nend\n", "not installed");
}

static void the_disk_is_the_one_nearest_to_the_agents_state(void **state) {
    (void)state;
    json_t *probe = parse("portolan-probe 1\ndisk 100 50 /\ndisk 100 20 /var/lib\nend\n");
    assert_int_equal(probe_free_kib(probe), 20);
    json_decref(probe);
    probe = parse("portolan-probe 1\nend\n");
    assert_int_equal(probe_free_kib(probe), -1);
    json_decref(probe);
}

static void a_clock_without_fractions_is_a_second_wide(void **state) {
    (void)state;
    json_t *probe = parse("portolan-probe 1\ntime 1700000000.%N\nend\n");
    assert_true(json_real_value(json_object_get(probe, "time_s")) == 1700000000.0);
    assert_true(json_real_value(json_object_get(probe, "time_resolution_s")) == 1.0);
    json_decref(probe);
}

static void what_login_scripts_print_is_passed_over(void **state) {
    (void)state;
    json_decref(parse("Welcome!\nthis is not portolan-probe 1\nportolan-probe 1\nend\n"));
}

static void answers_of_something_else_are_refused(void **state) {
    (void)state;
    static const char *const answers[] = {"", "This account is currently not available.\n", "portolan-probe 2\nend\n",
                                          "portolan-probe 1\ntime 5\n", "portolan-probe 1\nend of it\n"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct error err = ERROR_INIT;
        assert_null(probe_parse(answers[i], strlen(answers[i]), &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void an_answer_without_an_end_is_bounded(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, "portolan-probe 1\n");
    for (int i = 0; i < 1000; i++) buf_puts(&text, "icd a b\n");
    buf_puts(&text, "end\n");
    json_t *probe = probe_parse(text.data, text.len, &err);
    assert_int_equal(json_array_size(json_object_get(probe, "opencl_drivers")), PROBE_MAX_ITEMS);
    json_decref(probe);
    while (text.len <= PROBE_MAX_BYTES) buf_puts(&text, "a line of nothing\n");
    assert_null(probe_parse(text.data, text.len, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

static void control_characters_do_not_pass(void **state) {
    (void)state;
    json_t *probe = parse("portolan-probe 1\nicd \x1b[2J x\nend\n");
    CLEANUP_FREE char *text = probe_devices_text(probe);
    assert_null(strchr(text, '\x1b'));
    json_decref(probe);
}

/* The script itself, by the shell of this machine. */
static void the_script_answers_here(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    char path[] = "/tmp/portolan-probe-XXXXXX", text[65536];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, probe_script, strlen(probe_script)), strlen(probe_script));
    close(fd);
    CLEANUP_FREE char *command = xasprintf("PATH=/usr/bin:/bin /bin/sh %s", path);
    FILE *out = popen(command, "r");
    size_t len = fread(text, 1, sizeof text - 1, out);
    pclose(out);
    unlink(path);
    json_t *probe = probe_parse(text, len, &err);
    if (!probe) fail_msg("%s", err.text);
    assert_true(json_real_value(json_object_get(probe, "time_s")) > 0);
    assert_true(json_integer_value(json_object_get(probe, "cpus")) > 0);
    assert_true(probe_free_kib(probe) >= 0);
    json_decref(probe);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_agents_devices_stand_before_what_files_promise),
                                       cmocka_unit_test(without_an_agent_drivers_nodes_and_bare_cards_are_told),
                                       cmocka_unit_test(the_agent_is_told_by_version_and_state),
                                       cmocka_unit_test(the_disk_is_the_one_nearest_to_the_agents_state),
                                       cmocka_unit_test(a_clock_without_fractions_is_a_second_wide),
                                       cmocka_unit_test(what_login_scripts_print_is_passed_over),
                                       cmocka_unit_test(answers_of_something_else_are_refused),
                                       cmocka_unit_test(an_answer_without_an_end_is_bounded),
                                       cmocka_unit_test(control_characters_do_not_pass),
                                       cmocka_unit_test(the_script_answers_here)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
