/* What can be told of a machine from a shell on it: clock, disk, devices and drivers, the agent and its state. The host
 * runs a script and answers in lines "KEY VALUE"; what it answers is not trusted. */
#pragma once
#include <jansson.h>
#include <stddef.h>

#include "common/error.h"

#define PROBE_MAX_BYTES (1 << 20) /* of an answer */
#define PROBE_MAX_ITEMS 64        /* of a kind: disks, devices, drivers, nodes */
#define PROBE_MAX_TEXT 300

/* For `/bin/sh -s`: POSIX, leaves nothing behind, ends within a minute whatever drivers do. */
extern const char probe_script[];

/* The answer as an object that the caller owns:
 *   time_s, kernel, os, cpus, load, uptime_s, memory_kib
 *   disks: [{path, size_kib, free_kib}]
 *   agent: null or {path, version, devices_status}; agent_state: "active", "inactive", "running", "stopped", ...
 *   devices: what `portolan-agent devices --json` said, [] without it
 *   opencl_drivers: [{icd, library, found}], cuda: [{name, driver, memory_mib}], cuda_kernel_module,
 *   device_nodes: [{path, mode, owner, group}], pci: [{address, vendor, device, driver}]
 * ERR_INVALID when it is none of the script's, ERR_LIMIT when it is too long. */
json_t *probe_parse(const char *text, size_t len, struct error *err);

/* One line for people: "NVIDIA H100 PCIe (550.54); pocl (3.1)", or what is there without an agent. The caller frees. */
char *probe_devices_text(const json_t *probe);
/* "0.1.0 active", "not installed". The caller frees. */
char *probe_agent_text(const json_t *probe);
/* KiB free where the agent keeps its state, else where it would; -1 when unknown. */
long long probe_free_kib(const json_t *probe);
