/* The history of a sweep's measurements in the store: one series per problem, kernel, size, device and role. */
#pragma once
#include "coordinator/core.h"
#include "coordinator/sweep/judge.h"

#define SERIES_NODE_DEVICE_SIZE (2 * LABEL_SIZE + 1)
#define SERIES_NIGHTS_KEPT 400 /* of each series, and none of more than so many days ago */

struct series_key {
    char problem[LABEL_SIZE], kernel[LABEL_SIZE], size[LABEL_SIZE];
    char node[LABEL_SIZE], device[LABEL_SIZE]; /* device: within its node */
    char target[TARGET_SIZE];
    char role[12]; /* candidate or baseline; a baseline's `kernel` is its name, such as fused */
};

/* Which run of which sweep a measurement belongs to. */
struct series_source {
    const char *sweep;   /* name */
    const char *run;     /* campaign id of the run */
    int64_t night_s;     /* Unix time at which the run was due */
    const char *problem; /* name; NULL: that of the attempt's task, which is in memory */
    int32_t repetition;  /* 0: first measurement of the run; 1 and more: again */
};

/* An attempt of a sweep's task was accepted: put its times (all its rows: the candidate's and the baselines') into the
 * series, in the open transaction. An attempt without times (a verdict other than correct) leaves no point. Telling the
 * same attempt twice is a no-op. ERR_IO. */
int series_record(struct core *core, const struct series_source *source, const struct rec_attempt *attempt,
                  struct error *err);

struct series {
    int64_t id; /* in the store */
    struct series_key key;
    struct sweep_point *points; /* oldest first; strings belong to the series */
    size_t count;
    bool muted;                 /* judged like the others, never told */
    struct judge_result result; /* once judged */
    bool again;                 /* night.h: to be measured again */
    char **texts;               /* what the points' texts are */
    size_t text_count;
};
struct series_set {
    struct series *items;
    size_t count;
};
/* All series of `sweep` (and `device` "node/device", `kernel` where not NULL) that have a point at or before `night_s`,
 * with their latest `nights` nights. By device, then problem, kernel, size, role. ERR_IO. */
int series_load(struct core *core, const char *sweep, const char *device, const char *kernel, int64_t night_s,
                int nights, struct series_set *ret, struct error *err);
void series_set_done(struct series_set *set);
