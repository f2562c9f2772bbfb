/* Starts a program with a clean table of descriptors, environment and user. Safe in a process with many threads and
 * much memory: the child shares its memory until exec (vfork) and makes system calls only. */
#pragma once
#include <sys/types.h>

#include "agent-node/worker/runner_user.h"
#include "common/error.h"

#define CHILD_MAX_FDS 16
struct child_plan {
    const char *path; /* absolute, or NULL: execute the open file `program` */
    int program;
    char *const *argv, *const *envp;
    int fd[CHILD_MAX_FDS]; /* fd[i] becomes descriptor i; -1: /dev/null. All others are closed */
    int n_fds;
    struct runner_user user;
    bool die_with_parent; /* SIGKILL when the thread that started it ends */
};
/* The child is in a session of its own. Returns its pid, or -1 with err. */
pid_t child_start(const struct child_plan *p, struct error *err);
