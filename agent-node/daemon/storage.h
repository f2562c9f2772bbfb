/* What the agent writes beside the spool, and what to do when that fails: a cache that cannot be written, or a log that
 * cannot, is trouble (duty.h) until it can be again. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "agent-node/daemon/devices.h"
#include "agent-node/daemon/duty.h"

struct storage {
    const char *cache_dir; /* borrowed */
    struct duty *duty;
    int64_t cache_at_ms, log_at_ms; /* of the next look, monotonic */
    bool cache_trouble, cache_failed, log_trouble;
};
/* The strings and tables are borrowed. */
void storage_init(struct storage *s, const char *cache_dir, struct duty *duty);
/* Called about once a second. `cache_failing`: something for the cache could not be written lately. */
void storage_tick(struct storage *s, bool cache_failing, int64_t now_ms);
