/* One message for a run: what changed, on which devices, and the likely cause. Never more than one a run, and bounded.
 */
#pragma once
#include <jansson.h>

#include "coordinator/store/store.h"

#define DIGEST_ITEMS_MAX 10  /* findings that are told one by one; the others are counted */
#define DIGEST_SERIES_MAX 5  /* series that are named of each */
#define DIGEST_TEXT_MAX 2900 /* Slack takes sections of 3,000 characters */

struct digest_series {
    struct row_series series;
    double effect, norm_ns, band;
};
struct digest_item {
    struct row_finding finding;
    const char *cause_text;
    struct digest_series series[DIGEST_SERIES_MAX]; /* the most changed */
    size_t series_count;                            /* in all; DIGEST_SERIES_MAX of them are there */
    bool recovery;                                  /* back at its old norm */
};
struct digest {
    const char *sweep, *title;
    int64_t planned, measured;
    struct digest_item *items; /* slower first, the largest change first */
    size_t count;              /* here */
    size_t more;               /* findings beyond those */
    int open, again,
        dropped; /* findings open by now; series measured again, and those of them that were in order then */
};
/* Slower first, then recoveries, then faster; within each the largest change first. */
void digest_sort(struct digest_item *items, size_t count);
/* The message as Slack's incoming webhooks take it: {"text", "blocks"}. What comes from files and drivers is escaped.
 * New reference. */
json_t *digest_slack(const struct digest *digest);
/* Plain text, one line a finding and its series indented below. The caller frees. */
char *digest_text(const struct digest *digest);
