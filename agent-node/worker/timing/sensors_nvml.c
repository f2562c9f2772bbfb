/* NVIDIA's management library. It speaks to the kernel's driver about the device and runs nothing on it, so it may live
 * in the worker, where no driver does; without the library, or with one that fails, there are no readings. Interface:
 * "NVML API Reference Manual" (nvmlInit_v2, nvmlDeviceGetHandleByPciBusId_v2, nvmlDeviceGetClockInfo,
 * nvmlDeviceGetTemperature, nvmlDeviceGetPowerUsage, nvmlDeviceGetCurrentClocksThrottleReasons,
 * nvmlDeviceGetComputeRunningProcesses_v3, nvmlDeviceGetUtilizationRates, nvmlShutdown). */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent-node/worker/timing/sensors.h"
#include "common/buf.h"

#define LIBRARY "libnvidia-ml.so.1"
#define SUCCESS 0
#define PROCESSES_MAX 256
enum { CLOCK_SM = 1, CLOCK_MEM = 2, TEMPERATURE_GPU = 0 };

typedef void *nvml_device;
struct process_info { /* of versions 2 and 3 of the call */
    unsigned pid;
    unsigned long long memory;
    unsigned gpu_instance, compute_instance;
};
struct utilisation {
    unsigned gpu_percent, memory_percent;
};
struct nvml {
    void *library;
    nvml_device device;
    int (*init)(void);
    int (*shutdown)(void);
    int (*by_pci)(const char *address, nvml_device *ret);
    int (*clock)(nvml_device device, int kind, unsigned *ret_mhz);
    int (*temperature)(nvml_device device, int kind, unsigned *ret_c);
    int (*power)(nvml_device device, unsigned *ret_mw);
    int (*throttle)(nvml_device device, unsigned long long *ret_reasons);
    int (*processes_v3)(nvml_device device, unsigned *count, struct process_info *ret);
    int (*processes_v2)(nvml_device device, unsigned *count, struct process_info *ret);
    int (*utilisation)(nvml_device device, struct utilisation *ret);
};

/* Idle and what an administrator set are no throttling. */
static const struct {
    unsigned long long bit;
    const char *name;
} REASON[] = {{0x4, "power cap"},         {0x8, "hardware slowdown"},          {0x10, "sync boost"},
              {0x20, "thermal slowdown"}, {0x40, "hardware thermal slowdown"}, {0x80, "power brake"}};

static bool find(struct nvml *n) {
    const struct {
        const char *name;
        void *to;
    } symbol[] = {{"nvmlInit_v2", &n->init},
                  {"nvmlShutdown", &n->shutdown},
                  {"nvmlDeviceGetHandleByPciBusId_v2", &n->by_pci},
                  {"nvmlDeviceGetClockInfo", &n->clock},
                  {"nvmlDeviceGetTemperature", &n->temperature},
                  {"nvmlDeviceGetPowerUsage", &n->power},
                  {"nvmlDeviceGetCurrentClocksThrottleReasons", &n->throttle},
                  {"nvmlDeviceGetComputeRunningProcesses_v3", &n->processes_v3},
                  {"nvmlDeviceGetComputeRunningProcesses_v2", &n->processes_v2},
                  {"nvmlDeviceGetUtilizationRates", &n->utilisation}};
    for (size_t i = 0; i < sizeof symbol / sizeof *symbol; i++) {
        void *at = dlsym(n->library, symbol[i].name);
        memcpy(symbol[i].to, &at, sizeof at); /* a pointer to a function from one to data: POSIX allows it this way */
    }
    return n->init && n->shutdown && n->by_pci;
}

static void *open_library(const char *name) {
    return dlopen(name ? name : LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

static void *nvml_open(const struct rec_device *d, const char *root, const char *library) {
    (void)root;
    const char *address = sensors_pci(d);
    if (!address || !strcasestr(d->vendor, "nvidia")) return NULL;
    struct nvml *n = xcalloc(1, sizeof *n);
    n->library = open_library(library);
    if (n->library && find(n) && n->init() == SUCCESS) {
        if (n->by_pci(address, &n->device) == SUCCESS) return n;
        n->shutdown();
    }
    if (n->library) dlclose(n->library);
    free(n);
    return NULL;
}

static void nvml_read(void *state, struct sensor_reading *ret) {
    struct nvml *n = state;
    unsigned value = 0;
    unsigned long long reasons = 0;
    if (n->clock && n->clock(n->device, CLOCK_SM, &value) == SUCCESS) ret->clock_mhz = value;
    if (n->clock && n->clock(n->device, CLOCK_MEM, &value) == SUCCESS) ret->memory_clock_mhz = value;
    if (n->temperature && n->temperature(n->device, TEMPERATURE_GPU, &value) == SUCCESS) ret->temperature_c = value;
    if (n->power && n->power(n->device, &value) == SUCCESS) ret->power_w = value / 1000.0;
    if (!n->throttle || n->throttle(n->device, &reasons) != SUCCESS) return;
    ret->throttle[0] = 0;
    for (size_t i = 0; i < sizeof REASON / sizeof *REASON; i++) {
        size_t len = strlen(ret->throttle);
        if (reasons & REASON[i].bit)
            snprintf(ret->throttle + len, sizeof ret->throttle - len, "%s%s", len ? ", " : "", REASON[i].name);
    }
}

static int nvml_processes(void *state, pid_t *pids, int size, double *ret_share) {
    struct nvml *n = state;
    struct process_info info[PROCESSES_MAX];
    unsigned count = PROCESSES_MAX;
    struct utilisation share = {0};
    int (*ask)(nvml_device, unsigned *, struct process_info *) = n->processes_v3 ? n->processes_v3 : n->processes_v2;
    int answer = ask ? ask(n->device, &count, info) : -1;
    if (answer != SUCCESS || count > PROCESSES_MAX) return -1;
    for (unsigned i = 0; i < count && (int)i < size; i++) pids[i] = (pid_t)info[i].pid;
    if (n->utilisation && n->utilisation(n->device, &share) == SUCCESS) *ret_share = share.gpu_percent / 100.0;
    return (int)count;
}

static void nvml_close(void *state) {
    struct nvml *n = state;
    n->shutdown();
    dlclose(n->library);
    free(n);
}

const struct sensor_backend sensors_nvml = {
    .name = "nvml", .open = nvml_open, .read = nvml_read, .processes = nvml_processes, .close = nvml_close};
