/* One thread and one worker per device: takes jobs for it, runs them, hands the attempts to the reports. health.h says
 * when a device has its known-answer check; one that fails it goes out of the inventory until it passes again. */
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
    bool notes_load;         /* times are kept on a busy machine, whatever a task's policy says */
    int64_t health_every_ms; /* while idle; 0: never */
    struct jobs *jobs;
    struct reports *reports;
    void (*changed)(void *context); /* what the node publishes of its devices has changed; from a device's thread */
    void *context;
};
/* Runs each device's health check, then starts the threads; devices that fail it are started too and listed as failing.
 * NULL with err: no worker could be made at all. */
struct devices *devices_start(const struct devices_config *config, struct error *err);
/* Devices in working order now, appended to `list`. */
void devices_list(struct devices *devices, struct rec_list_device *list);
/* Those that fail their check, with the reason, appended to `list`. */
void devices_failing(struct devices *devices, struct rec_list_failing_device *list);
/* Run the known-answer check of `id` ("" for all) as soon as it is idle, whatever its back-off. False: no such device.
 */
bool devices_ask_check(struct devices *devices, const char *id);
/* Could the last thing for the cache of binaries not be written? */
bool devices_cache_failing(struct devices *devices);
bool devices_has(struct devices *devices, const char *id);
/* After jobs_close(): waits for the threads. Accepts NULL. */
void devices_stop(struct devices *devices);
DEFINE_CLEANUP(cleanup_devices, struct devices *, devices_stop)
