/* What became slower tonight: each series against its own history and noise. Pure: no store, no clock, no logging;
 * docs/sweep.md says the method and how well it does.
 *
 * Words: a *series* is one kernel (or baseline) of one problem at one size on one device, a point a measurement; points
 * of one night (`night_s` equal) are the first measurement and those made again in the same run. The *norm* is what a
 * series is compared with: its latest nights, at most `window`, before the nights that are judged. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum clock_state { CLOCKS_UNKNOWN, CLOCKS_NORMAL, CLOCKS_LOW };
enum point_flag {
    POINT_BUSY = 1,  /* others used the machine: neither norm nor judged; night.c clears it where they always do */
    POINT_LEVEL = 2, /* a level begins with this night: nights before it say how noisy the series is, no more */
    POINT_AGAIN = 4, /* measured again in the same run */
};
struct sweep_point {
    int64_t night_s; /* Unix time at which the run was due; equal for all points of a run */
    const char *device, *kernel;
    double time_ns, low_ns, high_ns; /* median of a launch, and the 10th and 90th percentile; > 0 */
    double common;                   /* logarithm of what the device as a whole was slower by; judge_common() sets it */
    const char *driver;              /* version as the driver reports it */
    const char *text_hash;           /* of the kernel's file and source */
    enum clock_state clocks;         /* whether something held them down */
    double clock_mhz;                /* under load; 0: nothing tells it */
    unsigned flags;                  /* enum point_flag */
};

struct judge_config {
    int window;        /* nights of the norm at most, JUDGE_WINDOW_MAX */
    int min_nights;    /* nights of the norm at least; fewer: JUDGE_TOO_FEW */
    int recent_max;    /* a small change may take so many nights to show */
    double min_effect; /* smallest change that is told, as a share: 0.03 */
    double alpha;      /* false discoveries among a night's findings */
};
#define JUDGE_WINDOW_MAX 60
#define JUDGE_RECENT_MAX 21
/* The defaults, and what a sweep's file may say under `judge:` (the same names; docs/sweep.md). */
extern const struct judge_config judge_defaults;

enum judge_verdict { JUDGE_NONE, JUDGE_TOO_FEW, JUDGE_SUSPECT_SLOWER, JUDGE_SUSPECT_FASTER };
struct judge_result {
    enum judge_verdict verdict;
    double effect;  /* new level over norm, less 1: 0.05 is 5 % slower */
    double p_value; /* of the rank test, corrected for the lengths tried; 1 where nothing was tested */
    double score;   /* distance of the level from the norm in units of the noise; > 0 slower */
    double norm_ns; /* median of the norm; NaN without one */
    double band;    /* the noise: a single night strays so far from the norm, as a share (3 standard deviations) */
    int nights;     /* of the norm */
    int recent;     /* nights that the new level has lasted, tonight counted; 0 for JUDGE_NONE */
};

/* Judge the last night of one series, `points` oldest first. Never fails; config as judge_config_check() allows. */
void judge_series(const struct sweep_point *points, size_t count, const struct judge_config *config,
                  struct judge_result *ret);

/* What all series of one device share in each night (a busy or throttled machine, a new driver) as the median over the
 * series of how far each is off its own median. Sets `common` of every point: points of `series[i]` number counts[i].
 */
void judge_common(struct sweep_point *const *series, const size_t *counts, size_t series_count);
/* The series of that common factor, as a series like any other (time_ns about 1): what became slower as a whole. A new
 * array of *ret_count points, one a night, oldest first, that the caller frees; strings are those of series[0]. A level
 * begins with a night where most series begin one. */
struct sweep_point *judge_device_series(struct sweep_point *const *series, const size_t *counts, size_t series_count,
                                        size_t *ret_count);

/* Benjamini and Hochberg over all series of a night: suspects that do not pass at config->alpha become JUDGE_NONE.
 * Returns how many suspects remain. */
size_t judge_night(struct judge_result *results, size_t count, const struct judge_config *config);

/* NULL, or what is wrong with it, as text. */
const char *judge_config_check(const struct judge_config *config);
