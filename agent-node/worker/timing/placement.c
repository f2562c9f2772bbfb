#include "agent-node/worker/timing/placement.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define WORKER_SHARE 2 /* of the busiest one's time, one part in so many at least */

/* First field of /proc/PID/task/TID/schedstat (Linux, Documentation/scheduler/sched-stats.rst). */
static uint64_t time_of(const char *folder, const char *tid) {
    CLEANUP_FREE char *path = xasprintf("%s/%s/schedstat", folder, tid);
    CLEANUP_FILE FILE *f = fopen(path, "re");
    unsigned long long ns = 0;
    if (f && fscanf(f, "%llu", &ns) != 1) ns = 0;
    return ns;
}

static int by_tid(const void *a, const void *b) {
    const pid_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void thread_times_read(pid_t pid, struct thread_times *ret) {
    CLEANUP_FREE char *folder = xasprintf("/proc/%d/task", (int)pid);
    DIR *dir = opendir(folder);
    ret->n = 0;
    for (struct dirent *e; dir && ret->n < PLACEMENT_THREADS_MAX && (e = readdir(dir));) {
        long tid = strtol(e->d_name, NULL, 10);
        if (tid <= 0) continue;
        ret->thread[ret->n].tid = (pid_t)tid;
        ret->thread[ret->n++].ns = time_of(folder, e->d_name);
    }
    if (dir) closedir(dir);
}

static uint64_t before_of(const struct thread_times *before, pid_t tid) {
    for (int i = 0; i < before->n; i++)
        if (before->thread[i].tid == tid) return before->thread[i].ns;
    return 0;
}

int thread_times_workers(const struct thread_times *before, const struct thread_times *now, pid_t *ret) {
    uint64_t most = 0, did[PLACEMENT_THREADS_MAX];
    int n = 0;
    for (int i = 0; i < now->n; i++) {
        uint64_t from = before_of(before, now->thread[i].tid);
        did[i] = now->thread[i].ns > from ? now->thread[i].ns - from : 0;
        if (did[i] > most) most = did[i];
    }
    for (int i = 0; i < now->n && most > 0; i++)
        if (did[i] >= most / WORKER_SHARE) ret[n++] = now->thread[i].tid;
    qsort(ret, (size_t)n, sizeof *ret, by_tid);
    return n;
}

bool placement_bind(pid_t pid, const struct thread_times *before) {
    CLEANUP_FREE struct thread_times *now = xcalloc(1, sizeof *now);
    pid_t worker[PLACEMENT_THREADS_MAX] = {0};
    cpu_set_t allowed, one;
    thread_times_read(pid, now);
    int n = thread_times_workers(before, now, worker), cpu = -1;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || n == 0 || n > CPU_COUNT(&allowed)) return false;
    for (int i = 0; i < n; i++) {
        do cpu++;
        while (!CPU_ISSET(cpu, &allowed));
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(worker[i], sizeof one, &one) != 0) return false;
    }
    return true;
}
