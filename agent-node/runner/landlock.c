/* Landlock by its system calls: libc has no functions for it and older headers lack the later fields. A kernel without
 * it, or with an older version, gives what it has. Source: Documentation/userspace-api/landlock.rst. */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-node/runner/lockdown.h"
#include "common/cleanup.h"

/* Bits and fields after version 1, which Debian 12's header does not have. */
#define ACCESS_REFER (1ull << 13)    /* version 2 */
#define ACCESS_TRUNCATE (1ull << 14) /* version 3 */
#define ACCESS_NET_TCP 3ull          /* version 4: bind and connect */
#define SCOPE_ALL 3ull               /* version 6: abstract sockets and signals */
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
#define FILE_RIGHTS \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

static void allow_below(int ruleset, const char *path, __u64 rights) {
    CLEANUP_FD int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) return; /* not on this machine */
    if (!S_ISDIR(st.st_mode)) rights &= FILE_RIGHTS;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static __u64 write_rights(long version) {
    return WRITES | (version >= 2 ? ACCESS_REFER : 0) | (version >= 3 ? ACCESS_TRUNCATE : 0);
}

static int make_ruleset(long version, bool confine_reads) {
    struct ruleset_attr attr = {.handled_access_fs = write_rights(version) | (confine_reads ? READS : 0)};
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

bool lockdown_landlock(const char *const *writable, const char *const *readable, bool confine_reads) {
    static const char *const system[] = {"/usr", "/lib", "/lib64", "/bin", "/sys", "/proc", "/etc/ld.so.cache", "/dev"};
    static const char *const devices[] = {"/dev/null", "/dev/dri", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return false;
    CLEANUP_FD int ruleset = make_ruleset(version, confine_reads);
    if (ruleset < 0) return false;
    __u64 reads = confine_reads ? READS : 0, writes = write_rights(version);
    for (size_t i = 0; reads && i < sizeof system / sizeof *system; i++) allow_below(ruleset, system[i], reads);
    for (; reads && *readable; readable++) allow_below(ruleset, *readable, reads);
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        allow_below(ruleset, devices[i], reads | LANDLOCK_ACCESS_FS_WRITE_FILE);
    for (; *writable; writable++) allow_below(ruleset, *writable, reads | writes);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return false;
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}
