/* Clocks, temperature and throttling of a device while it is timed, where the machine lets them be read: NVML (the
 * vendor's management library, by dlopen) for NVIDIA, sysfs for amdgpu and i915, and for processors cpufreq, hwmon and
 * the throttle counters. They are evidence beside the times and decide nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "records.h"

struct sensors;
/* What a device was doing at one moment; what cannot be read is NaN or "". */
struct sensor_reading {
    double clock_mhz, memory_clock_mhz, temperature_c, power_w;
    char throttle[160]; /* reasons, comma-separated; "" for none, "?" where it cannot be told */
};
/* For `d`. `root` is "/" but in tests; `nvml` NULL for the library's usual name. NULL when nothing can be read. */
struct sensors *sensors_open(const struct rec_device *d, const char *root, const char *nvml);
void sensors_close(struct sensors *s); /* accepts NULL */
/* "nvml", "amdgpu", "i915" or "cpu". */
const char *sensors_source(const struct sensors *s);
void sensors_read(struct sensors *s, struct sensor_reading *ret);

/* Processes that compute on the device, into `pids` (as many as fit `size`), ours among them; *ret_share is the share
 * of the last moment in which anything ran on it, NaN where that cannot be told. Their number; -1 where nobody can tell
 * (only NVML can). */
int sensors_processes(struct sensors *s, pid_t *pids, int size, double *ret_share);

/* One kind of source. `open` gives NULL where it has nothing to say. */
struct sensor_backend {
    const char *name;
    void *(*open)(const struct rec_device *d, const char *root, const char *nvml);
    void (*read)(void *state, struct sensor_reading *ret);
    int (*processes)(void *state, pid_t *pids, int size, double *ret_share); /* may be NULL */
    void (*close)(void *state);
};
extern const struct sensor_backend sensors_nvml, sensors_amdgpu, sensors_i915, sensors_cpu;

/* Helpers of the sysfs backends. The number in the file whose path is ROOT/ + the pattern's first match (glob(3)),
 * times `scale`; NaN where there is none. */
double sensors_number(const char *root, const char *pattern, double scale);
/* The device's address on the PCI bus as its domain has it ("pci-0000:65:00.0"), or NULL. */
const char *sensors_pci(const struct rec_device *d);
