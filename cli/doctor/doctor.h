/* The examinations of `portolan doctor`. Each appends to the findings and never fails itself. */
#pragma once
#include <stdint.h>
#include <sys/stat.h>

#include "cli/doctor/findings.h"
#include "common/options.h"

#define AREA_MACHINE "machine"
#define AREA_BROKER "broker"
#define AREA_FLEET "fleet"
/* Frees what an agent that runs as a service has left, in its folders and as its user. */
#define SERVICE_GC                                                                                                  \
    "sudo -u portolan env PORTOLAN_STATE_DIR=/var/lib/portolan-agent PORTOLAN_CACHE_DIR=/var/cache/portolan-agent " \
    "portolan-agent gc"

/* --- machine (machine.c): disk, clock, limits, services --------------------------------------- */
void examine_machine(struct findings *f);
/* Pure: what this much room on the disk of `folder` means; `mend` frees some. */
void judge_disk(struct findings *f, const char *what, const char *folder, uint64_t free_bytes, const char *mend);
/* --- configuration files (config.c) ----------------------------------------------------------- */
/* config.yaml as `opts` was parsed from it, agent.yaml, the fleet file. Returns the agent's options when agent.yaml is
 * there and right (the caller frees them with options_free()), else NULL. */
struct options *examine_config(struct findings *f, const struct options *opts);
/* --- devices (devices.c): drivers, sandbox, device files -------------------------------------- */
void examine_devices(struct findings *f);
/* Pure. The devices as `portolan-agent devices --json` lists them (NULL: it failed), and what it said on stderr. */
void judge_devices(struct findings *f, const json_t *devices, const char *said);
/* Who the agent is: its user, and the groups that it has. */
struct agent_user {
    const char *name;
    uid_t uid;
    gid_t groups[64];
    int n_groups;
};
/* Pure: may that user open a GPU's device file? */
void judge_device_file(struct findings *f, const struct agent_user *user, const char *path, const struct stat *st,
                       const char *group);
/* --- broker (broker.c) ------------------------------------------------------------------------ */
/* As coordinator by `opts`, or as agent by `agent` (may be NULL) where only that names a broker. */
void examine_broker(struct findings *f, const struct options *opts, const struct options *agent);
/* --- fleet (fleet.c) -------------------------------------------------------------------------- */
void examine_fleet(struct findings *f, const struct options *opts);
/* Pure: GET /v1/health and /v1/nodes, and the inventory's host names (a JSON array, or NULL). */
void judge_fleet(struct findings *f, const json_t *health, const json_t *nodes, const json_t *hosts);
/* --- hosts (hosts.c): the inventory's, by ssh ------------------------------------------------- */
void examine_hosts(struct findings *f, const struct options *opts);
/* Pure: the hosts as `portolan fleet probe --json` lists them. */
void judge_hosts(struct findings *f, const json_t *hosts);
