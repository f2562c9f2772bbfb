/* What was measured on a device, kept per fingerprint: a driver is measured once and again when anything about it
 * changes. */
#pragma once
#include <stdbool.h>

#include "common/error.h"
#include "records.h"

/* Fills copy_gbps, fma_gflops, launch_us and event_times from the file of d->fingerprint. False when there is none or
 * it is no good. */
bool calibration_read(const char *cache_dir, struct rec_device *d);
int calibration_write(const char *cache_dir, const struct rec_device *d, struct error *err);
