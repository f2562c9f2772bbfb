/* One thread and one worker per device: takes jobs for it, runs them, hands the attempts to the reports. A device that
 * fails its known-answer check after an infrastructure failure goes out of the inventory and is tried again with a
 * growing pause. */
#pragma once
#include <stdbool.h>

#include "agent-node/daemon/jobs.h"
#include "agent-node/daemon/reports.h"
#include "records.h"

struct devices;
struct devices_config {
    const struct rec_list_device *found; /* copied */
    const char *cache_dir;               /* may be NULL */
    const char *state_dir;               /* may be NULL */
    bool sandbox;
    bool notes_load; /* times are kept on a busy machine, whatever a task's policy says */
    struct jobs *jobs;
    struct reports *reports;
    void (*changed)(void *context); /* the set of working devices has changed; from a device's thread */
    void *context;
};
/* Runs each device's health check, then starts the threads; devices that fail it are started too and listed as absent.
 * NULL with err: no worker could be made at all. */
struct devices *devices_start(const struct devices_config *config, struct error *err);
/* Devices in working order now, appended to `list`. */
void devices_list(struct devices *devices, struct rec_list_device *list);
bool devices_has(struct devices *devices, const char *id);
/* After jobs_close(): waits for the threads. Accepts NULL. */
void devices_stop(struct devices *devices);
DEFINE_CLEANUP(cleanup_devices, struct devices *, devices_stop)
