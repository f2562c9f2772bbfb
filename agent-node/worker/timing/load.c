/* The machine's processor time. A counter is kept open and read at its start each time: that costs a few microseconds,
 * outside the timed window. */
#include "agent-node/worker/timing/load.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"

#define TEXT_MAX 65536 /* of the files; schedstat has a few lines for each processor */
#define NS_PER_S 1000000000
/* A control group's counter counts as the whole machine's when it agrees with /proc/stat this well; in a container it
 * is the container's own. */
#define WHOLE_MACHINE 0.05

enum counter { COUNTER_CPUACCT, COUNTER_SCHEDSTAT, COUNTER_STAT, COUNTER_NONE };
static const struct {
    const char *name, *path;
} COUNTER[] = {{"cpuacct", "sys/fs/cgroup/cpuacct/cpuacct.usage"},
               {"schedstat", "proc/schedstat"},
               {"stat", "proc/stat"},
               {"", NULL}};

struct load_meter {
    enum counter counter;
    int fd, stat_fd;
    char *text;
    struct load_source source;
};

/* The numbers of the first line (those of single processors have a number in their name): user, nice, system, idle,
 * iowait, irq, softirq, steal. Returns how many there are. */
static int stat_numbers(const char *text, unsigned long long v[8]) {
    if (strncmp(text, "cpu ", 4) != 0) return 0;
    return sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
                  &v[7]);
}

/* All but idle and iowait; guests are in user. Steal is time that the machine's host took away. */
int64_t load_parse_stat(const char *text, long ticks_per_s) {
    unsigned long long v[8] = {0};
    if (stat_numbers(text, v) < 7 || ticks_per_s <= 0) return -1;
    return (int64_t)(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * (NS_PER_S / ticks_per_s);
}

int64_t load_parse_stolen(const char *stat, long ticks_per_s) {
    unsigned long long v[8] = {0};
    if (stat_numbers(stat, v) < 8 || ticks_per_s <= 0) return -1;
    return (int64_t)v[7] * (NS_PER_S / ticks_per_s);
}

/* The seventh number of each line "cpuN ..." is the time that tasks ran on it. Fields moved in version 15 only. */
int64_t load_parse_schedstat(const char *text) {
    int64_t sum = 0;
    int cpus = 0;
    if (strncmp(text, "version ", 8) != 0 || strtol(text + 8, NULL, 10) < 15) return -1;
    for (const char *at = text; (at = strstr(at, "\ncpu")); at++) {
        unsigned long long v[7];
        if (sscanf(at, "\ncpu%*d %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
                   &v[6]) != 7)
            return -1;
        sum += (int64_t)v[6];
        cpus++;
    }
    return cpus > 0 ? sum : -1;
}

int64_t load_parse_cpuacct(const char *text) {
    char *end;
    long long ns = strtoll(text, &end, 10);
    return end != text && (*end == '\n' || *end == 0) && ns >= 0 ? ns : -1;
}

static int64_t parse(enum counter counter, const char *text) {
    switch (counter) {
        case COUNTER_CPUACCT:
            return load_parse_cpuacct(text);
        case COUNTER_SCHEDSTAT:
            return load_parse_schedstat(text);
        case COUNTER_STAT:
            return load_parse_stat(text, sysconf(_SC_CLK_TCK));
        case COUNTER_NONE:
        default:
            return -1;
    }
}

static bool read_text(struct load_meter *m, int fd) {
    ssize_t n = fd < 0 ? -1 : pread(fd, m->text, TEXT_MAX - 1, 0);
    m->text[n > 0 ? n : 0] = 0;
    return n > 0;
}

static int64_t read_counter(struct load_meter *m) {
    return read_text(m, m->fd) ? parse(m->counter, m->text) : -1;
}

static int64_t open_counter(struct load_meter *m, const char *root, enum counter counter) {
    CLEANUP_FREE char *path = xasprintf("%s/%s", root, COUNTER[counter].path);
    if (m->fd >= 0) close(m->fd);
    m->fd = open(path, O_RDONLY | O_CLOEXEC);
    m->counter = counter;
    return read_counter(m);
}

static void choose_counter(struct load_meter *m, const char *root) {
    int64_t ticks_ns = open_counter(m, root, COUNTER_STAT);
    int64_t group_ns = open_counter(m, root, COUNTER_CPUACCT);
    double difference = (double)(group_ns - ticks_ns);
    if (group_ns >= 0 && ticks_ns > 0 && difference < WHOLE_MACHINE * (double)ticks_ns &&
        difference > -WHOLE_MACHINE * (double)ticks_ns)
        return;
    if (open_counter(m, root, COUNTER_SCHEDSTAT) >= 0 || open_counter(m, root, COUNTER_STAT) >= 0) return;
    m->counter = COUNTER_NONE;
}

static int64_t machine_ns(void *context) {
    return read_counter(context);
}

static int64_t stolen_ns(void *context) {
    struct load_meter *m = context;
    return read_text(m, m->stat_fd) ? load_parse_stolen(m->text, sysconf(_SC_CLK_TCK)) : -1;
}

static int64_t self_ns(void *context) {
    struct timespec t;
    (void)context;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t now_ns(void *context) {
    (void)context;
    return clock_mono_ns();
}

struct load_meter *load_meter_new(const char *root) {
    struct load_meter *m = xcalloc(1, sizeof *m);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    CLEANUP_FREE char *stat = xasprintf("%s/%s", root, COUNTER[COUNTER_STAT].path);
    m->fd = -1;
    m->stat_fd = open(stat, O_RDONLY | O_CLOEXEC);
    m->text = xmalloc(TEXT_MAX);
    m->source = (struct load_source){.machine_ns = machine_ns,
                                     .self_ns = self_ns,
                                     .now_ns = now_ns,
                                     .stolen_ns = stolen_ns,
                                     .context = m,
                                     .cores = cores > 0 ? (int)cores : 1};
    choose_counter(m, root);
    if (m->counter == COUNTER_STAT) m->source.grain_ns = 1e9 / (double)sysconf(_SC_CLK_TCK) * m->source.cores;
    return m;
}

void load_meter_free(struct load_meter *m) {
    if (!m) return;
    if (m->fd >= 0) close(m->fd);
    if (m->stat_fd >= 0) close(m->stat_fd);
    free(m->text);
    free(m);
}

const struct load_source *load_meter_source(struct load_meter *m) {
    return &m->source;
}

const char *load_meter_name(const struct load_meter *m) {
    return COUNTER[m->counter].name;
}
