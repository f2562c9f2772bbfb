#include "agent-node/worker/timing/quiet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent-node/worker/timing/busy.h"
#include "agent-node/worker/timing/quads.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/life.h"

#define LOOK_MS 100        /* by a counter of nanoseconds */
#define LOOK_COARSE_MS 250 /* by one of clock ticks */
#define PAUSE_MS 500
#define STEP_MS 50
#define PROCESSES_MAX 256
#define ANCESTORS_MAX 64
#define STAT_MAX 4096

/* False when it was cancelled meanwhile. */
static bool pass_time(const struct trial *t, int64_t ms) {
    for (int64_t until_ms = clock_mono_ms() + ms; clock_mono_ms() < until_ms;) {
        int64_t left_ms = until_ms - clock_mono_ms();
        struct timespec step = {.tv_nsec = (left_ms < STEP_MS ? left_ms : STEP_MS) * 1000000};
        if (trial_cancelled(t)) return false;
        if (left_ms > 0) nanosleep(&step, NULL);
        life_sign();
    }
    return !trial_cancelled(t);
}

/* --- processors ------------------------------------------------------------------------------- */
static bool processors_busy(const struct trial *t, char *why, size_t size) {
    const struct load_source *s = t->worker->load;
    if (!s) return false;
    int64_t machine_ns = s->machine_ns(s->context), self_ns = s->self_ns(s->context), now_ns = s->now_ns(s->context);
    if (machine_ns < 0 || !pass_time(t, s->grain_ns > 0 ? LOOK_COARSE_MS : LOOK_MS)) return false;
    double all_ns = (double)(s->now_ns(s->context) - now_ns) * s->cores;
    double used_ns = (double)(s->machine_ns(s->context) - machine_ns - (s->self_ns(s->context) - self_ns));
    if (!(all_ns > 0) || used_ns <= LOAD_RUN_MAX * all_ns + s->grain_ns) return false;
    snprintf(why, size, "others use %.0f %% of the processors", 100 * used_ns / all_ns);
    return true;
}

/* --- a GPU ------------------------------------------------------------------------------------ */
/* The parent's id from /proc/PID/stat: behind the name, which may hold anything, and the state. -1: unknown. */
static pid_t parent_of(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    CLEANUP_FREE char *text = file_read(path, STAT_MAX, NULL, NULL);
    const char *end = text ? strrchr(text, ')') : NULL;
    int parent = -1;
    return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : -1;
}

bool quiet_is_ours(pid_t pid, bool *ret_known) {
    pid_t at = pid;
    if (ret_known) *ret_known = pid == getpid() || parent_of(pid) >= 0;
    for (int i = 0; i < ANCESTORS_MAX && at > 1; i++) {
        if (at == getpid()) return true;
        at = parent_of(at);
    }
    return false;
}

/* A process that has opened the device and leaves it alone (a notebook, say) disturbs nobody, where that can be told.
 */
static bool gpu_busy(const struct trial *t, char *why, size_t size) {
    pid_t pids[PROCESSES_MAX];
    double share;
    int n = t->worker->sensors ? sensors_processes(t->worker->sensors, pids, PROCESSES_MAX, &share) : -1, others = 0;
    pid_t first = 0;
    for (int i = 0; i < n; i++) {
        bool known;
        if (quiet_is_ours(pids[i], &known) || !known) continue;
        if (others++ == 0) first = pids[i];
    }
    if (others == 0 || share == 0) return false;
    snprintf(why, size, "%d other process%s on the device (the first is %d)", others,
             others == 1 ? " computes" : "es compute", (int)first);
    return true;
}

static bool is_busy(const struct trial *t, char *why, size_t size) {
    return trial_device(t)->host_memory ? processors_busy(t, why, size) : gpu_busy(t, why, size);
}

/* --- waiting ---------------------------------------------------------------------------------- */
static int await(struct trial *t, struct finding *f) {
    char why[160] = "";
    int64_t waited_ms = 0, limit_ms = t->worker->quiet_ms;
    while (is_busy(t, why, sizeof why)) {
        if (waited_ms >= limit_ms)
            return busy_answer(t) == BUSY_NOTED ? 0
                                                : finding_busy(f, "%s, and did so for the %lld s that timing waited",
                                                               why, (long long)(limit_ms + 999) / 1000);
        trial_progress(t, QUIET_PHASE, (double)waited_ms / (double)limit_ms, why);
        int64_t pause_ms = limit_ms - waited_ms < PAUSE_MS ? limit_ms - waited_ms : PAUSE_MS;
        if (trial_lock(t, DOMAIN_SHARED, f) != 0) return -1;
        pass_time(t, pause_ms);
        waited_ms += pause_ms;
        if (trial_lock(t, DOMAIN_EXCLUSIVE, f) != 0) return -1;
    }
    return trial_cancelled(t) ? finding_cancelled(f) : 0;
}

int quiet_await(struct trial *t, struct finding *f) {
    if (t->worker->quiet_ms <= 0 || t->worker->notes_load) return 0;
    int64_t from_ns = clock_mono_ns();
    int status = await(t, f);
    phases_add(&t->phases, "quiet", clock_mono_ns() - from_ns);
    return status;
}
