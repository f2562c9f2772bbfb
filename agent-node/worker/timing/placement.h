/* A runner's threads, one to a processor. Left alone, the kernel wakes two threads of a driver on one processor in a
 * good part of the windows after each stop, and leaves another idle: launches then take up to twice as long, by luck
 * (docs/timing.md). Linux only, like /proc. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PLACEMENT_THREADS_MAX 1024

struct thread_times {
    int n;
    struct {
        pid_t tid;
        uint64_t ns; /* of processor time */
    } thread[PLACEMENT_THREADS_MAX];
};
/* Processor time of each thread of `pid`; n is 0 where it cannot be read. */
void thread_times_read(pid_t pid, struct thread_times *ret);
/* The threads that did the work between the two readings, in `ret` by thread id: those with at least half of the
 * busiest one's time. 0 when nobody did any. */
int thread_times_workers(const struct thread_times *before, const struct thread_times *now, pid_t *ret);
/* Binds each thread of `pid` that worked since `before` to a processor of its own, among those that this process may
 * use. False, and nothing is bound, where there are more of them than processors, or where it is not allowed. */
bool placement_bind(pid_t pid, const struct thread_times *before);
