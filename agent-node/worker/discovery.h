/* Finds the devices of this machine: one probe runner per driver. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "records.h"

struct discovery_config {
    const char *cache_dir; /* measurements are kept below devices/ here, a file per fingerprint; NULL: none kept */
    bool sandbox;
    bool measure; /* bandwidth, peak and launch time, unless cached */
    const char *const
        *only; /* devices whose .icd or id contains one of these only; "scripted" also gives the scripted device */
    size_t only_count;
};
/* Hash of what makes measurements comparable: vendor, name, driver, extensions and limits. */
void discovery_fingerprint(const struct rec_device *d, char out[65]);
/* Ids ("pocl-cpu", "nvidia-h200-0"), built-in targets and fingerprints of a list in its order. */
void discovery_name(struct rec_list_device *list);
/* Last-level cache of this machine's CPU from sysfs, 0 when unknown. */
int64_t discovery_cpu_cache_bytes(void);
/* All devices in a stable order; *ret is empty before. A driver that fails to probe is logged and left out.
 * ERR_IO, ERR_DEVICE when no driver could be probed at all. Release with discovery_list_done(). */
int discovery_run(const struct discovery_config *config, struct rec_list_device *ret, struct error *err);
void discovery_list_done(struct rec_list_device *list);
