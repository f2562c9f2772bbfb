/* The system calls that are left to a runner once its driver is warm: a list of what is allowed, everything else fails
 * with EPERM (clone3 with ENOSYS, so that libc falls back to clone). The list is what four CPU drivers, Mesa and the
 * NVIDIA and AMD user-space drivers use to compute; ioctl stays open, because that is how a GPU is driven
 * (docs/sandbox.md). A second filter takes from what is allowed the forms that reach other processes: without a
 * namespace of process ids, runners and whatever else their user runs are a number away. */
#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent-node/runner/lockdown.h"

static const char *const always[] = {
    /* reading and writing what is open, and files within what the mount namespace and Landlock leave */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "lseek",
    "close",
    "close_range",
    "open",
    "openat",
    "creat",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents",
    "getdents64",
    "getcwd",
    "chdir",
    "fchdir",
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "umask",
    "truncate",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "flock",
    "utime",
    "utimes",
    "utimensat",
    "futimesat",
    "fcntl",
    "ioctl",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "eventfd",
    "eventfd2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "sendfile",
    "copy_file_range",
    "splice",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    /* memory */
    "mmap",
    "munmap",
    "mprotect",
    "mremap",
    "madvise",
    "msync",
    "mlock",
    "mlock2",
    "munlock",
    "mincore",
    "brk",
    "membarrier",
    "get_mempolicy",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "cachestat",
    /* threads that exist, signals of its own, time */
    "futex",
    "futex_waitv",
    "futex_wait",
    "futex_wake",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getcpu",
    "getpriority",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
    "signalfd4",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "timer_create",
    "timer_settime",
    "timer_gettime",
    "timer_getoverrun",
    "timer_delete",
    "setitimer",
    "getitimer",
    "alarm",
    "pause",
    "restart_syscall",
    "exit",
    "exit_group",
    "arch_prctl",
    /* asking about itself and the machine */
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "getresuid",
    "getresgid",
    "getpgid",
    "getpgrp",
    "getsid",
    "getrusage",
    "getrlimit",
    "prlimit64",
    "uname",
    "sysinfo",
    "getrandom",
    "capget",
};

/* What a compiler driver needs besides: programs and their ends. The sandbox's file system bounds which programs. None
 * of them can leave its session, by which the worker ends them all. */
static const char *const with_tools[] = {
    "clone", "fork", "vfork", "execve", "execveat", "wait4", "waitid", "setrlimit",
};

static int allow(scmp_filter_ctx ctx, const char *name) {
    int nr = seccomp_syscall_resolve_name(name);
    if (nr == __NR_SCMP_ERROR) return 0; /* newer than libseccomp, or not of this architecture */
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
    return rc == -EEXIST ? 0 : rc;
}

static int allow_all(scmp_filter_ctx ctx, const char *const *names, size_t n) {
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) rc = allow(ctx, names[i]);
    return rc;
}

static int allow_when_first_is(scmp_filter_ctx ctx, int nr, scmp_datum_t value) {
    struct scmp_arg_cmp first = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = value};
    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 1, &first);
}

/* abort() signals its own process; nobody else's may be signalled. */
static int allow_signals_to_itself(scmp_filter_ctx ctx) {
    int rc = allow_when_first_is(ctx, SCMP_SYS(tgkill), (scmp_datum_t)getpid());
    return rc == 0 ? allow_when_first_is(ctx, SCMP_SYS(kill), (scmp_datum_t)getpid()) : rc;
}

static int allow_naming_threads(scmp_filter_ctx ctx) {
    int rc = allow_when_first_is(ctx, SCMP_SYS(prctl), PR_SET_NAME);
    return rc == 0 ? allow_when_first_is(ctx, SCMP_SYS(prctl), PR_GET_NAME) : rc;
}

static int refuse_clone3(scmp_filter_ctx ctx) {
    int nr = seccomp_syscall_resolve_name("clone3");
    return nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
}

static int fill_filter(scmp_filter_ctx ctx, bool tools, bool gpu) {
    int rc = allow_all(ctx, always, sizeof always / sizeof *always);
    if (rc == 0 && tools) rc = allow_all(ctx, with_tools, sizeof with_tools / sizeof *with_tools);
    /* Files in memory count for no process; drivers of GPUs keep generated code in them. */
    if (rc == 0 && (tools || gpu)) rc = allow(ctx, "memfd_create");
    if (rc == 0) rc = allow_signals_to_itself(ctx);
    if (rc == 0) rc = allow_naming_threads(ctx);
    if (rc == 0) rc = refuse_clone3(ctx);
    return rc;
}

/* The kernel looks at the lower 32 bits of these arguments only: so do the rules. */
#define WORD 0xffffffffu
static int refuse(scmp_filter_ctx ctx, const char *name, struct scmp_arg_cmp when) {
    int nr = seccomp_syscall_resolve_name(name);
    return nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), nr, 1, &when);
}

static int refuse_word(scmp_filter_ctx ctx, const char *name, unsigned argument, scmp_datum_t word) {
    return refuse(ctx, name, (struct scmp_arg_cmp){argument, SCMP_CMP_MASKED_EQ, WORD, word});
}

/* Signals by way of a descriptor's owner, another terminal's input, namespaces of one's own (with all capabilities
 * inside), and limits and processors of other processes. */
static int fill_refusals(scmp_filter_ctx ctx) {
    static const unsigned owner[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG}, control[] = {FIOSETOWN, SIOCSPGRP, TIOCSTI};
    static const unsigned namespaces[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                          CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
    static const char *const of_others[] = {"prlimit64", "sched_setaffinity"};
    int rc = 0;
    for (size_t i = 0; i < sizeof owner / sizeof *owner && rc == 0; i++) rc = refuse_word(ctx, "fcntl", 1, owner[i]);
    for (size_t i = 0; i < sizeof control / sizeof *control && rc == 0; i++)
        rc = refuse_word(ctx, "ioctl", 1, control[i]);
    for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces && rc == 0; i++)
        rc = refuse(ctx, "clone", (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]});
    for (size_t i = 0; i < sizeof of_others / sizeof *of_others && rc == 0; i++)
        rc = refuse(ctx, of_others[i], (struct scmp_arg_cmp){0, SCMP_CMP_NE, 0, 0});
    return rc;
}

/* For all threads. */
static int load(scmp_filter_ctx ctx) {
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0) rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0) rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return rc == 0 ? seccomp_load(ctx) : rc;
}

/* The refusals first: the list leaves nobody the call that loads a filter. */
static int load_both(bool tools, bool gpu) {
    scmp_filter_ctx refusals = seccomp_init(SCMP_ACT_ALLOW), list = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = refusals && list ? fill_refusals(refusals) : -ENOMEM;
    if (rc == 0) rc = fill_filter(list, tools, gpu);
    if (rc == 0) rc = load(refusals);
    if (rc == 0) rc = load(list);
    if (refusals) seccomp_release(refusals);
    if (list) seccomp_release(list);
    return rc;
}

bool lockdown_seccomp(bool tools, bool gpu, struct error *err) {
    int rc = load_both(tools, gpu);
    if (rc < 0) error_errno(err, ERR_UNSUPPORTED, -rc, "seccomp");
    return rc == 0;
}
