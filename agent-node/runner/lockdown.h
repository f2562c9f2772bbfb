/* What a runner gives up, before its driver is loaded and after. Each is in force for the rest of the process's life.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct limits {
    size_t memory_bytes;  /* address space, 0 for none: drivers of GPUs map far more than they use */
    size_t file_bytes;    /* of any one file */
    unsigned cpu_seconds; /* 0 for none */
    unsigned processes;
};
/* Resource limits, no core files, every inherited descriptor closed but the first `keep` ones, no reading of this
 * process's memory by others of its user, and first in line when the machine runs out of memory. */
int lockdown_limits(const struct limits *l, int keep, struct error *err);

/* Landlock: files may be read anywhere the mount namespace shows, written below `writable` (NULL-terminated) only. When
 * `confine_reads`, reading too is limited, to `readable` and the system's folders: for runners without bubblewrap.
 * Returns the version of the interface that is in force, at most `most` (LANDLOCK_NEWEST but in tests); 0 when the
 * kernel has none. Call before any thread is started. */
#define LANDLOCK_NEWEST 6
unsigned lockdown_landlock(unsigned most, const char *const *writable, const char *const *readable, bool confine_reads);

/* Seccomp for all threads. `tools`: programs may be started (compilers run a linker); else no exec, no new process or
 * thread. `gpu`: the driver is one of a GPU, and needs a little more. No signals, limits or processors of other
 * processes either way. Sets no_new_privs. Returns whether it is in force. */
bool lockdown_seccomp(bool tools, bool gpu, struct error *err);
