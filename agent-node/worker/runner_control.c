/* Stopping, continuing and ending a runner's process, and the CPU time it used. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-node/worker/runner_internal.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fileio.h"

#define STOP_LIMIT_NS 10000000000 /* each of its threads must be scheduled once, on a machine that may be busy */
#define END_LIMIT_MS 5000

static int send_signal(const struct runner *r, int number) {
    return (int)syscall(SYS_pidfd_send_signal, r->pidfd, number, NULL, 0);
}

void runner_kill(struct runner *r) {
    if (!r->alive) return;
    r->cpu_last_ns = runner_cpu_ns(r);
    r->alive = false;
    if (r->pidfd >= 0) send_signal(r, SIGKILL);
    /* Its exit tells more than ours: give what died by itself a moment before bwrap goes too. */
    struct pollfd gone = {r->pidfd, POLLIN, 0};
    if (r->pidfd >= 0) poll(&gone, 1, END_LIMIT_MS);
    int patience = r->pidfd >= 0 ? 200 : 20;
    bool reaped = false;
    for (int i = 0; i < patience && !reaped; i++) {
        reaped = waitpid(r->process.outer, &r->outer_status, WNOHANG) == r->process.outer;
        if (!reaped) usleep(i < 20 ? 500 : 5000);
    }
    kill(-r->process.outer,
         SIGKILL); /* its session: what it started and left behind, where there is no namespace to end it */
    if (reaped) return;
    kill(r->process.outer, SIGKILL);
    while (waitpid(r->process.outer, &r->outer_status, 0) < 0 && errno == EINTR) continue;
}

void runner_describe_end(const struct runner *r, struct buf *out) {
    int status = r->outer_status, number = 0;
    bool bwrap = r->process.level == SANDBOX_BUBBLEWRAP;
    if (WIFSIGNALED(status)) number = WTERMSIG(status);
    /* bwrap passes a signal on as a shell does. */
    if (bwrap && WIFEXITED(status) && WEXITSTATUS(status) > 128) number = WEXITSTATUS(status) - 128;
    if (number)
        buf_printf(out, "it was killed by signal %d (%s)", number, strsignal(number));
    else
        buf_printf(out, "it exited with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* State letter of one thread, 0 when it has gone (proc(5), /proc/pid/stat: the letter follows the last parenthesis). */
static char thread_state(const char *stat_path) {
    char text[512];
    CLEANUP_FILE FILE *f = fopen(stat_path, "re");
    if (!f || !fgets(text, sizeof text, f)) return 0;
    const char *end = strrchr(text, ')');
    return end && end[1] == ' ' ? end[2] : 0;
}

static bool all_stopped(pid_t pid) {
    char path[320];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads) return true; /* it has gone: it will not run again */
    bool stopped = true;
    for (struct dirent *e; stopped && (e = readdir(threads));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, e->d_name);
        char state = thread_state(path);
        stopped = state == 0 || strchr("TtZX", state) != NULL;
    }
    closedir(threads);
    return stopped;
}

int runner_pause(struct runner *r, struct error *err) {
    if (!r->alive) return error_set(err, ERR_DEVICE, "runner (%s): it has ended", r->what);
    if (r->stopped) return 0;
    if (send_signal(r, SIGSTOP) < 0) return error_errno(err, ERR_DEVICE, errno, "stop a runner (%s)", r->what);
    int64_t deadline = clock_mono_ns() + STOP_LIMIT_NS;
    r->stopped = true;
    while (!all_stopped(r->pid)) {
        if (clock_mono_ns() > deadline) return error_set(err, ERR_TIMEOUT, "runner (%s): it does not stop", r->what);
        usleep(20);
    }
    return 0;
}

int runner_resume(struct runner *r, struct error *err) {
    if (!r->alive) return error_set(err, ERR_DEVICE, "runner (%s): it has ended", r->what);
    if (!r->stopped) return 0;
    if (send_signal(r, SIGCONT) < 0) return error_errno(err, ERR_DEVICE, errno, "continue a runner (%s)", r->what);
    r->stopped = false;
    return 0;
}

int64_t runner_cpu_ns(const struct runner *r) {
    struct timespec t;
    if (!r->alive || r->pid <= 0 || clock_gettime(r->cpu_clock, &t) < 0) return r->cpu_last_ns;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
