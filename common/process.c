/* fork and exec by hand: posix_spawn knows neither PR_SET_PDEATHSIG nor a hook for limits. Between fork and exec the
 * child calls async-signal-safe functions only, since other threads may have held any lock. Failures before exec come
 * back through a close-on-exec pipe as (step, errno). */
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"

/* Linux ABI; glibc 2.36 has close_range and pidfd_open, older ones only the numbers. */
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum step { STEP_SETUP, STEP_FDS, STEP_FOLDER, STEP_PREPARE, STEP_EXEC };

struct failure {
    int step, why;
};

/* What the child needs, all prepared before the fork. */
struct plan {
    const struct process_spec *spec;
    char *path;
    char **argv, **envp;
    pid_t parent;
    int report_fd;
};

static _Noreturn void give_up(const struct plan *plan, enum step step, int why) {
    const struct failure f = {step, why};
    while (write(plan->report_fd, &f, sizeof f) < 0 && errno == EINTR) continue;
    _exit(127);
}

static void reset_signals(void) {
    /* The system call itself: glibc's sigaction() refuses the two signals that it keeps for itself, and some parents
     * (make among them) leave those ignored. All zero is SIG_DFL without flags; fails for KILL and STOP: fine. */
    static const unsigned long fallback[4];
    for (int s = 1; s < NSIG; s++) syscall(SYS_rt_sigaction, s, fallback, NULL, (size_t)(NSIG - 1) / 8);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int close_on_exec(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) == 0) return 0;
    if (errno != ENOSYS && errno != EINVAL) return -1;
    struct rlimit limit; /* kernels before 5.11 */
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++) fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

/* Moves the mapped descriptors above the range of targets first, so that no dup2 overwrites one still needed. */
static int place_fds(struct plan *plan) {
    const struct process_spec *spec = plan->spec;
    int high[PROCESS_FDS_MAX], source_of[PROCESS_FDS_MAX];
    plan->report_fd = fcntl(plan->report_fd, F_DUPFD_CLOEXEC, PROCESS_FDS_MAX);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (plan->report_fd < 0 || null_fd < 0) return -1;
    null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, PROCESS_FDS_MAX);
    if (null_fd < 0) return -1;
    for (int t = 0; t < PROCESS_FDS_MAX; t++) source_of[t] = t <= 2 ? null_fd : -1;
    for (size_t i = 0; i < spec->n_fds; i++) {
        high[i] = fcntl(spec->fds[i].parent, F_DUPFD_CLOEXEC, PROCESS_FDS_MAX);
        if (high[i] < 0) return -1;
        source_of[spec->fds[i].child] = high[i];
    }
    if (close_on_exec(0, ~0U) != 0) return -1;
    for (int t = 0; t < PROCESS_FDS_MAX; t++)
        if (source_of[t] >= 0 && dup2(source_of[t], t) < 0) return -1; /* the copy stays open over exec */
    return 0;
}

static _Noreturn void child(struct plan *plan) {
    const struct process_spec *spec = plan->spec;
    reset_signals();
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(plan, STEP_SETUP, errno);
    if (getppid() != plan->parent) _exit(127); /* it died before prctl could notice */
    if (place_fds(plan) != 0) give_up(plan, STEP_FDS, errno);
    if (spec->folder && chdir(spec->folder) != 0) give_up(plan, STEP_FOLDER, errno);
    int why = spec->prepare ? spec->prepare(spec->context) : 0;
    if (why != 0) give_up(plan, STEP_PREPARE, why);
    execve(plan->path, plan->argv, plan->envp);
    give_up(plan, STEP_EXEC, errno);
}

static int check_spec(const struct process_spec *spec, struct error *err) {
    if (!spec->argv || !spec->argv[0]) return error_set(err, ERR_INVALID, "no program to start");
    if (spec->n_fds > PROCESS_FDS_MAX)
        return error_set(err, ERR_INVALID, "%zu descriptors for a child; %d at most", spec->n_fds, PROCESS_FDS_MAX);
    for (size_t i = 0; i < spec->n_fds; i++) {
        int target = spec->fds[i].child;
        if (target < 0 || target >= PROCESS_FDS_MAX || fcntl(spec->fds[i].parent, F_GETFD) < 0)
            return error_set(err, ERR_INVALID, "descriptor %d cannot become %d of a child", spec->fds[i].parent,
                             target);
        for (size_t k = 0; k < i; k++)
            if (spec->fds[k].child == target) return error_set(err, ERR_INVALID, "two descriptors for %d", target);
    }
    return 0;
}

/* Path of argv[0]; NULL with err when it is nowhere on PATH. */
static char *find_program(const char *name, struct error *err) {
    if (strchr(name, '/')) return xstrdup(name);
    const char *search = getenv("PATH");
    CLEANUP_FREE char *copy = xstrdup(search ? search : "/usr/local/bin:/usr/bin:/bin");
    char *rest = copy;
    for (char *folder; (folder = strsep(&rest, ":")) != NULL;) {
        CLEANUP_FREE char *path = xasprintf("%s/%s", folder[0] ? folder : ".", name);
        if (access(path, X_OK) == 0) return TAKE(path);
    }
    error_set(err, ERR_NOT_FOUND, "the program %s is not on the PATH", name);
    return NULL;
}

static char **copy_list(const char *const *list) {
    size_t n = 0;
    while (list && list[n]) n++;
    char **copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++) copy[i] = xstrdup(list[i]);
    return copy;
}

static void free_list(char ***list) {
    for (char **p = *list; p && *p; p++) free(*p);
    free(*list);
}

/* Signals are blocked over the fork, so that no handler of this process runs in the child. */
static pid_t fork_blocked(struct plan *plan) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    plan->parent = getpid();
    pid_t pid = fork();
    if (pid == 0) child(plan);
    int why = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return pid;
}

static int spawn_error(const struct plan *plan, const struct failure *f, struct error *err) {
    static const char *const steps[] = {"set up the process of", "pass descriptors to", NULL, "prepare", "start"};
    if (f->step == STEP_FOLDER)
        return error_errno(err, ERR_IO, f->why, "cannot start %s in the folder %s", plan->path, plan->spec->folder);
    bool missing = f->step == STEP_EXEC && (f->why == ENOENT || f->why == ENOTDIR);
    return error_errno(err, missing ? ERR_NOT_FOUND : ERR_IO, f->why, "cannot %s %s", steps[f->step], plan->path);
}

/* Blocks until exec has closed the pipe or the child has told why not. */
static int await_exec(const struct plan *plan, int fd, pid_t pid, struct error *err) {
    struct failure f;
    ssize_t n;
    do n = read(fd, &f, sizeof f);
    while (n < 0 && errno == EINTR);
    if (n == 0) return 0;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    if (n == (ssize_t)sizeof f && f.step >= STEP_SETUP && f.step <= STEP_EXEC) return spawn_error(plan, &f, err);
    return error_set(err, ERR_INTERNAL, "the child for %s ended before it could start", plan->path);
}

static int start(struct plan *plan, struct process *ret, struct error *err) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return error_errno(err, ERR_IO, errno, "cannot make a pipe");
    CLEANUP_FD int read_end = report[0];
    plan->report_fd = report[1];
    pid_t pid = fork_blocked(plan);
    int why = errno;
    close(report[1]);
    if (pid < 0) return error_errno(err, why == EAGAIN ? ERR_LIMIT : ERR_IO, why, "cannot fork for %s", plan->path);
    setpgid(pid, pid); /* both sides do it: the group exists when either goes on */
    if (await_exec(plan, read_end, pid, err) != 0) return -1;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        why = errno;
        kill(-pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
        return error_errno(err, ERR_IO, why, "cannot watch %s", plan->path);
    }
    *ret = (struct process){pid, pidfd};
    return 0;
}

int process_spawn(const struct process_spec *spec, struct process *ret, struct error *err) {
    if (check_spec(spec, err) != 0) return -1;
    CLEANUP_FREE char *path = find_program(spec->argv[0], err);
    if (!path) return -1;
    CLEANUP(free_list) char **argv = copy_list(spec->argv), **envp = copy_list(spec->envp);
    struct plan plan = {.spec = spec, .path = path, .argv = argv, .envp = envp};
    return start(&plan, ret, err);
}
