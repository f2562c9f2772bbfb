/* amdgpu and i915 by sysfs, below the device's folder on the PCI bus. Interfaces: the kernel's Documentation/gpu/amdgpu
 * (thermal.rst: hwmon's freq1_input is the graphics clock, freq2_input the memory's, temp1_input the edge's
 * temperature) and Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon; i915's gt/gtN/rps_act_freq_mhz and
 * throttle_reason_*. */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-node/worker/timing/sensors.h"
#include "common/buf.h"
#include "common/cleanup.h"

struct folder {
    char *root; /* the device's */
};

/* The device's folder when the driver named `module` has it. Addresses without the PCI domain are in domain 0. */
static void *open_for(const struct rec_device *d, const char *root, const char *module) {
    const char *address = sensors_pci(d);
    char target[256];
    if (!address) return NULL;
    bool full = strchr(address, ':') != strrchr(address, ':');
    CLEANUP_FREE char *folder = xasprintf("%s/sys/bus/pci/devices/%s%s", root, full ? "" : "0000:", address);
    CLEANUP_FREE char *link = xasprintf("%s/driver", folder);
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n <= 0) return NULL;
    target[n] = 0;
    const char *name = strrchr(target, '/');
    if (strcmp(name ? name + 1 : target, module) != 0) return NULL;
    struct folder *f = xcalloc(1, sizeof *f);
    f->root = TAKE(folder);
    return f;
}

static void folder_close(void *state) {
    struct folder *f = state;
    free(f->root);
    free(f);
}

static void *amdgpu_open(const struct rec_device *d, const char *root, const char *nvml) {
    (void)nvml;
    return open_for(d, root, "amdgpu");
}

/* Throttling is in a binary table whose layout changes from chip to chip: it is left unread, and stays "?". */
static void amdgpu_read(void *state, struct sensor_reading *ret) {
    const struct folder *f = state;
    ret->clock_mhz = sensors_number(f->root, "hwmon/hwmon*/freq1_input", 1e-6);
    ret->memory_clock_mhz = sensors_number(f->root, "hwmon/hwmon*/freq2_input", 1e-6);
    ret->temperature_c = sensors_number(f->root, "hwmon/hwmon*/temp1_input", 1e-3);
    ret->power_w = sensors_number(f->root, "hwmon/hwmon*/power1_average", 1e-6);
    if (isnan(ret->power_w)) ret->power_w = sensors_number(f->root, "hwmon/hwmon*/power1_input", 1e-6);
}

static void *i915_open(const struct rec_device *d, const char *root, const char *nvml) {
    (void)nvml;
    return open_for(d, root, "i915");
}

/* Files throttle_reason_NAME hold 1 while that is so; throttle_reason_status is their sum. */
static void read_reasons(const char *root, char *out, size_t size) {
    CLEANUP_FREE char *pattern = xasprintf("%s/drm/card*/gt/gt0/throttle_reason_*", root);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) return;
    out[0] = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *name = strstr(found.gl_pathv[i], "throttle_reason_") + strlen("throttle_reason_");
        size_t len = strlen(out);
        if (strcmp(name, "status") == 0 || !(sensors_number("", found.gl_pathv[i] + 1, 1) > 0)) continue;
        snprintf(out + len, size - len, "%s%s", len ? ", " : "", name);
    }
    globfree(&found);
}

static void i915_read(void *state, struct sensor_reading *ret) {
    const struct folder *f = state;
    ret->clock_mhz = sensors_number(f->root, "drm/card*/gt/gt0/rps_act_freq_mhz", 1);
    ret->temperature_c = sensors_number(f->root, "hwmon/hwmon*/temp1_input", 1e-3);
    read_reasons(f->root, ret->throttle, sizeof ret->throttle);
}

const struct sensor_backend sensors_amdgpu = {
    .name = "amdgpu", .open = amdgpu_open, .read = amdgpu_read, .close = folder_close};
const struct sensor_backend sensors_i915 = {
    .name = "i915", .open = i915_open, .read = i915_read, .close = folder_close};
