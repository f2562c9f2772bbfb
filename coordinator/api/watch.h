/* Watching a campaign: what changed since the last look. Shared by events and try. */
#pragma once
#include "coordinator/api/internal.h"
#include "coordinator/core.h"

#define WATCH_SUMMARY_MS 1000
struct watch {
    struct loop *loop;
    char campaign[CAMPAIGN_ID_SIZE];
    bool is_try;
    bool begun, ended;
    bool whole;    /* every cell was shown once */
    uint64_t seen; /* core->change up to which cells were shown */
    uint64_t pass; /* core->change at the beginning of this pass over the cells */
    size_t next;   /* where the pass goes on: a look shows a part of a large campaign */
    size_t cells;  /* as of the latest look */
    int64_t summary_mono_ms;
    struct map *results; /* try: tasks whose result was shown */
};
/* Answer with the events of a try, which is cancelled when the client leaves before its end (try.c). */
enum MHD_Result api_try_stream(struct request *request, const char *campaign);
/* A stream_next over a struct watch. */
bool watch_next(void *context, struct buf *out);
