/* How much of the machine others use: processor time that the whole machine has spent, from the most precise counter
 * that this system has. What a caller used itself it takes off. */
#pragma once
#include <stdint.h>

/* Where a worker gets its figures from; tests make them up. */
struct load_source {
    /* Processor time that all of the machine has used since some moment, ns; -1 when it cannot be read. */
    int64_t (*machine_ns)(void *context);
    /* Processor time of the calling thread, ns: the worker's own part while it waits for a window's end. */
    int64_t (*self_ns)(void *context);
    int64_t (*now_ns)(void *context); /* the clock that goes with them */
    /* Processor time that a virtual machine's host took away since some moment, ns, in clock ticks; -1 when unknown. */
    int64_t (*stolen_ns)(void *context);
    void *context;
    int cores;       /* that share this time */
    double grain_ns; /* what one reading may be off: a clock tick a core, or next to nothing */
};

struct load_meter;
/* `root` is "/" but in tests; files below it: sys/fs/cgroup/cpuacct/cpuacct.usage (nanoseconds, version 1 of control
 * groups; used where it is the whole machine's), proc/schedstat (nanoseconds), proc/stat (clock ticks of 10 ms). Always
 * succeeds; without any of them the load is unknown. */
struct load_meter *load_meter_new(const char *root);
void load_meter_free(struct load_meter *m); /* accepts NULL */
/* Borrowed from the meter. */
const struct load_source *load_meter_source(struct load_meter *m);
/* "cpuacct", "schedstat", "stat", or "" when nothing can be read. */
const char *load_meter_name(const struct load_meter *m);

/* The parsers: processor time in ns, -1 when the text is none of that kind. proc(5), and the kernel's
 * Documentation/scheduler/sched-stats.rst. */
int64_t load_parse_stat(const char *text, long ticks_per_s);
int64_t load_parse_stolen(const char *stat, long ticks_per_s);
int64_t load_parse_schedstat(const char *text);
int64_t load_parse_cpuacct(const char *text);
