/* The processor, for drivers that run on it: the mean of the cores' frequencies, the package's temperature, and whether
 * a core was throttled since the reading before. Interfaces: the kernel's Documentation/admin-guide/pm/cpufreq.rst,
 * Documentation/hwmon (coretemp, k10temp), and /sys/devices/system/cpu/cpuN/thermal_throttle. Virtual machines have
 * none of these. */
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/timing/sensors.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define FREQUENCIES "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq" /* kHz */
#define THROTTLES "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"

struct cpu {
    char *root;
    double throttles; /* counted until the reading before; NaN where it is not counted */
};

/* Sum and number of the numbers in all files of a pattern. */
static double sum_of(const char *root, const char *pattern, size_t *ret_n) {
    CLEANUP_FREE char *path = xasprintf("%s/%s", root, pattern);
    glob_t found;
    double sum = 0;
    *ret_n = 0;
    if (glob(path, 0, NULL, &found) != 0) return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        double value = sensors_number("", found.gl_pathv[i] + 1, 1);
        if (!isfinite(value)) continue;
        sum += value;
        ++*ret_n;
    }
    globfree(&found);
    return sum;
}

static double count_throttles(const char *root) {
    size_t n = 0;
    double sum = sum_of(root, THROTTLES, &n);
    return n ? sum : (double)NAN;
}

static double temperature(const char *root) {
    static const char *const chips[] = {"coretemp\n", "k10temp\n"};
    CLEANUP_FREE char *pattern = xasprintf("%s/sys/class/hwmon/hwmon*/name", root);
    glob_t found;
    double value = (double)NAN;
    if (glob(pattern, 0, NULL, &found) != 0) return value;
    for (size_t i = 0; i < found.gl_pathc && isnan(value); i++) {
        CLEANUP_FREE char *name = file_read(found.gl_pathv[i], 256, NULL, NULL);
        CLEANUP_FREE char *folder = path_dirname(found.gl_pathv[i]);
        if (name && (strcmp(name, chips[0]) == 0 || strcmp(name, chips[1]) == 0))
            value = sensors_number(folder, "temp1_input", 1e-3);
    }
    globfree(&found);
    return value;
}

static void *cpu_open(const struct rec_device *d, const char *root, const char *nvml) {
    size_t n = 0;
    (void)nvml;
    if (!d->host_memory) return NULL;
    sum_of(root, FREQUENCIES, &n);
    double throttles = count_throttles(root);
    if (n == 0 && isnan(throttles) && isnan(temperature(root))) return NULL;
    struct cpu *c = xcalloc(1, sizeof *c);
    c->root = xstrdup(root);
    c->throttles = throttles;
    return c;
}

static void cpu_read(void *state, struct sensor_reading *ret) {
    struct cpu *c = state;
    size_t n = 0;
    double khz = sum_of(c->root, FREQUENCIES, &n), throttles = count_throttles(c->root);
    if (n > 0) ret->clock_mhz = khz / (double)n / 1e3;
    ret->temperature_c = temperature(c->root);
    if (isnan(throttles)) return;
    snprintf(ret->throttle, sizeof ret->throttle, "%s", throttles > c->throttles ? "thermal" : "");
    c->throttles = throttles;
}

static void cpu_close(void *state) {
    struct cpu *c = state;
    free(c->root);
    free(c);
}

const struct sensor_backend sensors_cpu = {.name = "cpu", .open = cpu_open, .read = cpu_read, .close = cpu_close};
