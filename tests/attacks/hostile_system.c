/* What a candidate that owns its process tries on the machine. Each attack returns NULL when everything was refused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/attacks/hostile.h"

#define FLOOD_BYTES ((size_t)10 << 30)
#define SECRET "/var/tmp/portolan-attack-%d/" /* made by the test, readable by everybody */

static int number;

/* --- processes -------------------------------------------------------------------------------- */
static const char *fork_bomb(void) {
    for (int i = 0; i < 100000; i++) {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        if (pid > 0) return "fork";
        if (syscall(SYS_vfork) >= 0 || syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0) return "clone";
        if (i == 0 && (syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS)) return "clone3";
    }
    return NULL;
}

/* In a compile runner, which may start processes: as many as it can, each trying for more, none of them ending. */
static _Noreturn const char *fork_bomb_for_real(void) {
    char name[16];
    snprintf(name, sizeof name, "bomb-%d", number);
    prctl(PR_SET_NAME, name);
    for (int64_t end = clock_mono_ns() + 300000000; clock_mono_ns() < end;)
        if (fork() == 0) {
            while (fork() >= 0) continue;
            for (;;) pause();
        }
    for (;;) pause(); /* until the time limit of the compilation */
}

static void *nothing(void *unused) {
    return unused;
}

static const char *threads(void) {
    pthread_t t;
    return pthread_create(&t, NULL, nothing, NULL) == 0 ? "a thread" : NULL;
}

static const char *programs(void) {
    static char *const argv[] = {"true", NULL}, *const envp[] = {NULL};
    execve("/usr/bin/true", argv, envp);
    if (errno != EPERM) return "execve was tried";
    syscall(SYS_execveat, AT_FDCWD, "/usr/bin/true", argv, envp, 0);
    return errno != EPERM ? "execveat was tried" : NULL;
}

static const char *leave_session(void) {
    if (setsid() >= 0 || setpgid(0, 0) == 0) return "a session of its own";
    return NULL;
}

static const char *namespaces(void) {
    static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (unshare(flags[i]) == 0) return "unshare";
        long pid = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0) _exit(0);
        if (pid > 0) return "clone into a namespace";
    }
    return NULL;
}

/* --- other processes -------------------------------------------------------------------------- */
static const char *signal_one(pid_t pid) {
    siginfo_t info = {.si_code = SI_QUEUE};
    if (kill(pid, 0) == 0) return "kill";
    if (syscall(SYS_tgkill, pid, pid, 0) == 0 || syscall(SYS_tkill, pid, 0) == 0) return "tgkill";
    if (syscall(SYS_rt_sigqueueinfo, pid, 0, &info) == 0) return "rt_sigqueueinfo";
    if (syscall(SYS_pidfd_open, pid, 0) >= 0) return "pidfd_open";
    return NULL;
}

/* By way of a descriptor: its owner gets a signal of choice when something happens to it. */
static const char *signal_by_descriptor(pid_t pid) {
    int ends[2];
    struct f_owner_ex owner = {F_OWNER_PID, pid};
    if (pipe(ends) < 0) return NULL;
    const char *way = NULL;
    if (fcntl(ends[0], F_SETOWN, pid) == 0) way = "F_SETOWN";
    if (fcntl(ends[0], F_SETOWN_EX, &owner) == 0) way = "F_SETOWN_EX";
    if (fcntl(ends[0], F_SETSIG, SIGKILL) == 0) way = "F_SETSIG";
    if (ioctl(3, FIOSETOWN, &pid) == 0) way = "FIOSETOWN";
    close(ends[0]);
    close(ends[1]);
    return way;
}

static const char *change_one(pid_t pid) {
    struct rlimit64 none = {0, 0};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (syscall(SYS_prlimit64, pid, RLIMIT_CPU, &none, NULL) == 0) return "its limits";
    if (sched_setaffinity(pid, sizeof one, &one) == 0) return "its processors";
    if (setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0) return "its priority";
    return NULL;
}

static const char *signals(void) {
    const pid_t victims[] = {1, getppid(), -1, -getpgrp(), 0, getppid() + 1, getpid() - 1};
    for (size_t i = 0; i < sizeof victims / sizeof *victims; i++) {
        if (victims[i] == getpid()) continue;
        const char *way = signal_one(victims[i]);
        if (!way && victims[i] > 0) way = signal_by_descriptor(victims[i]);
        if (!way && victims[i] > 0) way = change_one(victims[i]);
        if (way) return way;
    }
    return prctl(PR_SET_PDEATHSIG, 0) == 0 ? "its parent's death signal" : NULL;
}

static const char *read_one(pid_t pid) {
    static const char *const what[] = {"mem", "maps", "environ", "fd", "root", "cwd/.", "task"};
    static char path[64];
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what[i]);
        int fd = open(path, O_RDONLY);
        if (fd < 0) continue;
        char byte;
        ssize_t n = read(fd, &byte, 1);
        int why = errno;
        close(fd);
        /* bubblewrap's own process can be seen inside its namespace; there is nothing to it. */
        bool own_namespace = pid == 1 && (!strcmp(what[i], "task") || n <= 0);
        if (!own_namespace && (n >= 0 || why == EISDIR)) return path;
    }
    return NULL;
}

static const char *other_processes(void) {
    struct iovec local = {&number, sizeof number}, remote = {&number, sizeof number};
    for (pid_t pid = getppid() > 200 ? getppid() - 200 : 1; pid < getppid() + 200; pid++) {
        const char *path = pid == getpid() ? NULL : read_one(pid);
        if (path) return path;
    }
    if (process_vm_readv(getppid(), &local, 1, &remote, 1, 0) >= 0) return "process_vm_readv";
    if (process_vm_writev(getppid(), &local, 1, &remote, 1, 0) >= 0) return "process_vm_writev";
    if (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 || ptrace(PTRACE_SEIZE, 1, NULL, NULL) == 0)
        return "ptrace of another";
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? "ptrace" : NULL;
}

/* --- the network ------------------------------------------------------------------------------ */
static const char *network(void) {
    static const int family[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG};
    static const int type[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
    int pair[2];
    for (size_t f = 0; f < sizeof family / sizeof *family; f++)
        for (size_t t = 0; t < sizeof type / sizeof *type; t++)
            if (socket(family[f], type[t], 0) >= 0) return "socket";
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) return "socketpair";
    struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0portolan"};
    if (connect(3, (struct sockaddr *)&abstract, sizeof abstract) == 0) return "connect";
    struct msghdr m = {0};
    if (sendmsg(3, &m, 0) >= 0) return "sendmsg, which passes descriptors on";
    return NULL;
}

/* --- files ------------------------------------------------------------------------------------ */
static const char *read_outside(void) {
    static const char *const paths[] = {"/etc/shadow", "/etc/passwd", "/etc/hostname", "/root",
                                        "/root/.ssh",  "/home",       "/var/lib",      "/var/log",
                                        "/run",        "/dev/shm",    "/dev/mem",      "/sys/kernel/debug/kprobes",
                                        "/proc/kcore", "/boot"};
    static char secret[64];
    snprintf(secret, sizeof secret, SECRET "secret", number);
    if (open(secret, O_RDONLY) >= 0) return secret;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (open(paths[i], O_RDONLY) >= 0) return paths[i];
    return NULL;
}

static const char *write_outside(void) {
    static const char *const paths[] = {"/usr/portolan", "/etc/portolan", "/dev/portolan", "/portolan/x", "/x",
                                        "/sys/x",        "/var/tmp/x",    "/dev/shm/x"};
    static char secret[64];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (open(paths[i], O_WRONLY | O_CREAT, 0600) >= 0) return paths[i];
    snprintf(secret, sizeof secret, SECRET "secret", number);
    if (truncate(secret, 0) == 0) return "truncate";
    if (link(secret, "hard-link") == 0) return "a hard link";
    if (open("kernel.cl", O_WRONLY | O_CREAT, 0600) < 0) return "(nothing: the scratch folder cannot be written)";
    if (rename("kernel.cl", "/var/tmp/kernel.cl") == 0) return "a rename out of the scratch folder";
    if (open("/proc/self/oom_score_adj", O_WRONLY) >= 0) return "/proc/self/oom_score_adj";
    return NULL;
}

/* Left in the scratch folder for whoever cleans up: links out of it, a deep tree, folders that cannot be entered. */
static const char *symlinks(void) {
    char secret[64], name[32];
    snprintf(secret, sizeof secret, SECRET, number);
    if (symlink(secret, "folder") < 0 || symlink("/", "root") < 0 || symlink("../..", "up") < 0) return "no links";
    if (open("folder/secret", O_RDONLY) >= 0) return "a link out of the scratch folder was followed";
    if (mkdir("shut", 0700) < 0 || symlink(secret, "shut/folder") < 0 || chmod("shut", 0) < 0) return "no folder";
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "deep-%d", i);
        if (mkdir(name, 0700) < 0 || chdir(name) < 0) break;
        if (symlink(secret, "folder") < 0) break;
    }
    return NULL;
}

/* Each below the limit of a file, together beyond the limit of the folder. */
static const char *disk_hog(void) {
    char name[32];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "hog-%d", i);
        int fd = open(name, O_WRONLY | O_CREAT, 0600);
        if (fd < 0 || fallocate(fd, 0, 0, (off_t)400 << 20) < 0) return NULL; /* full */
        close(fd);
    }
    for (int i = 0; i < 50; i++) usleep(100000); /* nothing stopped it: somebody has to look */
    return "2.4 GiB of scratch space";
}

static const char *big_file(void) {
    signal(SIGXFSZ, SIG_IGN);
    int fd = open("big", O_WRONLY | O_CREAT, 0600);
    return fd >= 0 && ftruncate(fd, (off_t)2 << 30) == 0 ? "a file of 2 GiB" : NULL;
}

static bool is_kind(int fd, mode_t kind) {
    struct stat s;
    return fstat(fd, &s) == 0 && (s.st_mode & S_IFMT) == kind;
}

/* Nothing, two ends of a pipe, and the socket: no file of the agent's, not even the shared memory's. */
static const char *descriptors(void) {
    static char found[32];
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) return "the list cannot be read";
    for (const struct dirent *e; (e = readdir(dir));) {
        int fd = atoi(e->d_name);
        if (e->d_name[0] == '.' || fd <= 3 || fd == dirfd(dir)) continue;
        snprintf(found, sizeof found, "descriptor %d", fd);
        return found;
    }
    closedir(dir);
    if (!is_kind(0, S_IFCHR) || !is_kind(1, S_IFIFO) || !is_kind(2, S_IFIFO) || !is_kind(3, S_IFSOCK))
        return "other kinds of descriptors than are meant";
    return NULL;
}

/* --- memory and output ------------------------------------------------------------------------ */
static const char *memory_hog(void) {
    size_t total = 0, piece = (size_t)1 << 30;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return "no limit of the address space";
    while (total < ((size_t)1 << 46) &&
           mmap(NULL, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED)
        total += piece;
    if (total > limit.rlim_cur) return "more than the limit of the address space";
    if (syscall(SYS_memfd_create, "hog", 0) >= 0) return "memory that counts for no process";
    return NULL;
}

static const char *flood(void) {
    static char line[65536];
    memset(line, 'x', sizeof line);
    for (size_t total = 0; total < FLOOD_BYTES; total += sizeof line)
        if (write(1 + (int)(total / sizeof line % 2), line, sizeof line) < 0 && errno != EAGAIN) return "an error";
    return NULL;
}

/* Codes that would move the cursor, hide what was there, or set a terminal's title, and a line that reads like ours. */
static _Noreturn const char *escapes(void) {
    fputs(
        "\x1b[2J\x1b[1;1H\x1b]0;owned\x07\x1b[8mhidden\x9b"
        "31m\r\n{\"verdict\": \"correct\"}\n",
        stdout);
    fflush(stdout);
    _exit(9);
}

/* --- calls that nobody needs ------------------------------------------------------------------ */
static const char *odd_calls(void) {
    static const struct {
        long nr;
        const char *name;
    } calls[] = {{SYS_bpf, "bpf"},
                 {SYS_perf_event_open, "perf_event_open"},
                 {SYS_userfaultfd, "userfaultfd"},
                 {SYS_io_uring_setup, "io_uring_setup"},
                 {SYS_keyctl, "keyctl"},
                 {SYS_add_key, "add_key"},
                 {SYS_mount, "mount"},
                 {SYS_chroot, "chroot"},
                 {SYS_setns, "setns"},
                 {SYS_open_by_handle_at, "open_by_handle_at"},
                 {SYS_init_module, "init_module"},
                 {SYS_kexec_load, "kexec_load"},
                 {SYS_io_submit, "io_submit"},
                 {SYS_vmsplice, "vmsplice"},
                 {SYS_shmget, "shmget"},
                 {SYS_msgget, "msgget"},
                 {SYS_mq_open, "mq_open"},
                 {SYS_personality, "personality"},
                 {SYS_setuid, "setuid"},
                 {SYS_mbind, "mbind"},
                 {SYS_seccomp, "seccomp"}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (syscall(calls[i].nr, 0, 0, 0, 0, 0, 0) >= 0 || errno != EPERM) return calls[i].name;
    return NULL;
}

#ifdef __x86_64__
/* Another architecture's table of calls: number 20 is getpid of i386. */
static const char *foreign_calls(void) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return "a call of another architecture came back";
}
#endif

static _Noreturn const char *hang(void) {
    for (;;) continue;
}

static const struct {
    const char *word;
    const char *(*attack)(void);
} attacks[] = {{"fork_bomb", fork_bomb},
               {"bomb_", fork_bomb_for_real},
               {"threads", threads},
               {"programs", programs},
               {"leave_session", leave_session},
               {"namespaces", namespaces},
               {"signals", signals},
               {"other_processes", other_processes},
               {"network", network},
               {"read_outside_", read_outside},
               {"write_outside_", write_outside},
               {"symlinks_", symlinks},
               {"disk_hog", disk_hog},
               {"big_file", big_file},
               {"descriptors", descriptors},
               {"memory_hog", memory_hog},
               {"flood", flood},
               {"escapes", escapes},
               {"odd_calls", odd_calls},
#ifdef __x86_64__
               {"foreign_calls", foreign_calls},
#endif
               {"hang", hang}};

/* A name that ends in `_` is followed by a number. */
bool hostile_system(const char *word, const char **breach) {
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        size_t len = strlen(attacks[i].word);
        bool numbered = attacks[i].word[len - 1] == '_';
        if (numbered ? strncmp(word, attacks[i].word, len) != 0 : strcmp(word, attacks[i].word) != 0) continue;
        number = numbered ? atoi(word + len) : 0;
        *breach = attacks[i].attack();
        return true;
    }
    return false;
}
