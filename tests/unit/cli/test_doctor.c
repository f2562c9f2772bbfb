/* What the doctor makes of what it sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/client.h"
#include "cli/doctor/doctor.h"

static void cleanup_findings(struct findings *f) {
    findings_done(f);
}
#define FINDINGS CLEANUP(cleanup_findings) struct findings

static json_t *json(const char *text) {
    json_t *j = json_loads(text, 0, NULL);
    assert_non_null(j);
    return j;
}

/* The first finding whose text holds `part`. */
static const struct finding *find(const struct findings *f, const char *part) {
    for (size_t i = 0; i < f->count; i++)
        if (strstr(f->items[i].text, part)) return &f->items[i];
    fail_msg("nothing says `%s`", part);
    return NULL;
}

static void expect(const struct findings *f, const char *part, enum health health, const char *fix) {
    const struct finding *found = find(f, part);
    assert_int_equal(found->health, health);
    if (!fix) {
        assert_null(found->fix);
        return;
    }
    assert_non_null(found->fix);
    assert_non_null(strstr(found->fix, fix));
}

/* --- findings --------------------------------------------------------------------------------- */
static void the_exit_status_is_that_of_the_worst(void **state) {
    (void)state;
    FINDINGS f = {0};
    assert_int_equal(findings_exit_status(&f), 0);
    findings_add(&f, AREA_MACHINE, "a", HEALTH_SKIPPED, NULL, "x");
    assert_int_equal(findings_exit_status(&f), 0);
    findings_add(&f, AREA_MACHINE, "b", HEALTH_MISSING, "y", "x");
    findings_add(&f, AREA_MACHINE, "c", HEALTH_WARNING, "y", "x");
    assert_int_equal(findings_exit_status(&f), DOCTOR_MISSING);
    f.items[1].health = HEALTH_OK;
    assert_int_equal(findings_exit_status(&f), DOCTOR_WARNING);
}

static void the_hint_of_an_error_is_what_mends_it(void **state) {
    (void)state;
    FINDINGS f = {0};
    struct error err = ERROR_INIT;
    error_set(&err, ERR_INVALID, "file:1: wrong");
    error_hint(&err, "write it right");
    findings_add_error(&f, AREA_MACHINE, "config", HEALTH_MISSING, NULL, &err);
    assert_string_equal(f.items[0].text, "file:1: wrong");
    assert_string_equal(f.items[0].fix, "write it right");
    findings_add_error(&f, AREA_MACHINE, "config", HEALTH_MISSING, "rm file", &err);
    assert_string_equal(f.items[1].fix, "rm file");
}

static void what_drivers_say_cannot_steer_a_terminal(void **state) {
    (void)state;
    FINDINGS f = {0};
    findings_add(&f, AREA_MACHINE, "drivers", HEALTH_WARNING, "a\x1b]0;b", "x\x1b[2Jy\nz");
    assert_null(strpbrk(f.items[0].text, "\x1b\n"));
    assert_null(strchr(f.items[0].fix, '\x1b'));
}

static void json_has_all_of_each_finding(void **state) {
    (void)state;
    FINDINGS f = {0};
    findings_add(&f, AREA_FLEET, "nodes", HEALTH_WARNING, "do it", "text %d", 7);
    findings_add(&f, AREA_FLEET, "nodes", HEALTH_OK, NULL, "fine");
    CLEANUP_JSON json_t *j = findings_json(&f);
    CLEANUP_JSON json_t *wanted = json(
        "{\"worst\": \"warning\", \"findings\": [{\"area\": \"fleet\", \"check\": \"nodes\", \"health\": "
        "\"warning\", \"text\": \"text 7\", \"fix\": \"do it\"}, {\"area\": \"fleet\", \"check\": \"nodes\", "
        "\"health\": \"ok\", \"text\": \"fine\", \"fix\": null}]}");
    assert_true(json_equal(j, wanted));
}

/* --- machine ---------------------------------------------------------------------------------- */
static void little_room_is_a_warning_and_hardly_any_is_missing(void **state) {
    (void)state;
    FINDINGS f = {0};
    judge_disk(&f, "store", "/s", UINT64_C(5) << 30, "portolan gc");
    judge_disk(&f, "store", "/s", UINT64_C(500) << 20, "portolan gc");
    judge_disk(&f, "store", "/s", UINT64_C(10) << 20, "portolan gc");
    assert_int_equal(f.items[0].health, HEALTH_OK);
    assert_null(f.items[0].fix);
    assert_int_equal(f.items[1].health, HEALTH_WARNING);
    assert_int_equal(f.items[2].health, HEALTH_MISSING);
    assert_string_equal(f.items[2].fix, "portolan gc");
}

static void devices_and_their_sandbox_are_named(void **state) {
    (void)state;
    FINDINGS f = {0};
    CLEANUP_JSON json_t *devices = json(
        "[{\"id\": \"pocl-cpu\", \"driver_version\": \"3.1\", \"sandbox\": "
        "\"bubblewrap+seccomp+landlock6\"}]");
    judge_devices(&f, devices, "");
    expect(&f, "1 device: pocl-cpu (3.1)", HEALTH_OK, NULL);
    expect(&f, "bubblewrap+seccomp+landlock6", HEALTH_OK, NULL);
}

static void a_sandbox_that_is_not_whole_is_a_warning(void **state) {
    (void)state;
    static const char *const levels[] = {"process+seccomp+landlock6", "bubblewrap+seccomp", "bubblewrap+landlock6"};
    static const enum health wanted[] = {HEALTH_WARNING, HEALTH_WARNING, HEALTH_MISSING};
    for (size_t i = 0; i < 3; i++) {
        FINDINGS f = {0};
        CLEANUP_JSON json_t *devices =
            json_pack("[{s:s, s:s, s:s}]", "id", "d", "driver_version", "1", "sandbox", levels[i]);
        judge_devices(&f, devices, "");
        assert_int_equal(find(&f, levels[i])->health, wanted[i]);
        assert_non_null(find(&f, levels[i])->fix);
    }
}

static void a_driver_that_fails_is_named_with_its_remedy(void **state) {
    (void)state;
    FINDINGS f = {0};
    judge_devices(&f, NULL,
                  "2026-11-21T22:28:20.242Z warn  device pocl-cpu is left out: runner (pocl.icd, probe): /usr/bin/ld: "
                  "cannot find -lgcc node=x\nother\n");
    expect(&f, "device pocl-cpu is left out", HEALTH_WARNING, "apt-get install gcc");
    assert_int_equal(strncmp(f.items[0].text, "device", 6), 0);
    expect(&f, "no driver works", HEALTH_MISSING, "pocl-opencl-icd");
}

static void no_driver_at_all_is_missing(void **state) {
    (void)state;
    FINDINGS f = {0};
    CLEANUP_JSON json_t *none = json("[]");
    judge_devices(&f, none, NULL);
    expect(&f, "no OpenCL driver is installed", HEALTH_MISSING, "apt-get install pocl-opencl-icd");
}

static void device_files_are_opened_as_user_group_or_other(void **state) {
    (void)state;
    const struct agent_user user = {.name = "portolan", .uid = 900, .groups = {105, 44}, .n_groups = 2};
    const struct {
        uid_t uid;
        gid_t gid;
        mode_t mode;
        bool may;
        const char *fix;
    } cases[] = {{0, 105, 0660, true, NULL},
                 {0, 44, 0660, true, NULL},
                 {0, 7, 0666, true, NULL},
                 {900, 7, 0600, true, NULL},
                 {0, 7, 0660, false, "usermod -aG g7 portolan"},
                 {0, 105, 0640, false, "udev"},
                 {0, 105, 0620, false, "udev"},
                 {0, 0, 0660, false, "udev"},
                 /* The owner's bits bind the owner, whatever others may. */
                 {900, 105, 0066, false, "usermod"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FINDINGS f = {0};
        const struct stat st = {.st_uid = cases[i].uid, .st_gid = cases[i].gid, .st_mode = S_IFCHR | cases[i].mode};
        judge_device_file(&f, &user, "/dev/dri/renderD128", &st, cases[i].gid == 7 ? "g7" : "g");
        assert_int_equal(f.items[0].health, cases[i].may ? HEALTH_OK : HEALTH_MISSING);
        if (cases[i].fix) assert_non_null(strstr(f.items[0].fix, cases[i].fix));
    }
}

/* --- fleet ------------------------------------------------------------------------------------ */
#define HEALTH_JSON                                                      \
    "{\"version\": \"" PORTOLAN_VERSION                                  \
    "\", \"broker\": {\"state\": \"connected\", \"bootstrap\": \"b\"}, " \
    "\"nodes\": {\"in_service\": 1}}"

static void judge(struct findings *f, const char *nodes, const char *hosts) {
    CLEANUP_JSON json_t *health = json(HEALTH_JSON);
    CLEANUP_JSON json_t *n = json(nodes);
    CLEANUP_JSON json_t *h = hosts ? json(hosts) : NULL;
    judge_fleet(f, health, n, h);
}
#define NODE(name, state, more)                                                                     \
    "{\"node\": \"" name "\", \"state\": \"" state                                                  \
    "\", \"reason\": \"because\", \"agent_version\": \"" PORTOLAN_VERSION "\", \"host\": \"h-" name \
    "\", \"sandbox\": \"bubblewrap+seccomp+landlock6\"" more "}"

static void a_fleet_in_order_is_ok(void **state) {
    (void)state;
    FINDINGS f = {0};
    judge(&f, "[" NODE("a", "in_service", "") "," NODE("b", "drained", "") "," NODE("c", "maintenance", "") "]",
          "[\"a.lab.example\", \"h-b\", \"C\"]");
    assert_int_equal(findings_worst(&f), HEALTH_OK);
    expect(&f, "nothing is wrong with 3 of 3", HEALTH_OK, NULL);
    expect(&f, "each of its 3 hosts has a node", HEALTH_OK, NULL);
}

static void each_state_has_its_command(void **state) {
    (void)state;
    FINDINGS f = {0};
    judge(&f,
          "[" NODE("a", "absent", "") "," NODE("p", "pending", "") "," NODE("q", "quarantined", "") "," NODE(
              "t", "trouble", "") "]",
          NULL);
    expect(&f, "a is absent: because", HEALTH_MISSING, "ssh a sudo systemctl restart portolan-agent");
    expect(&f, "p is pending", HEALTH_WARNING, "portolan node approve p");
    expect(&f, "q is quarantined", HEALTH_WARNING, "portolan node resume q --force");
    expect(&f, "t is trouble", HEALTH_WARNING, "ssh t df");
    for (size_t i = 0; i < f.count; i++) /* none of the four is well, and nothing says that any is */
        assert_false(strcmp(f.items[i].area, AREA_FLEET) == 0 && strcmp(f.items[i].check, "nodes") == 0 &&
                     f.items[i].health == HEALTH_OK);
}

static void devices_that_fail_are_named_with_their_node(void **state) {
    (void)state;
    FINDINGS f = {0};
    judge(
        &f,
        "[" NODE("a", "in_service",
                 ", \"devices\": [{\"id\": \"d1\", \"state\": \"quarantined\", \"reason\": \"3 in a row\"}, {\"id\": "
                 "\"d2\", \"state\": \"in_service\"}], \"failing\": [{\"id\": \"d3\", \"reason\": \"no driver\"}]") "]",
        NULL);
    expect(&f, "d1 of a is quarantined: 3 in a row", HEALTH_WARNING, "portolan node resume a --force");
    expect(&f, "d3 of a does not work: no driver", HEALTH_WARNING, "ssh a portolan-agent devices");
}

static void another_version_and_a_low_sandbox_are_warnings(void **state) {
    (void)state;
    FINDINGS f = {0};
    judge(&f,
          "[{\"node\": \"old\", \"state\": \"in_service\", \"agent_version\": \"0.0.9\", \"sandbox\": "
          "\"process+seccomp\"}]",
          NULL);
    expect(&f, "the agent of old is version 0.0.9", HEALTH_WARNING, "--limit old");
    expect(&f, "runners of old are confined by process+seccomp only", HEALTH_WARNING, "ssh old portolan doctor");
}

static void hosts_without_a_node_are_named(void **state) {
    (void)state;
    FINDINGS f = {0};
    judge(&f, "[" NODE("a", "in_service", "") "]", "[\"a\", \"ab\"]");
    expect(&f, "no node has registered from ab", HEALTH_WARNING, "--limit ab");
    assert_int_equal(findings_worst(&f), HEALTH_WARNING);
}

static void a_coordinator_without_broker_and_a_fleet_without_nodes_are_missing(void **state) {
    (void)state;
    FINDINGS f = {0};
    CLEANUP_JSON json_t *health = json(
        "{\"version\": \"9.9.9\", \"broker\": {\"state\": \"absent\", \"bootstrap\": "
        "\"k:9092\", \"last_error\": \"refused\"}, \"nodes\": {}}");
    CLEANUP_JSON json_t *nodes = json("[]");
    judge_fleet(&f, health, nodes, NULL);
    expect(&f, "has no connection to Kafka at k:9092: refused", HEALTH_MISSING, "portolan doctor");
    expect(&f, "the coordinator 9.9.9", HEALTH_WARNING, "apt-get install --only-upgrade portolan");
    expect(&f, "no node has registered", HEALTH_MISSING, "portolan-agent run");
}

static void hosts_that_cannot_be_reached_keep_their_reason_and_hint(void **state) {
    (void)state;
    FINDINGS f = {0};
    CLEANUP_JSON json_t *hosts = json(
        "[{\"host\": \"d\", \"state\": \"unreachable\", \"reason\": \"no route\", \"hint\": null, \"probe\": null},"
        "{\"host\": \"k\", \"state\": \"changed-key\", \"reason\": \"another key\", \"hint\": \"ssh-keygen -R k\"},"
        "{\"host\": \"w\", \"state\": \"ok\", \"probe\": {\"agent\": {\"version\": \"" PORTOLAN_VERSION
        "\"}, \"agent_state\": \"active\", \"clock_skew_ms\": 900, \"clock_uncertainty_ms\": 5, \"disks\": [{\"path\": "
        "\"/\", \"free_kib\": 9000000}]}}]");
    judge_hosts(&f, hosts);
    expect(&f, "d is unreachable: no route", HEALTH_MISSING, "ssh -v d");
    expect(&f, "k is changed-key", HEALTH_MISSING, "ssh-keygen -R k");
    expect(&f, "1 of the inventory's 3 can be reached", HEALTH_OK, NULL);
    assert_int_equal(f.count, 3);
}

static void hosts_are_judged_by_agent_clock_and_disk(void **state) {
    (void)state;
    FINDINGS f = {0};
    CLEANUP_JSON json_t *hosts = json(
        "[{\"host\": \"a\", \"state\": \"ok\", \"probe\": {\"agent\": null, \"clock_skew_ms\": -2500, "
        "\"clock_uncertainty_ms\": 20}},"
        "{\"host\": \"b\", \"state\": \"ok\", \"probe\": {\"agent\": {\"version\": \"0.0.9\"}, \"agent_state\": "
        "\"inactive\", \"disks\": [{\"path\": \"/var\", \"free_kib\": 2048}], \"clock_skew_ms\": 3000, "
        "\"clock_uncertainty_ms\": 4000}}]");
    judge_hosts(&f, hosts);
    expect(&f, "no agent is installed on a", HEALTH_WARNING, "ansible/agents.yml --limit a");
    expect(&f, "the clock of a is 2.5 s behind", HEALTH_WARNING, "ssh a sudo timedatectl set-ntp true");
    expect(&f, "the agent on b is version 0.0.9", HEALTH_WARNING, "ansible/upgrade.yml --limit b");
    expect(&f, "the agent on b does not run (inactive)", HEALTH_WARNING, "ssh b sudo systemctl");
    expect(&f, "b: 2 MiB free in /var", HEALTH_WARNING, "portolan-agent gc");
    for (size_t i = 0; i < f.count; i++) assert_null(strstr(f.items[i].text, "clock of b"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_is_that_of_the_worst),
        cmocka_unit_test(the_hint_of_an_error_is_what_mends_it),
        cmocka_unit_test(what_drivers_say_cannot_steer_a_terminal),
        cmocka_unit_test(json_has_all_of_each_finding),
        cmocka_unit_test(little_room_is_a_warning_and_hardly_any_is_missing),
        cmocka_unit_test(devices_and_their_sandbox_are_named),
        cmocka_unit_test(a_sandbox_that_is_not_whole_is_a_warning),
        cmocka_unit_test(a_driver_that_fails_is_named_with_its_remedy),
        cmocka_unit_test(no_driver_at_all_is_missing),
        cmocka_unit_test(device_files_are_opened_as_user_group_or_other),
        cmocka_unit_test(a_fleet_in_order_is_ok),
        cmocka_unit_test(each_state_has_its_command),
        cmocka_unit_test(devices_that_fail_are_named_with_their_node),
        cmocka_unit_test(another_version_and_a_low_sandbox_are_warnings),
        cmocka_unit_test(hosts_without_a_node_are_named),
        cmocka_unit_test(hosts_that_cannot_be_reached_keep_their_reason_and_hint),
        cmocka_unit_test(hosts_are_judged_by_agent_clock_and_disk),
        cmocka_unit_test(a_coordinator_without_broker_and_a_fleet_without_nodes_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
