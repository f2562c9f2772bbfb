/* Targets: selectors over devices, rules, and the names made from what a device says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fleet/target/rules.h"
#include "fleet/target/selector.h"

static struct rec_device device(const char *vendor, const char *name, const char *platform, const char *kind) {
    struct rec_device d;
    rec_device_init(&d);
    rec_set(&d.backend, "opencl");
    rec_set(&d.vendor, vendor);
    rec_set(&d.name, name);
    rec_set(&d.platform, platform);
    rec_set(&d.kind, kind);
    return d;
}

static struct rec_device h200(void) {
    struct rec_device d = device("NVIDIA Corporation", "NVIDIA H200", "NVIDIA CUDA", "gpu");
    rec_set(&d.driver_version, "550.54.15");
    rec_set(&d.extensions, "cl_khr_fp16 cl_khr_fp64 cl_nv_device_attribute_query");
    d.memory_bytes = 141LL * 1000000000;
    d.local_memory_bytes = 49152;
    d.compute_units = 132;
    d.fp16 = true;
    rec_list_long_push(&d.sub_group_sizes, 32);
    rec_list_string_push(&d.labels, "prod");
    return d;
}

static void expect(const char *key, const char *op, const char *value, bool holds) {
    struct rec_device d = h200();
    struct target_term t = {key, op, value};
    struct error err = ERROR_INIT;
    if (target_selector_check(&t, 1, &err) < 0) fail_msg("%s %s %s: %s", key, op, value, err.text);
    if (target_selector_matches(&t, 1, &d) != holds)
        fail_msg("%s %s %s should %s", key, op, value, holds ? "hold" : "not hold");
    rec_device_done(&d);
}

static void text_matches_whole_words_of_any_case(void **state) {
    (void)state;
    expect("vendor", "==", "nvidia", true);
    expect("vendor", "==", "NVIDIA Corporation", true);
    expect("vendor", "!=", "amd", true);
    expect("name", "==", "h200", true);
    expect("name", "==", "H20", false);
    expect("name", "~", "*h2*", true);
    expect("name", "~", "h2*", false);
    expect("kind", "==", "gpu", true);
    expect("name", "==", "nvidia h?00", true);
    expect("name", "!=", "*h200", false);
}

static void sizes_take_units(void **state) {
    (void)state;
    expect("memory", ">=", "16 GiB", true);
    expect("memory", ">", "141GB", false);
    expect("memory", "==", "141 GB", true);
    expect("memory", "<", "1 TiB", true);
    expect("local_memory", ">=", "48KiB", true);
    expect("local_memory", ">=", "49153", false);
}

static void versions_compare_number_by_number(void **state) {
    (void)state;
    expect("driver", ">=", "535.104", true);
    expect("driver", ">=", "550.54.15", true);
    expect("driver", ">", "550.54.9", true);
    expect("driver", "<", "1000", true);
}

static void lists_numbers_and_booleans_match(void **state) {
    (void)state;
    expect("extensions", "==", "cl_khr_fp16", true);
    expect("extensions", "==", "cl_khr_fp1", false);
    expect("extensions", "!=", "cl_intel_subgroups", true);
    expect("sub_group", "==", "32", true);
    expect("sub_group", "==", "64", false);
    expect("extension", "==", "cl_khr_fp64", true);
    expect("subgroup", "==", "32", true);
    expect("label", "==", "prod", true);
    expect("labels", "==", "prod", true);
    expect("labels", "!=", "quiet", true);
    expect("compute_units", ">", "100", true);
    expect("fp16", "==", "true", true);
    expect("fp64", "==", "true", false);
    expect("fp64", "!=", "true", true);
}

static void refused(const char *key, const char *op, const char *value, const char *why) {
    struct target_term t = {key, op, value};
    struct error err = ERROR_INIT;
    assert_int_equal(target_selector_check(&t, 1, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    if (!strstr(err.text, why)) fail_msg("\"%s\" lacks \"%s\"", err.text, why);
}

static void nonsense_is_refused_with_a_reason(void **state) {
    (void)state;
    refused("vendr", "==", "nvidia", "did you mean vendor?");
    refused("memory", ">=", "16 GiBs", "a size such as 16 GiB");
    refused("memory", ">=", "lots", "a size such as 16 GiB");
    refused("fp16", "==", "yes", "neither true nor false");
    refused("fp16", ">", "true", "does not go with");
    refused("extensions", "<", "cl_khr_fp16", "does not go with");
    refused("compute_units", ">", "many", "no number");
    refused("name", "=~", "x", "does not go with");
    refused("name", "==", "", "empty");
}

static void an_operator_is_split_from_its_value(void **state) {
    (void)state;
    char op[3];
    assert_string_equal(target_selector_split(">= 16 GiB", op), "16 GiB");
    assert_string_equal(op, ">=");
    assert_string_equal(target_selector_split("nvidia", op), "nvidia");
    assert_string_equal(op, "==");
    assert_string_equal(target_selector_split("~ *H100*", op), "*H100*");
    assert_string_equal(op, "~");
}

static void the_first_missed_term_is_told(void **state) {
    (void)state;
    struct rec_device d = h200();
    struct target_term t[] = {{"vendor", "==", "nvidia"}, {"memory", ">", "1 TB"}, {"name", "==", "x"}};
    assert_int_equal(target_selector_first_miss(t, 3, &d), 1);
    assert_int_equal(target_selector_first_miss(t, 1, &d), -1);
    rec_device_done(&d);
}

static void named(struct rec_device d, const struct target_rules *rules, const char *expected) {
    char name[TARGET_NAME_SIZE];
    target_rules_name(rules, &d, name);
    assert_string_equal(name, expected);
    assert_true(target_name_valid(name));
    rec_device_done(&d);
}

static void built_in_rules_name_the_cpu_drivers(void **state) {
    (void)state;
    named(device("AuthenticAMD", "pthread-skylake-avx512-AMD EPYC", "Portable Computing Language", "cpu"), NULL,
          "pocl-cpu");
    named(device("GenuineIntel", "cpu-haswell", "Portable Computing Language", "cpu"), NULL, "pocl-cpu");
    named(device("Mesa/X.org", "llvmpipe (LLVM 15.0.6, 256 bits)", "rusticl", "cpu"), NULL, "mesa-llvmpipe");
    named(device("Intel(R) Corporation", "AMD EPYC", "Intel(R) OpenCL", "cpu"), NULL, "intel-cpu");
    named(device("University of Bristol", "Oclgrind Simulator", "Oclgrind", "cpu"), NULL, "oclgrind");
}

static void other_devices_are_named_by_vendor_and_model(void **state) {
    (void)state;
    named(h200(), NULL, "nvidia-h200");
    named(device("NVIDIA Corporation", "NVIDIA H100 80GB HBM3", "NVIDIA CUDA", "gpu"), NULL, "nvidia-h100-80gb-hbm3");
    named(device("Advanced Micro Devices, Inc.", "gfx90a:sramecc+:xnack-", "AMD", "gpu"), NULL, "amd-gfx90a");
    named(device("Intel(R) Corporation", "Intel(R) Arc(TM) A770 Graphics", "Intel", "gpu"), NULL, "intel-arc-a770");
    named(device("", "", "", ""), NULL, "device");
}

static void rules_of_the_fleet_file_go_first(void **state) {
    (void)state;
    static const char text[] =
        "nodes: {}\n"
        "targets:\n"
        "  - {target: big, when: {kind: gpu, memory: '>= 100 GB', labels: [prod, quiet]}}\n"
        "  - {target: hopper, when: {name: '~ *H?00*', vendor: nvidia}}\n";
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_target_rules)
    struct target_rules *rules = target_rules_parse(text, strlen(text), "fleet.yaml", &err);
    if (!rules) fail_msg("%s", err.text);
    named(h200(), rules, "hopper");
    struct rec_device d = h200();
    rec_list_string_push(&d.labels, "quiet");
    named(d, rules, "big");
    named(device("AuthenticAMD", "cpu", "Portable Computing Language", "cpu"), rules, "pocl-cpu");
}

static void bad_rules_name_file_and_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {{"targets: {}\n", "fleet.yaml:1:"},
               {"targets:\n  - {target: A B, when: {kind: gpu}}\n", "fleet.yaml:2:"},
               {"targets:\n  - {target: a, when: {kin: gpu}}\n", "did you mean kind?"},
               {"targets:\n  - {target: a, when: {}}\n", "at least one property"},
               {"targets:\n  - {target: a}\n", "needs both"},
               {"targets:\n  - {target: a, whem: {kind: gpu}}\n", "when"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = ERROR_INIT;
        assert_null(target_rules_parse(bad[i].text, strlen(bad[i].text), "fleet.yaml", &err));
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.text, bad[i].why)) fail_msg("\"%s\" lacks \"%s\"", err.text, bad[i].why);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_matches_whole_words_of_any_case),
        cmocka_unit_test(sizes_take_units),
        cmocka_unit_test(versions_compare_number_by_number),
        cmocka_unit_test(lists_numbers_and_booleans_match),
        cmocka_unit_test(nonsense_is_refused_with_a_reason),
        cmocka_unit_test(an_operator_is_split_from_its_value),
        cmocka_unit_test(the_first_missed_term_is_told),
        cmocka_unit_test(built_in_rules_name_the_cpu_drivers),
        cmocka_unit_test(other_devices_are_named_by_vendor_and_model),
        cmocka_unit_test(rules_of_the_fleet_file_go_first),
        cmocka_unit_test(bad_rules_name_file_and_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
