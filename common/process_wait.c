/* The end of a child: waiting with a deadline, killing its group, reaping. The group is killed while the leader is a
 * zombie, for as long as it is not reaped its number cannot belong to somebody else. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process.h"

#define POLL_MS_MAX (60 * 1000)

/* 1: it has ended, 0: the deadline has come, -1: errno. */
static int wait_ended(int pidfd, int64_t deadline_ms) {
    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        struct pollfd watched = {.fd = pidfd, .events = POLLIN};
        int n = poll(&watched, 1, left_ms <= 0 ? 0 : left_ms > POLL_MS_MAX ? POLL_MS_MAX : (int)left_ms);
        if (n > 0) return 1;
        if (n < 0 && errno != EINTR) return -1;
        if (n == 0 && left_ms <= 0) return 0;
    }
}

static int64_t microseconds(struct timeval t) {
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static int reap(struct process *p, struct process_result *ret) {
    int status = 0;
    struct rusage usage = {0};
    pid_t got;
    kill(-p->pid, SIGKILL);
    do got = wait4(p->pid, &status, 0, &usage);
    while (got < 0 && errno == EINTR);
    int why = errno;
    close(p->pidfd);
    *p = (struct process)PROCESS_INIT;
    errno = why;
    if (got < 0) return -1;
    if (ret)
        *ret = (struct process_result){
            .status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            .user_us = microseconds(usage.ru_utime),
            .system_us = microseconds(usage.ru_stime),
            .max_rss_kib = usage.ru_maxrss,
        };
    return 0;
}

int process_wait(struct process *p, int64_t deadline_ms, struct process_result *ret, struct error *err) {
    if (p->pid <= 0) return error_set(err, ERR_INTERNAL, "waiting for a process that was reaped");
    int ended = wait_ended(p->pidfd, deadline_ms);
    if (ended < 0) return error_errno(err, ERR_IO, errno, "cannot wait for process %d", (int)p->pid);
    if (ended == 0) return error_set(err, ERR_TIMEOUT, "process %d is still running", (int)p->pid);
    if (reap(p, ret) != 0) return error_errno(err, ERR_IO, errno, "cannot reap a process");
    return 0;
}

void process_kill(const struct process *p, int signal) {
    if (p->pid > 0) kill(-p->pid, signal);
}

void process_done(struct process *p) {
    if (p->pid <= 0) return;
    process_kill(p, SIGKILL);
    reap(p, NULL);
}

void process_result_text(const struct process_result *r, char out[64]) {
    if (r->signal)
        snprintf(out, 64, "signal %d (%s)", r->signal, strsignal(r->signal));
    else
        snprintf(out, 64, "exit status %d", r->status);
}
