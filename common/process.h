/* Child processes: exact environment, exact descriptors, own process group, killed with their parent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define PROCESS_FDS_MAX 32

/* Descriptor `parent` of this process becomes descriptor `child` (below PROCESS_FDS_MAX) of the child. */
struct process_fd {
    int parent, child;
};

struct process_spec {
    const char *const *argv; /* NULL-terminated; argv[0] with a '/' is a path, else it is looked up in this PATH */
    const char *const *envp; /* NULL-terminated; NULL is the empty environment, nothing is inherited */
    const char *folder;      /* working folder; NULL for this process's */
    const struct process_fd *fds;
    size_t n_fds; /* 0, 1 and 2 are /dev/null unless mapped; all others are closed in the child */
    /* Called in the child before exec, for limits and sandboxes; may be NULL. Only async-signal-safe calls. The child's
     * descriptors are in place. Returns 0 or an errno value, which process_spawn reports. */
    int (*prepare)(void *context);
    void *context;
};

struct process {
    pid_t pid; /* also the process group; 0 once reaped */
    int pidfd; /* readable (poll) when the leader has ended; -1 once reaped */
};
#define PROCESS_INIT \
    { .pidfd = -1 }

struct process_result {
    int status; /* exit status, or -1 when a signal ended it */
    int signal; /* that signal, or 0 */
    int64_t user_us, system_us, max_rss_kib;
};

/* Starts a child and returns when its exec has succeeded. The child gets SIGKILL when the *thread* that called this
 * ends: spawn from a thread that lives as long as the child may. ERR_INVALID (descriptor map), ERR_NOT_FOUND (program),
 * ERR_IO (fork, exec, folder, prepare), ERR_LIMIT (too many processes). */
int process_spawn(const struct process_spec *spec, struct process *ret, struct error *err);

/* Waits until the leader ends or clock_mono_ms() reaches `deadline_ms` (INT64_MAX: for ever), then kills what is left
 * of its group and reaps the leader. ERR_TIMEOUT leaves it running. `ret` may be NULL. */
int process_wait(struct process *p, int64_t deadline_ms, struct process_result *ret, struct error *err);

/* Sends `signal` to the whole group; no-op once reaped. */
void process_kill(const struct process *p, int signal);

/* Kills the group with SIGKILL and reaps the leader; fit for CLEANUP(process_done). No-op once reaped. */
void process_done(struct process *p);

/* "exit status 3", "signal 9 (Killed)", into a text of 64 bytes. */
void process_result_text(const struct process_result *r, char out[64]);
