/* Whom runners run as: a root agent gives them to an unprivileged user. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#define RUNNER_MAX_GROUPS 8
struct runner_user {
    bool change; /* false: this process is not root, runners keep its user */
    uid_t uid;
    gid_t gid;
    gid_t group[RUNNER_MAX_GROUPS]; /* those that may open the GPUs' device files */
    int n_groups;
};
/* The user `portolan-runner` where there is one, else `nobody`. */
struct runner_user runner_user_find(void);
