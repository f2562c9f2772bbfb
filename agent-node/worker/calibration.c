#include "agent-node/worker/calibration.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define VERSION 1 /* raise when what is measured, or how, changes: older files are then measured again */
#define MAX_FILE 4096

static char *file_of(const char *cache_dir, const struct rec_device *d) {
    return xasprintf("%s/devices/%s.json", cache_dir, d->fingerprint);
}

bool calibration_read(const char *cache_dir, struct rec_device *d) {
    CLEANUP_FREE char *path = file_of(cache_dir, d);
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, MAX_FILE, &len, NULL);
    if (!text) return false;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    int version = 0, events = 0;
    double copy = 0, fma = 0, launch = 0;
    bool good = root && json_unpack(root, "{s:i, s:F, s:F, s:F, s:b}", "version", &version, "copy_gbps", &copy,
                                    "fma_gflops", &fma, "launch_us", &launch, "event_times", &events) == 0;
    json_decref(root);
    if (!good || version != VERSION || copy <= 0 || fma <= 0 || launch <= 0) return false;
    d->copy_gbps = copy;
    d->fma_gflops = fma;
    d->launch_us = launch;
    d->event_times = events;
    return true;
}

int calibration_write(const char *cache_dir, const struct rec_device *d, struct error *err) {
    CLEANUP_FREE char *folder = path_join(cache_dir, "devices");
    CLEANUP_FREE char *path = file_of(cache_dir, d);
    json_t *root = json_pack("{s:i, s:s, s:s, s:f, s:f, s:f, s:b}", "version", VERSION, "device", d->name, "driver",
                             d->driver_version, "copy_gbps", d->copy_gbps, "fma_gflops", d->fma_gflops, "launch_us",
                             d->launch_us, "event_times", (int)d->event_times);
    CLEANUP_FREE char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (!text) return error_set(err, ERR_INTERNAL, "calibration of %s cannot be written as JSON", d->id);
    if (dir_make(folder, 0755, err) < 0) return -1;
    return file_write_durable(path, text, strlen(text), 0644, err);
}
