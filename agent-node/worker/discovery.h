/* Finds the devices of this machine: one probe runner per driver. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "records.h"

struct discovery_config {
    const char *cache_dir;            /* measurements are kept here per fingerprint; NULL: none kept */
    bool sandbox;
    bool measure;                     /* bandwidth, peak and launch time, unless cached */
    const char *const *only;          /* probe only drivers whose .icd or device id contains one of these */
    size_t only_count;
};
/* All devices in a stable order; *ret is empty before. A driver that fails to probe is logged and left out.
 * ERR_IO, ERR_DEVICE when no driver could be probed at all. Release with discovery_list_done(). */
int discovery_run(const struct discovery_config *config, struct rec_list_device *ret, struct error *err);
void discovery_list_done(struct rec_list_device *list);
