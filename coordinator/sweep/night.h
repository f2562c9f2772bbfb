/* A whole night of a sweep: all series of all devices, judged together. Pure, like the judge: series in, findings out;
 * findings.c has the store. */
#pragma once
#include "coordinator/sweep/cause.h"
#include "coordinator/sweep/series.h"

#define NIGHT_AGAIN_OF_DEVICE 7 /* series that stand for a device which is suspected as a whole */

/* Judge the first measurements of the night `night_s`: sets `common` of the points, `result` and `again` of the series.
 * `series` are sorted by device (series_load() gives them so); series without a point of the night are not judged. At
 * most `again_max` are to be measured again, the clearest first. Returns how many. */
size_t night_first(struct series_set *set, int64_t night_s, const struct judge_config *config, size_t again_max);

/* One thing that changed, and where. */
struct night_finding {
    enum cause cause;
    bool faster;
    char device[SERIES_NODE_DEVICE_SIZE]; /* "node/device"; "" where it is several */
    double effect;                        /* the median over its series */
    size_t *series;                       /* indices into the set, most changed first */
    size_t series_count;
    struct cause_facts facts;
};
struct night_findings {
    struct night_finding *items;
    size_t count;
    size_t suspects, dropped; /* series that were measured again, and those of them that were in order then */
};
/* Judge with the second measurements (POINT_AGAIN) of the same night, and name causes. A suspect that was not measured
 * again is not told. Marks the beginning of the new level in the points (POINT_LEVEL). End with night_findings_done().
 */
void night_conclude(struct series_set *set, int64_t night_s, const struct judge_config *config,
                    struct night_findings *ret);
void night_findings_done(struct night_findings *findings);
