/* Resource limits and descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-node/runner/lockdown.h"
#include "common/cleanup.h"
#include "common/sanitizer.h"

#define OPEN_FILES 1024

static int limit(int resource, rlim_t value, const char *name, struct error *err) {
    struct rlimit now;
    if (getrlimit(resource, &now) < 0) return error_errno(err, ERR_INTERNAL, errno, "read the limit %s", name);
    if (value > now.rlim_max) value = now.rlim_max; /* never raise what an administrator set */
    struct rlimit l = {value, value};
    if (setrlimit(resource, &l) < 0) return error_errno(err, ERR_INTERNAL, errno, "set the limit %s", name);
    return 0;
}

/* Memory that counts for no process (files in memory) is found by no limit of a process: when the machine runs out, the
 * runner shall go and not the agent. */
static void go_first(void) {
    CLEANUP_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "1000", 4) < 0) return; /* then the kernel chooses */
}

int lockdown_limits(const struct limits *l, int keep, struct error *err) {
    go_first();
    /* Runners share a user, and where there is neither namespace nor Landlock they could read each other. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return error_errno(err, ERR_INTERNAL, errno, "set not dumpable");
    if (limit(RLIMIT_CORE, 0, "core size", err) < 0) return -1;
    if (limit(RLIMIT_NOFILE, OPEN_FILES, "open files", err) < 0) return -1;
    if (limit(RLIMIT_FSIZE, l->file_bytes, "file size", err) < 0) return -1;
    if (limit(RLIMIT_NPROC, l->processes, "processes", err) < 0) return -1;
    if (l->cpu_seconds && limit(RLIMIT_CPU, l->cpu_seconds, "CPU time", err) < 0) return -1;
    if (l->memory_bytes && !BUILT_WITH_SANITIZER && limit(RLIMIT_AS, l->memory_bytes, "address space", err) < 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return error_errno(err, ERR_INTERNAL, errno, "set no_new_privs");
    if (syscall(SYS_close_range, (unsigned)keep, ~0u, 0u) < 0)
        for (int fd = keep; fd < OPEN_FILES; fd++) close(fd); /* Linux before 5.9 */
    return 0;
}
