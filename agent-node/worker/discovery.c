#include "agent-node/worker/discovery.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-node/worker/calibration.h"
#include "agent-node/worker/runner_client.h"
#include "agent-node/worker/runner_spawn.h"
#include "agent-node/worker/timing/domain_lock.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/log.h"

#define MAX_DRIVERS 64
#define MEASURE_ROUNDS 3
#define QUIET_SHARE 0.1 /* of the machine, used by others */

DEFINE_CLEANUP(cleanup_runner, struct runner *, runner_free)
DEFINE_CLEANUP(cleanup_domain_lock, struct domain_lock *, domain_lock_free)

void discovery_list_done(struct rec_list_device *list) {
    for (size_t i = 0; i < list->count; i++) rec_device_done(&list->items[i]);
    free(list->items);
    *list = (struct rec_list_device){0};
}

static bool wanted(const struct discovery_config *c, const struct rec_device *d) {
    for (size_t i = 0; i < c->only_count; i++)
        if (strstr(d->icd, c->only[i]) || strstr(d->id, c->only[i])) return true;
    return c->only_count == 0;
}

static bool named(const struct discovery_config *c, const char *word) {
    for (size_t i = 0; i < c->only_count; i++)
        if (!strcmp(c->only[i], word)) return true;
    return false;
}

static struct runner *start_probe(const struct discovery_config *c, const char *backend, const char *icd,
                                  struct error *err) {
    struct rec_device d;
    rec_device_init(&d);
    rec_set(&d.backend, backend);
    rec_set(&d.icd, icd);
    struct runner_config config = {.kind = RUNNER_PROBE, .device = &d, .sandbox = c->sandbox};
    struct runner *r = runner_start(&config, err);
    rec_device_done(&d);
    return r;
}

static int probe(const struct discovery_config *c, const char *backend, const char *icd, struct rec_list_device *ret,
                 struct error *err) {
    CLEANUP(cleanup_runner) struct runner *r = start_probe(c, backend, icd, err);
    if (!r || runner_probe(r, false, ret, err) != RUNNER_OK) return -1;
    int64_t cache = discovery_cpu_cache_bytes();
    for (size_t i = 0; i < ret->count; i++) /* drivers of the CPU name its second level at times */
        if (ret->items[i].host_memory && cache) ret->items[i].cache_bytes = cache;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the .icd files, sorted. */
static size_t list_drivers(char *ret[MAX_DRIVERS]) {
    const char *folder = spawn_vendors_folder();
    DIR *dir = opendir(folder);
    size_t n = 0;
    if (!dir) {
        log_warn("%s: %s: no OpenCL drivers are found", folder, strerror(errno));
        return 0;
    }
    for (struct dirent *e; n < MAX_DRIVERS && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (len > 4 && !strcmp(e->d_name + len - 4, ".icd")) ret[n++] = xstrdup(e->d_name);
    }
    closedir(dir);
    qsort(ret, n, sizeof *ret, by_name);
    return n;
}

static void append(struct rec_list_device *to, const struct rec_list_device *from) {
    for (size_t i = 0; i < from->count; i++) {
        struct rec_device *d = rec_list_device_push(to);
        rec_device_done(d);
        rec_device_copy(d, &from->items[i]);
    }
}

/* Adds a driver's devices. A driver that fails is told of and left out: another one's devices work all the same. */
static bool add_driver(const struct discovery_config *c, const char *backend, const char *icd,
                       struct rec_list_device *ret, struct error *err) {
    CLEANUP(discovery_list_done) struct rec_list_device found = {0};
    struct error why = ERROR_INIT;
    if (probe(c, backend, icd, &found, &why) < 0) {
        log_warn("driver %s is left out: %s", *icd ? icd : backend, why.text);
        if (err) *err = why;
        return false;
    }
    append(ret, &found);
    return true;
}

static const struct rec_device *find_twin(const struct rec_list_device *list, const struct rec_device *d) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].platform_index == d->platform_index && list->items[i].device_index == d->device_index)
            return &list->items[i];
    return NULL;
}

/* CPU time that the whole machine has spent working since its start, from /proc/stat; 0 when it cannot be read. */
static int64_t machine_busy_ns(void) {
    CLEANUP_FREE char *text = file_read("/proc/stat", 1 << 20, NULL, NULL);
    long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0;
    if (!text ||
        sscanf(text, "cpu %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle, &wait, &irq, &soft) != 7)
        return 0;
    return (user + nice + system + irq + soft) * (1000000000 / sysconf(_SC_CLK_TCK));
}

static void keep_best(struct rec_device *d, const struct rec_device *from) {
    if (from->copy_gbps > d->copy_gbps) d->copy_gbps = from->copy_gbps;
    if (from->fma_gflops > d->fma_gflops) d->fma_gflops = from->fma_gflops;
    if (d->launch_us == 0 || from->launch_us < d->launch_us) d->launch_us = from->launch_us;
    d->event_times |= from->event_times;
}

/* Measures d once. *ret_foreign is the share of the machine that others used meanwhile. */
static int measure_once(const struct discovery_config *c, struct rec_device *d, double *ret_foreign,
                        struct error *err) {
    CLEANUP(discovery_list_done) struct rec_list_device found = {0};
    CLEANUP(cleanup_runner) struct runner *r = start_probe(c, d->backend, d->icd, err);
    int64_t begin = clock_mono_ns(), busy = machine_busy_ns();
    if (!r || runner_probe(r, true, &found, err) != RUNNER_OK) return -1;
    double wall = (double)(clock_mono_ns() - begin) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    *ret_foreign = (double)(machine_busy_ns() - busy - runner_cpu_ns(r)) / wall;
    const struct rec_device *twin = find_twin(&found, d);
    if (!twin) return error_set(err, ERR_DEVICE, "it went away between two looks");
    keep_best(d, twin);
    return 0;
}

/* Measures d alone on its domain. Roofs measured on a busy machine are too low, and honest kernels would break through
 * them: so try again, and *ret_quiet tells whether the result is worth keeping. */
static int measure(const struct discovery_config *c, struct rec_device *d, bool *ret_quiet, struct error *err) {
    CLEANUP(cleanup_domain_lock) struct domain_lock *lock = domain_lock_new(d->domain, d->id);
    int64_t waited_ns = 0;
    if (domain_lock_set(lock, DOMAIN_EXCLUSIVE, NULL, &waited_ns, err) < 0) return -1;
    *ret_quiet = false;
    for (int i = 0; i < MEASURE_ROUNDS && !*ret_quiet; i++) {
        double foreign = 0;
        if (measure_once(c, d, &foreign, err) < 0) return -1;
        *ret_quiet = foreign < QUIET_SHARE;
    }
    return 0;
}

/* False when the device cannot be used: it does not even run our own kernels. */
static bool calibrate(const struct discovery_config *c, struct rec_device *d) {
    struct error err = ERROR_INIT;
    if (c->cache_dir && calibration_read(c->cache_dir, d)) return true;
    if (!c->measure) return true;
    bool quiet = false;
    if (measure(c, d, &quiet, &err) < 0) {
        log_warn("device %s is left out: %s", d->id, err.text);
        return false;
    }
    log_info("device %s: copy %.1f GB/s, multiply-add %.1f GFLOP/s, empty launch %.1f us", d->id, d->copy_gbps,
             d->fma_gflops, d->launch_us);
    if (!quiet) {
        log_warn("device %s was measured on a busy machine: it will be measured again at the next start", d->id);
        return true;
    }
    if (c->cache_dir && calibration_write(c->cache_dir, d, &err) < 0) log_warn("device %s: %s", d->id, err.text);
    return true;
}

/* Keeps the wanted devices that can be used, in their order. */
static void keep_usable(const struct discovery_config *c, struct rec_list_device *list) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (wanted(c, &list->items[i]) && calibrate(c, &list->items[i]))
            list->items[kept++] = list->items[i];
        else
            rec_device_done(&list->items[i]);
    }
    list->count = kept;
}

int discovery_run(const struct discovery_config *config, struct rec_list_device *ret, struct error *err) {
    char *icd[MAX_DRIVERS];
    struct error last = ERROR_INIT;
    size_t n = list_drivers(icd), worked = 0, tried = n;
    for (size_t i = 0; i < n; i++) {
        worked += add_driver(config, "opencl", icd[i], ret, &last);
        free(icd[i]);
    }
    if (named(config, "scripted")) {
        tried++;
        worked += add_driver(config, "scripted", "", ret, &last);
    }
    if (tried && !worked) {
        if (err) *err = last;
        return error_wrap(err, "none of %zu drivers could be probed", tried);
    }
    discovery_name(ret);
    keep_usable(config, ret);
    return 0;
}
