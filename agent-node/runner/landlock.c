/* Landlock by its system calls: libc has no functions for it and older headers lack the later fields. A kernel without
 * it, or with an older version, gives what it has, and the version in force is reported. What each version added:
 *   1 files and folders; tracing of processes outside   2 links and renames between folders   3 truncation
 *   4 TCP   5 ioctl on device files   6 signals and abstract Unix sockets, to processes outside
 * Source: Documentation/userspace-api/landlock.rst. */
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-node/runner/devices.h"
#include "agent-node/runner/lockdown.h"
#include "common/cleanup.h"

/* Bits and fields after version 1, which Debian 12's header does not have. */
#define ACCESS_REFER (1ull << 13)     /* version 2 */
#define ACCESS_TRUNCATE (1ull << 14)  /* version 3 */
#define ACCESS_NET_TCP 3ull           /* version 4: bind and connect */
#define ACCESS_IOCTL_DEV (1ull << 15) /* version 5 */
#define SCOPE_ALL 3ull                /* version 6: abstract sockets and signals */
struct ruleset_attr {
    __u64 handled_access_fs, handled_access_net, scoped;
};

#define READS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES                                                                                        \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |       \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Rights that make sense for a file; the kernel refuses rules for files with any other. */
#define FILE_RIGHTS                                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE | \
     ACCESS_IOCTL_DEV)

/* Without a mount namespace: programs, libraries and what drivers ask about the machine. Of /proc only the runner's own
 * folder and what concerns the machine, so that it sees no other process. */
static const char *const machine_files[] = {"/usr",
                                            "/lib",
                                            "/lib64",
                                            "/lib32",
                                            "/bin",
                                            "/sys",
                                            "/dev/null",
                                            "/dev/zero",
                                            "/dev/urandom",
                                            "/dev/random",
                                            "/etc/ld.so.cache",
                                            "/etc/alternatives",
                                            "/proc/self",
                                            "/proc/cpuinfo",
                                            "/proc/meminfo",
                                            "/proc/stat",
                                            "/proc/version",
                                            "/proc/filesystems",
                                            "/proc/loadavg",
                                            "/proc/uptime",
                                            "/proc/modules",
                                            "/proc/devices",
                                            "/proc/driver",
                                            "/proc/sys"};

static void allow_below(int ruleset, const char *path, __u64 rights) {
    CLEANUP_FD int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) return; /* not on this machine */
    if (!S_ISDIR(st.st_mode)) rights &= FILE_RIGHTS;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    if (rights) syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static __u64 write_rights(long version) {
    return WRITES | (version >= 2 ? ACCESS_REFER : 0) | (version >= 3 ? ACCESS_TRUNCATE : 0);
}

static __u64 ioctl_right(long version) {
    return version >= 5 ? ACCESS_IOCTL_DEV : 0;
}

static int make_ruleset(long version, bool confine_reads) {
    struct ruleset_attr attr = {.handled_access_fs =
                                    write_rights(version) | ioctl_right(version) | (confine_reads ? READS : 0)};
    size_t size = sizeof attr.handled_access_fs;
    if (version >= 4) {
        attr.handled_access_net = ACCESS_NET_TCP;
        size = offsetof(struct ruleset_attr, scoped);
    }
    if (version >= 6) {
        attr.scoped = SCOPE_ALL;
        size = sizeof attr;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

static void add_rules(int ruleset, long version, const char *const *writable, const char *const *readable,
                      bool confine_reads) {
    static const char *const gpus[] = {GPU_DEVICE_FILES};
    __u64 reads = confine_reads ? READS : 0, device = reads | LANDLOCK_ACCESS_FS_WRITE_FILE | ioctl_right(version);
    for (size_t i = 0; i < sizeof machine_files / sizeof *machine_files; i++)
        allow_below(ruleset, machine_files[i], reads);
    for (; *readable; readable++) allow_below(ruleset, *readable, reads);
    allow_below(ruleset, "/dev/null", reads | LANDLOCK_ACCESS_FS_WRITE_FILE);
    for (size_t i = 0; i < sizeof gpus / sizeof *gpus; i++) allow_below(ruleset, gpus[i], device);
    for (; *writable; writable++) allow_below(ruleset, *writable, reads | write_rights(version));
}

unsigned lockdown_landlock(unsigned most, const char *const *writable, const char *const *readable,
                           bool confine_reads) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version > LANDLOCK_NEWEST) version = LANDLOCK_NEWEST;
    if (version > (long)most) version = most;
    if (version < 1) return 0;
    CLEANUP_FD int ruleset = make_ruleset(version, confine_reads);
    if (ruleset < 0) return 0;
    add_rules(ruleset, version, writable, readable, confine_reads);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return 0;
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? (unsigned)version : 0;
}
