/* Finding this machine's devices: names, fingerprints, the calibration that is kept. */
#include "agent-node/worker/discovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/calibration.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static struct rec_device *push(struct rec_list_device *list, const char *vendor, const char *name, const char *platform,
                               bool host) {
    struct rec_device *d = rec_list_device_push(list);
    rec_set(&d->backend, "opencl");
    rec_set(&d->vendor, vendor);
    rec_set(&d->name, name);
    rec_set(&d->platform, platform);
    rec_set(&d->kind, host ? "cpu" : "gpu");
    d->host_memory = host;
    return d;
}

static void ids_are_stable_and_distinct(void **state) {
    (void)state;
    CLEANUP(discovery_list_done) struct rec_list_device list = {0};
    push(&list, "NVIDIA Corporation", "NVIDIA H200", "NVIDIA CUDA", false);
    push(&list, "NVIDIA Corporation", "NVIDIA H200", "NVIDIA CUDA", false);
    push(&list, "AuthenticAMD", "pthread-EPYC", "Portable Computing Language", true);
    push(&list, "Intel(R) Corporation", "AMD EPYC", "Intel(R) OpenCL", true);
    push(&list, "Intel(R) Corporation", "AMD EPYC", "Intel(R) OpenCL", true);
    discovery_name(&list);
    static const char *const id[] = {"nvidia-h200-0", "nvidia-h200-1", "pocl-cpu", "intel-cpu", "intel-cpu-1"};
    static const char *const target[] = {"nvidia-h200", "nvidia-h200", "pocl-cpu", "intel-cpu", "intel-cpu"};
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.items[i].id, id[i]);
        assert_string_equal(list.items[i].target, target[i]);
        assert_int_equal(strlen(list.items[i].fingerprint), 64);
    }
    assert_string_equal(list.items[0].fingerprint, list.items[1].fingerprint);
}

static void a_fingerprint_changes_with_driver_and_limits(void **state) {
    (void)state;
    CLEANUP(discovery_list_done) struct rec_list_device list = {0};
    struct rec_device *d = push(&list, "V", "N", "P", true);
    char before[65], after[65];
    discovery_fingerprint(d, before);
    rec_set(&d->id, "elsewhere");
    d->copy_gbps = 7;
    discovery_fingerprint(d, after);
    assert_string_equal(before, after);
    rec_set(&d->driver_version, "2");
    discovery_fingerprint(d, after);
    assert_string_not_equal(before, after);
    memcpy(before, after, sizeof before);
    rec_list_long_push(&d->sub_group_sizes, 8);
    discovery_fingerprint(d, after);
    assert_string_not_equal(before, after);
}

static void a_calibration_is_kept_and_a_damaged_one_ignored(void **state) {
    (void)state;
    char folder[] = "/tmp/portolan-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    CLEANUP(discovery_list_done) struct rec_list_device list = {0};
    struct rec_device *d = push(&list, "V", "N", "P", true);
    struct error err = ERROR_INIT;
    discovery_name(&list);
    assert_false(calibration_read(folder, d));
    d->copy_gbps = 33.5, d->fma_gflops = 233, d->launch_us = 12.25, d->event_times = true;
    if (calibration_write(folder, d, &err) < 0) fail_msg("%s", err.text);
    d->copy_gbps = d->fma_gflops = d->launch_us = 0, d->event_times = false;
    assert_true(calibration_read(folder, d));
    assert_true(d->copy_gbps == 33.5 && d->fma_gflops == 233 && d->launch_us == 12.25 && d->event_times);
    CLEANUP_FREE char *path = xasprintf("%s/devices/%s.json", folder, d->fingerprint);
    static const char *const damaged[] = {
        "", "{}", "{\"version\": 1, \"copy_gbps\": -1}", "[1, 2",
        "{\"version\":1,\"copy_gbps\":0,\"fma_gflops\":1,\"launch_us\":1,\"event_times\":true}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        assert_int_equal(file_write_durable(path, damaged[i], strlen(damaged[i]), 0644, &err), 0);
        assert_false(calibration_read(folder, d));
    }
    dir_remove(folder, NULL);
}

static const struct rec_device *find(const struct rec_list_device *list, const char *id) {
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i].id, id)) return &list->items[i];
    fail_msg("no %s among %zu devices", id, list->count);
    return NULL;
}

static void the_drivers_of_this_machine_are_found(void **state) {
    (void)state;
    CLEANUP(discovery_list_done) struct rec_list_device list = {0};
    struct discovery_config c = {.sandbox = true};
    struct error err = ERROR_INIT;
    if (discovery_run(&c, &list, &err) < 0) fail_msg("%s", err.text);
    const struct rec_device *pocl = find(&list, "pocl-cpu"), *mesa = find(&list, "mesa-llvmpipe");
    assert_string_equal(pocl->icd, "pocl.icd");
    assert_string_equal(pocl->domain, "cpu");
    assert_string_equal(mesa->domain, "cpu");
    assert_true(pocl->host_memory && mesa->host_memory);
    assert_true(pocl->memory_bytes > 0 && pocl->max_work_group_size > 0 && pocl->compute_units > 0);
    assert_true(pocl->cache_bytes >= 256 * 1024);
    assert_int_equal(pocl->max_work_item_sizes.count, 3);
    assert_non_null(strstr(pocl->extensions, "cl_khr"));
}

static void only_the_wanted_ones_are_listed_and_calibrated_once(void **state) {
    (void)state;
    char folder[] = "/tmp/portolan-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const char *const only[] = {"scripted"};
    CLEANUP(discovery_list_done) struct rec_list_device list = {0};
    struct discovery_config c = {.cache_dir = folder, .sandbox = true, .measure = true, .only = only, .only_count = 1};
    struct error err = ERROR_INIT;
    if (discovery_run(&c, &list, &err) < 0) fail_msg("%s", err.text);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, "scripted");
    assert_true(list.items[0].copy_gbps == 100.0 && list.items[0].event_times);
    dir_remove(folder, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_stable_and_distinct),
        cmocka_unit_test(a_fingerprint_changes_with_driver_and_limits),
        cmocka_unit_test(a_calibration_is_kept_and_a_damaged_one_ignored),
        cmocka_unit_test(the_drivers_of_this_machine_are_found),
        cmocka_unit_test(only_the_wanted_ones_are_listed_and_calibrated_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
