/* A whole Portolan on this machine, for the demo: a coordinator with the embedded broker and an agent per OpenCL
 * driver, in folders of their own that leave the user's alone. */
#pragma once
#include <stddef.h>

#include "common/cleanup.h"
#include "common/error.h"

#define DEMO_AGENTS_MAX 16
struct demo_fleet;
/* Makes the folders below `dir` and starts the coordinator. ERR_IO, ERR_NETWORK, ERR_TIMEOUT with the end of its log.
 */
struct demo_fleet *demo_fleet_start(const char *dir, struct error *err);
/* Finds the devices and starts an agent for each. Returns how many, or 0 with err: ERR_NOT_FOUND, ERR_DEVICE. */
size_t demo_fleet_add_agents(struct demo_fleet *f, struct error *err);
/* Where the API listens, and its token. */
const char *demo_fleet_api(const struct demo_fleet *f);
const char *demo_fleet_token_file(const struct demo_fleet *f);
/* From another thread, before _exit: SIGTERM to every process of the fleet that runs, and wait until they are gone. */
void demo_fleet_end_all(void);
/* SIGTERM to all, wait, and kill what does not end. Accepts NULL. */
void demo_fleet_stop(struct demo_fleet *f);
DEFINE_CLEANUP(cleanup_demo_fleet, struct demo_fleet *, demo_fleet_stop)
