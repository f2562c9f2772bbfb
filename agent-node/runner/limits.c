/* Resource limits and descriptors. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-node/runner/lockdown.h"

#define OPEN_FILES 1024

/* Sanitizers reserve terabytes of address space for their shadow memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ADDRESS_SPACE_LIMITED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ADDRESS_SPACE_LIMITED 0
#endif
#endif
#ifndef ADDRESS_SPACE_LIMITED
#define ADDRESS_SPACE_LIMITED 1
#endif

static int limit(int resource, rlim_t value, const char *name, struct error *err) {
    struct rlimit now;
    if (getrlimit(resource, &now) < 0) return error_errno(err, ERR_INTERNAL, errno, "read the limit %s", name);
    if (value > now.rlim_max) value = now.rlim_max; /* never raise what an administrator set */
    struct rlimit l = {value, value};
    if (setrlimit(resource, &l) < 0) return error_errno(err, ERR_INTERNAL, errno, "set the limit %s", name);
    return 0;
}

int lockdown_limits(const struct limits *l, int keep, struct error *err) {
    if (limit(RLIMIT_CORE, 0, "core size", err) < 0) return -1;
    if (limit(RLIMIT_NOFILE, OPEN_FILES, "open files", err) < 0) return -1;
    if (limit(RLIMIT_FSIZE, l->file_bytes, "file size", err) < 0) return -1;
    if (limit(RLIMIT_NPROC, l->processes, "processes", err) < 0) return -1;
    if (l->cpu_seconds && limit(RLIMIT_CPU, l->cpu_seconds, "CPU time", err) < 0) return -1;
    if (l->memory_bytes && ADDRESS_SPACE_LIMITED && limit(RLIMIT_AS, l->memory_bytes, "address space", err) < 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return error_errno(err, ERR_INTERNAL, errno, "set no_new_privs");
    if (syscall(SYS_close_range, (unsigned)keep, ~0u, 0u) < 0)
        for (int fd = keep; fd < OPEN_FILES; fd++) close(fd); /* Linux before 5.9 */
    return 0;
}
