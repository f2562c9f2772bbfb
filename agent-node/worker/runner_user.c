#include "agent-node/worker/runner_user.h"

#include <glob.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define NOBODY 65534

/* GPUs' device files belong to groups (render, video): without them an unprivileged runner could not open any. */
static void add_device_groups(struct runner_user *u) {
    static const char *const pattern[] = {"/dev/dri/renderD*", "/dev/kfd", "/dev/nvidia[0-9]*"};
    for (size_t i = 0; i < sizeof pattern / sizeof *pattern; i++) {
        glob_t found = {0};
        if (glob(pattern[i], 0, NULL, &found) != 0) continue;
        for (size_t f = 0; f < found.gl_pathc && u->n_groups < RUNNER_MAX_GROUPS; f++) {
            struct stat st;
            if (stat(found.gl_pathv[f], &st) < 0 || st.st_gid == 0 || !(st.st_mode & S_IWGRP)) continue;
            bool known = false;
            for (int g = 0; g < u->n_groups; g++) known |= u->group[g] == st.st_gid;
            if (!known) u->group[u->n_groups++] = st.st_gid;
        }
        globfree(&found);
    }
}

/* In a user namespace with few ids (a rootless container) "root" cannot become somebody else, and limits on processes
 * bind it as they bind its user outside. Lines of three numbers: first id inside, first outside, how many. */
static bool is_mapped(uid_t uid) {
    unsigned inside, outside, count;
    bool mapped = false;
    CLEANUP_FILE FILE *f = fopen("/proc/self/uid_map", "re");
    if (!f) return true;
    while (!mapped && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
        mapped = uid >= inside && uid - inside < count;
    return mapped;
}

struct runner_user runner_user_find(void) {
    struct runner_user u = {.change = geteuid() == 0, .uid = NOBODY, .gid = NOBODY};
    if (!u.change) return u;
    static const char *const name[] = {"portolan-runner", "nobody"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        struct passwd entry, *hit = NULL;
        char text[4096];
        if (getpwnam_r(name[i], &entry, text, sizeof text, &hit) != 0 || !hit || hit->pw_uid == 0) continue;
        u.uid = hit->pw_uid;
        u.gid = hit->pw_gid;
        break;
    }
    u.change = is_mapped(u.uid);
    add_device_groups(&u);
    return u;
}
