/* After a start from a backup: results that were published after it was made are read back from the public topic and
 * taken for what they are, so that nothing is measured again that everybody has seen, and nothing is published as
 * something else. On the loop's thread, before anything is scheduled. */
#pragma once
#include "coordinator/core.h"

/* Whether this store began with a backup and has not read back what came after it. */
bool adopt_wanted(struct core *core, struct error *err);
struct adopt_record {
    uint8_t *value; /* as published */
    size_t len;
};
struct adopt_batch {
    struct adopt_record *records;
    size_t count, bytes;
    int64_t adopted, unknown; /* added to: new to this store; of tasks that it never heard of */
};
/* A loop_fn; `context` is a struct adopt_batch. A result that is older than the store's, or the same, is none. */
int adopt_results(struct core *core, void *context, struct error *err);
/* A loop_fn: all was read. `context` is a struct adopt_batch, for the message. */
int adopt_done(struct core *core, void *context, struct error *err);
