/* Outcomes of attempts: the first valid one of an attempt that was not revoked is the task's result. */
#pragma once
#include "coordinator/core.h"

/* Where a record came from, for dead letters. */
struct record_source {
    const char *topic;
    int32_t partition;
    int64_t offset;
    const void *payload; /* may be NULL */
    size_t len;
};
/* A record of the `attempts` topic. Duplicates, late ones and those of revoked attempts are noted and ignored; what
 * cannot be right becomes a dead letter with the reason. Fails for errors of the store only. */
int accept_attempt(struct core *core, const struct rec_attempt *attempt, const struct record_source *source,
                   struct error *err);
/* A record that cannot be used. */
int accept_dead_letter(struct core *core, const struct record_source *source, const char *reason, struct error *err);
