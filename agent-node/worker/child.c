#include "agent-node/worker/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

#define HIGH_FD 64 /* sources are moved above this, so that no dup2 overwrites one */

struct launch {
    const struct child_plan *plan;
    int source[CHILD_MAX_FDS], program;
    volatile int failed; /* errno of what failed in the child, which writes to our memory */
    const char *volatile step;
};

static void close_sources(struct launch *l) {
    for (int i = 0; i < l->plan->n_fds; i++)
        if (l->source[i] >= 0) close(l->source[i]);
    if (l->program >= 0) close(l->program);
}

static int move_sources(struct launch *l, struct error *err) {
    CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return error_errno(err, ERR_IO, errno, "/dev/null");
    for (int i = 0; i < l->plan->n_fds; i++) {
        int from = l->plan->fd[i] >= 0 ? l->plan->fd[i] : null;
        l->source[i] = fcntl(from, F_DUPFD_CLOEXEC, HIGH_FD);
        if (l->source[i] < 0) return error_errno(err, ERR_IO, errno, "descriptors for a runner");
    }
    if (l->plan->path) return 0;
    l->program = fcntl(l->plan->program, F_DUPFD_CLOEXEC, HIGH_FD);
    return l->program >= 0 ? 0 : error_errno(err, ERR_IO, errno, "descriptors for a runner");
}

/* Raw system calls: libc's own would change the user of all threads of the parent, whose memory this still is. */
static int change_user(const struct runner_user *u) {
    if (!u->change) return 0;
    if (syscall(SYS_setgroups, u->n_groups, u->group) < 0) return -1;
    if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) < 0) return -1;
    return (int)syscall(SYS_setresuid, u->uid, u->uid, u->uid);
}

static void reset_signals(void) {
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP) sigaction(s, &plain, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Returns only when a step failed, errno saying how and l->step which. */
static void become_program(struct launch *l) {
    const struct child_plan *p = l->plan;
    struct rlimit no_core = {0, 0};
    l->step = "descriptors";
    setsid();
    for (int i = 0; i < p->n_fds; i++)
        if (dup2(l->source[i], i) < 0) return;
    syscall(SYS_close_range, (unsigned)p->n_fds, ~0u, (unsigned)CLOSE_RANGE_CLOEXEC);
    setrlimit(RLIMIT_CORE, &no_core);
    l->step = "change to the unprivileged user";
    if (change_user(&p->user) < 0) return;
    if (p->die_with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
    reset_signals();
    l->step = "execute";
    if (p->path)
        execve(p->path, p->argv, p->envp);
    else
        syscall(SYS_execveat, l->program, "", p->argv, p->envp, AT_EMPTY_PATH);
}

static _Noreturn void in_child(struct launch *l) {
    become_program(l);
    l->failed = errno;
    _exit(127);
}

static pid_t start(struct launch *l) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of ours may run in the child */
    pid_t pid = vfork();
    if (pid == 0) in_child(l);
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

pid_t child_start(const struct child_plan *p, struct error *err) {
    struct launch l = {.plan = p, .program = -1};
    memset(l.source, -1, sizeof l.source);
    pid_t pid = -1;
    if (move_sources(&l, err) == 0) {
        pid = start(&l);
        if (pid < 0) error_errno(err, ERR_IO, errno, "start a process");
    }
    close_sources(&l);
    if (pid > 0 && l.failed) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
        error_errno(err, ERR_IO, l.failed, "start %s: %s", p->path ? p->path : p->argv[0], l.step);
        return -1;
    }
    return pid;
}
