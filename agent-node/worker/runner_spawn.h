/* Starts a runner's process inside the strongest sandbox this machine gives (docs/sandbox.md):
 *   bubblewrap  namespaces: no network, a root of a few read-only folders and a private tmpfs, its own processes only
 *   process     where bubblewrap is missing or forbidden (containers): Landlock, seccomp and limits from within
 *   none        tests only
 * A root agent gives its runners to an unprivileged user first: root is exempt from process limits. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

enum sandbox_kind { SANDBOX_NONE, SANDBOX_PROCESS, SANDBOX_BUBBLEWRAP };
struct spawn_request {
    const char *kind, *backend; /* words of portolan-runner's command line */
    const char *icd;            /* file name of the driver's .icd, "" for none */
    int platform_index, device_index;
    size_t arena_bytes, memory_bytes;
    int arena_fd;          /* -1 for none */
    const char *cache_dir; /* NULL for none */
    bool simulator;        /* Oclgrind in place of the driver that `icd` names */
    bool unwritten;        /* with its check of values that nobody wrote */
    bool sandbox;
};
struct spawned {
    pid_t outer; /* our child: bwrap, or the runner itself */
    int channel; /* our end of the socket */
    int output;  /* what the runner prints, non-blocking */
    enum sandbox_kind level;
    char *folder; /* private folder to remove afterwards; NULL with bubblewrap, whose tmpfs goes with it */
};
/* ERR_NOT_FOUND: no portolan-runner, no such .icd; ERR_UNSUPPORTED: PORTOLAN_SANDBOX=bubblewrap and there is none;
 * ERR_IO. */
int spawn_runner(const struct spawn_request *r, struct spawned *ret, struct error *err);
/* Path of portolan-runner: PORTOLAN_RUNNER, else beside this program, else ../libexec/portolan. Caller frees. */
char *spawn_program(struct error *err);
/* Folder of .icd files: OCL_ICD_VENDORS or /etc/OpenCL/vendors. */
const char *spawn_vendors_folder(void);
