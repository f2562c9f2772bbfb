/* Clocks and temperatures: from trees that look like sysfs, and from a library that is built here in NVML's place and
 * writes down in which order it was called. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent-node/worker/timing/sensors.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static char root[] = "/tmp/portolan-test-sensors-XXXXXX";
static struct rec_device device;
static struct sensor_reading now;

static void put(const char *path, const char *text) {
    CLEANUP_FREE char *full = path_join(root, path);
    CLEANUP_FREE char *folder = path_dirname(full);
    struct error err = ERROR_INIT;
    assert_int_equal(dir_make(folder, 0755, &err), 0);
    assert_int_equal(file_write_durable(full, text, strlen(text), 0644, &err), 0);
}

static void bind_driver(const char *name) {
    CLEANUP_FREE char *target = xasprintf("../../../bus/pci/drivers/%s", name);
    CLEANUP_FREE char *link = path_join(root, "sys/bus/pci/devices/0000:65:00.0/driver");
    put("sys/bus/pci/devices/0000:65:00.0/vendor", "0x1002\n");
    assert_int_equal(symlink(target, link), 0);
}

static int begin(void **state) {
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    assert_non_null(mkdtemp(root));
    rec_device_init(&device);
    rec_set(&device.domain, "pci-0000:65:00.0");
    return 0;
}

static int end(void **state) {
    (void)state;
    rec_device_done(&device);
    return dir_remove(root, NULL);
}

static void read_as(const char *source) {
    struct sensors *s = sensors_open(&device, root, "/nowhere/libnvidia-ml.so.1");
    assert_non_null(s);
    assert_string_equal(sensors_source(s), source);
    sensors_read(s, &now);
    sensors_close(s);
}

static void amdgpu_is_read_from_hwmon(void **state) {
    (void)state;
    bind_driver("amdgpu");
    put("sys/bus/pci/devices/0000:65:00.0/hwmon/hwmon3/freq1_input", "2100000000\n");
    put("sys/bus/pci/devices/0000:65:00.0/hwmon/hwmon3/freq2_input", "1200000000\n");
    put("sys/bus/pci/devices/0000:65:00.0/hwmon/hwmon3/temp1_input", "61000\n");
    put("sys/bus/pci/devices/0000:65:00.0/hwmon/hwmon3/power1_average", "203000000\n");
    read_as("amdgpu");
    assert_true(fabs(now.clock_mhz - 2100) < 1e-6 && fabs(now.memory_clock_mhz - 1200) < 1e-6);
    assert_true(fabs(now.temperature_c - 61) < 1e-6 && fabs(now.power_w - 203) < 1e-6);
    assert_string_equal(now.throttle, "?");
}

static void i915_is_read_from_its_gt_with_the_reasons_that_hold(void **state) {
    (void)state;
    bind_driver("i915");
    put("sys/bus/pci/devices/0000:65:00.0/drm/card0/gt/gt0/rps_act_freq_mhz", "1350\n");
    put("sys/bus/pci/devices/0000:65:00.0/drm/card0/gt/gt0/throttle_reason_status", "1\n");
    put("sys/bus/pci/devices/0000:65:00.0/drm/card0/gt/gt0/throttle_reason_pl1", "1\n");
    put("sys/bus/pci/devices/0000:65:00.0/drm/card0/gt/gt0/throttle_reason_thermal", "0\n");
    read_as("i915");
    assert_true(now.clock_mhz == 1350 && isnan(now.temperature_c) && isnan(now.power_w));
    assert_string_equal(now.throttle, "pl1");
}

static void the_processor_has_frequencies_a_temperature_and_throttle_counts(void **state) {
    (void)state;
    device.host_memory = true;
    rec_set(&device.domain, "cpu");
    put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000\n");
    put("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "2000000\n");
    put("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7\n");
    put("sys/class/hwmon/hwmon0/name", "nvme\n");
    put("sys/class/hwmon/hwmon0/temp1_input", "35000\n");
    put("sys/class/hwmon/hwmon1/name", "k10temp\n");
    put("sys/class/hwmon/hwmon1/temp1_input", "72500\n");
    struct sensors *s = sensors_open(&device, root, NULL);
    assert_non_null(s);
    assert_string_equal(sensors_source(s), "cpu");
    sensors_read(s, &now);
    assert_true(fabs(now.clock_mhz - 2500) < 1e-6 && fabs(now.temperature_c - 72.5) < 1e-6);
    assert_string_equal(now.throttle, ""); /* seven times before we looked */
    put("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "9\n");
    sensors_read(s, &now);
    assert_string_equal(now.throttle, "thermal");
    sensors_read(s, &now);
    assert_string_equal(now.throttle, "");
    sensors_close(s);
}

static void where_nothing_can_be_read_there_is_no_source(void **state) {
    (void)state;
    assert_null(sensors_open(&device, root, "/nowhere/libnvidia-ml.so.1"));
    bind_driver("nouveau");
    assert_null(sensors_open(&device, root, "/nowhere/libnvidia-ml.so.1"));
    device.host_memory = true;
    rec_set(&device.domain, "cpu");
    assert_null(sensors_open(&device, root, NULL)); /* as on a virtual machine */
    sensors_close(NULL);
}

static void a_domain_that_is_no_bus_address_leads_nowhere(void **state) {
    (void)state;
    static const char *const odd[] = {"cpu",           "65:00.0", "pci-../../../etc", "pci-", "pci-0000:65:00.0/../x",
                                      "nvidia.icd-0-0"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        rec_set(&device.domain, odd[i]);
        assert_null(sensors_pci(&device));
    }
    rec_set(&device.domain, "pci-0000:65:00.0");
    assert_string_equal(sensors_pci(&device), "0000:65:00.0");
}

/* --- NVML ------------------------------------------------------------------------------------- */
static const char STANDIN[] =
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "static void note(const char *what) {\n"
    "    FILE *f = fopen(getenv(\"NVML_CALLS\"), \"a\");\n"
    "    if (f) { fprintf(f, \"%s\\n\", what); fclose(f); }\n"
    "}\n"
    "static int up;\n"
    "int nvmlInit_v2(void) { note(\"init\"); up = 1; return getenv(\"NVML_FAILS\") ? 999 : 0; }\n"
    "int nvmlShutdown(void) { note(\"shutdown\"); up = 0; return 0; }\n"
    "int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **ret) { note(id); *ret = &up; return up ? 0 : 1; }\n"
    "int nvmlDeviceGetClockInfo(void *d, int kind, unsigned *ret) {\n"
    "    note(kind == 1 ? \"sm\" : kind == 2 ? \"mem\" : \"?\"); *ret = kind == 1 ? 1980 : 2619; return d == &up && up "
    "? 0 : 1; }\n"
    "int nvmlDeviceGetTemperature(void *d, int kind, unsigned *ret) { note(\"temperature\"); *ret = 47; return d == "
    "&up && kind == 0 ? 0 : 1; }\n"
    "int nvmlDeviceGetPowerUsage(void *d, unsigned *ret) { (void)d; (void)ret; note(\"power\"); return 3; }\n"
    "int nvmlDeviceGetCurrentClocksThrottleReasons(void *d, unsigned long long *ret) {\n"
    "    (void)d; note(\"reasons\"); *ret = 0x1 | 0x4 | 0x40; return 0; }\n"
    "struct info { unsigned pid; unsigned long long memory; unsigned gi, ci; };\n"
    "int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, struct info *ret) {\n"
    "    if (d != &up || *n < 2) return 7;\n"
    "    ret[0] = (struct info){.pid = 4711, .gi = ~0u, .ci = ~0u}; ret[1] = (struct info){.pid = 4712}; *n = 2; "
    "return 0; "
    "}\n"
    "int nvmlDeviceGetUtilizationRates(void *d, unsigned *ret) { (void)d; ret[0] = 37; ret[1] = 5; return 0; }\n";

/* Builds the stand-in and gives its path. */
static char *build_standin(void) {
    put("nvml.c", STANDIN);
    CLEANUP_FREE char *command = xasprintf("cc -shared -fPIC -o %s/nvml.so %s/nvml.c 2>&1", root, root);
    assert_int_equal(system(command), 0);
    CLEANUP_FREE char *calls = path_join(root, "calls");
    setenv("NVML_CALLS", calls, 1);
    return path_join(root, "nvml.so");
}

static void nvml_is_asked_between_init_and_shutdown(void **state) {
    (void)state;
    CLEANUP_FREE char *library = build_standin();
    CLEANUP_FREE char *calls = path_join(root, "calls");
    unsetenv("NVML_FAILS");
    rec_set(&device.vendor, "NVIDIA Corporation");
    struct sensors *s = sensors_open(&device, root, library);
    assert_non_null(s);
    assert_string_equal(sensors_source(s), "nvml");
    sensors_read(s, &now);
    sensors_close(s);
    assert_true(now.clock_mhz == 1980 && now.memory_clock_mhz == 2619 && now.temperature_c == 47);
    assert_true(isnan(now.power_w));                                           /* it said "not supported" */
    assert_string_equal(now.throttle, "power cap, hardware thermal slowdown"); /* idle is no reason */
    CLEANUP_FREE char *order = file_read(calls, 4096, NULL, NULL);
    assert_string_equal(order, "init\n0000:65:00.0\nsm\nmem\ntemperature\npower\nreasons\nshutdown\n");
}

static void nvml_tells_who_computes_on_the_device(void **state) {
    (void)state;
    CLEANUP_FREE char *library = build_standin();
    pid_t pids[4] = {0};
    double share;
    unsetenv("NVML_FAILS");
    rec_set(&device.vendor, "NVIDIA Corporation");
    struct sensors *s = sensors_open(&device, root, library);
    assert_non_null(s);
    assert_int_equal(sensors_processes(s, pids, 1, &share), 2); /* as many as fit, and how many there are */
    assert_int_equal(pids[0], 4711);
    assert_int_equal(pids[1], 0);
    assert_int_equal(sensors_processes(s, pids, 4, &share), 2);
    assert_int_equal(pids[1], 4712);
    assert_true(share == 0.37);
    sensors_close(s);
    device.host_memory = true;
    rec_set(&device.domain, "cpu");
    put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000\n");
    s = sensors_open(&device, root, NULL);
    assert_int_equal(sensors_processes(s, pids, 4, &share), -1); /* nobody knows */
    assert_true(isnan(share));
    sensors_close(s);
}

static void nvml_that_does_not_start_is_none(void **state) {
    (void)state;
    CLEANUP_FREE char *library = build_standin();
    CLEANUP_FREE char *calls = path_join(root, "calls");
    rec_set(&device.vendor, "NVIDIA Corporation");
    setenv("NVML_FAILS", "1", 1);
    assert_null(sensors_open(&device, root, library));
    unsetenv("NVML_FAILS");
    CLEANUP_FREE char *order = file_read(calls, 4096, NULL, NULL);
    assert_string_equal(order, "init\n");
    rec_set(&device.vendor, "Intel");
    assert_null(sensors_open(&device, root, library)); /* nobody else's device is asked for there */
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {T(amdgpu_is_read_from_hwmon),
                                       T(i915_is_read_from_its_gt_with_the_reasons_that_hold),
                                       T(the_processor_has_frequencies_a_temperature_and_throttle_counts),
                                       T(where_nothing_can_be_read_there_is_no_source),
                                       T(a_domain_that_is_no_bus_address_leads_nowhere),
                                       T(nvml_is_asked_between_init_and_shutdown),
                                       T(nvml_tells_who_computes_on_the_device),
                                       T(nvml_that_does_not_start_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
